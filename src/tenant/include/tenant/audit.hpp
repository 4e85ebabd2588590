#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <base/clock.hpp>
#include <base/json.hpp>
#include <db/database.hpp>
#include <tenant/actor.hpp>
#include <tenon/audit.hpp>
#include <tenon/error.hpp>

/// One log per tenant, and one of the operators. Records form a hash chain; layouts: docs/design/tenant.md.
namespace tenon::tenant::audit {

/// What was done.
struct Entry {
    Time time{};
    std::string action{};                   ///< "project.create": lower case, a point, a verb.
    std::string target{};                   ///< The id of what it was done to. Empty: the tenant.
    Errc outcome{};                         ///< Unset (0): it was done.
    base::Json details{};                   ///< Null or an object. Personal: erasable.
};

/// Adds a record to the log of the transaction's tenant. What it describes and the record become durable together.
void append(db::Tx& tx, const Actor& actor, const Entry& entry);

/// What was refused, recorded within bounds: a caller who asks in a loop for what he may not have must not fill the trail, nor
/// keep the disk busy. Of refusals alike so many a minute have a record each; the others are counted, and the next record of
/// their kind, or one at the end of their minute, tells how many there were. A process that is killed takes the counts of its
/// last minute along. Nothing that changes anything goes this way.
///
/// Threads   any member, from any thread, at once.
class Refusals {
public:
    static constexpr int recorded_each = 10;                           ///< In a window, of one kind.
    static constexpr Duration window = std::chrono::minutes(1);
    static constexpr std::size_t most_kinds = 256;                     ///< Of one tenant; what is more is counted together.

    Refusals(db::Database& database, std::shared_ptr<const base::Clock> clock);

    /// Records it in a transaction of its own, or counts it. Never throws: the refusal itself is what the caller must hear.
    void append(const db::TenantScope& scope, const Actor& actor, const Entry& entry, const Error& error) noexcept;
    /// Records what was counted in windows that are over.
    void settle() noexcept { settle(false); }
    /// Records all that was counted: the last thing before the store is closed.
    void close() noexcept { settle(true); }
    /// The tenant was erased: nobody of it is to be named any more.
    void forget(const TenantId& tenant) noexcept;

private:
    struct Kind {
        ActorKind actor_kind{};
        std::string actor{};
        std::string action{};
        Errc code{};
        friend auto operator<=>(const Kind&, const Kind&) = default;
    };
    struct Count {
        db::TenantScope scope;
        Actor actor{};
        Entry last{};            ///< Of those that were only counted.
        Duration begun{};        ///< The window.
        int recorded = 0;        ///< In it.
        std::int64_t counted = 0;
    };
    using Kinds = std::map<Kind, Count>;

    void settle(bool all) noexcept;
    bool admit(const db::TenantScope& scope, Actor& actor, Entry& entry);
    void count(const db::TenantScope& scope, const Actor& actor, const Entry& entry, std::int64_t more);
    bool write(const db::TenantScope& scope, const Actor& actor, const Entry& entry) noexcept;
    Count& place_of(const db::TenantScope& scope, Actor& actor, Entry& entry);

    db::Database& database_;
    const std::shared_ptr<const base::Clock> clock_;
    std::mutex mutex_;
    std::map<TenantId, Kinds> kinds_;  // under mutex_
};

/// Runs `work`. A refusal that matters for the trail (a quota, a permission, a state) leaves its own record before it goes on.
template <class Work>
auto attempt(Refusals& refusals, const db::TenantScope& scope, const Actor& actor, const Entry& entry, Work&& work)
    -> std::invoke_result_t<Work&> {
    try {
        return work();
    } catch (const Error& error) {
        if (error.code() == Errc::quota_exceeded || error.code() == Errc::permission_denied)
            refusals.append(scope, actor, entry, error);
        throw;
    }
}

std::vector<AuditRecord> list(db::Reader& reader, const AuditFilter& filter);

/// Recomputes a log from its first record, in pages, so that a long one starves nobody. Throws Corrupt; the subject is
/// the seq of the first record that does not fit, or "end" when what is noted of the log's end makes no sense.
AuditReport verify(db::Database& database, const db::TenantScope& scope);

/// Walks the records that a filter wants, oldest first and in pages; its limit counts for nothing.
void each_record(db::Database& database, const db::TenantScope& scope, AuditFilter filter, const std::function<void(const AuditRecord&)>& take);

/// The record as one line of JSON, with its end.
void append_json_line(std::string& to, const AuditRecord& record);
/// Writes them to a new file. Throws Conflict if it exists.
AuditListing export_list(db::Database& database, const db::TenantScope& scope, const AuditListOptions& options);

/// See Audit::erase_personal(). In transactions of its own, each with its record.
ErasedPersonal erase_personal(db::Database& database, const db::TenantScope& scope, const Actor& actor, const ErasePersonalOptions& options,
                              Time now);

/// How long the reader's log is kept; `plan_days`: what its plan says.
AuditRetention retention(db::Reader& reader, const std::optional<std::int32_t>& plan_days);
void set_retention(db::Tx& tx, const Actor& actor, const AuditRetentionOptions& options, Time now);
/// Records that what was recorded before that time will be pruned, if there is any that a checkpoint covers and no legal hold keeps.
bool announce_prune(db::Database& database, const db::TenantScope& scope, const Actor& actor, Time before, Time now);
/// Prunes what was announced, which a checkpoint is to have signed by now: the verifier looks for it. In transactions of its own; a
/// legal hold, or `stopping`, ends it between them, and another call goes on. Returns how many records went.
std::int64_t prune(db::Database& database, const db::TenantScope& scope, const std::function<bool()>& stopping);
/// The tenants, or partners, that have a log, by id.
std::vector<TenantId> logs(db::SystemReader& reader, const std::optional<TenantId>& after, std::int32_t limit);

/// Forgets a person: records of that actor stay and still verify, but no longer say who it was. Returns whether there
/// was anything to forget.
bool forget_actor(db::Tx& tx, std::string_view id);

}  // namespace tenon::tenant::audit
