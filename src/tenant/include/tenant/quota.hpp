#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <db/database.hpp>
#include <tenon/quota.hpp>

/// The ledger: what a tenant may use, uses and has reserved. Exact; nothing is ever oversold.
///
/// Functions work in the caller's transaction, so that a change and its quota movement happen together or not at
/// all. `now` is read once by the caller, outside of the function that may run again.
namespace tenon::tenant::quota {

enum class CauseKind : std::uint8_t { none = 0, job = 1, camera = 2, upload = 3 };

/// What a hold belongs to once its asker has let go of it.
struct Cause {
    CauseKind kind = CauseKind::none;
    std::string id{};                 ///< Text of the job's or camera's id.
    std::int64_t fence = 0;           ///< Of the cause's run.
};

enum class HoldState : std::uint8_t { open = 1, committed = 2, released = 3, expired = 4 };

struct HoldInfo {
    HoldId id{};
    std::vector<Ask> asks{};          ///< What is held of each resource, in their order; after the end what was.
    HoldState state = HoldState::open;
    Cause cause{};
    std::optional<Time> expires_at{}; ///< Unset: as long as its cause lives.
};

struct ReserveOptions {
    std::vector<Ask> asks{};          ///< At least one; a resource at most once; amounts 1 to 2⁵³.
    Duration ttl = std::chrono::minutes(10);   ///< 1 s to 7 days. Ignored with a cause.
    std::string idempotency{};
    Cause cause{};                    ///< Set: the hold belongs to it from the start and has no end of its own.
};

/// All asks or none. `id` comes from the caller, so that running again makes the same hold.
///
/// Throws    QuotaExceeded (resource, limit, used with what is reserved, resets_at for periods), InvalidArgument,
///           Conflict (the idempotency key was used for other asks, or its hold was given back).
HoldInfo reserve(db::Tx& tx, const HoldId& id, const ReserveOptions& options, Time now);
/// Empty instead of QuotaExceeded; the transaction then goes on as if nothing had been asked.
[[nodiscard]] std::optional<HoldInfo> try_reserve(db::Tx& tx, const HoldId& id, const ReserveOptions& options, Time now);

/// Asks for more of one of its resources. Throws QuotaExceeded, Conflict (no longer open), NotFound.
void extend(db::Tx& tx, const HoldId& id, const Ask& more, Time now);

/// Counts a part of what is held as used and keeps the hold open: for what is charged as it lands. Levels only.
/// Throws InvalidArgument (more than is held), Conflict, NotFound.
void spend(db::Tx& tx, const HoldId& id, const Ask& part, Time now);

/// Counts `actual` as used, returns the rest and ends the hold. A resource that `actual` does not name was not used.
/// Again: does nothing. What a period counts gets its usage event too, source "hold", for `project` if one is given.
/// Throws InvalidArgument (more than is held), Conflict (released, or expired meanwhile), NotFound.
void commit(db::Tx& tx, const HoldId& id, const std::vector<Ask>& actual, Time now, const std::optional<ProjectId>& project = {});

/// Returns everything and ends the hold. Again, or after any other end: does nothing. Throws NotFound.
void release(db::Tx& tx, const HoldId& id, Time now);

/// Gives an open hold to a job or camera: it then lives until that commits or releases it.
/// Throws Conflict (no longer open), NotFound.
void detach(db::Tx& tx, const HoldId& id, const Cause& cause);

[[nodiscard]] std::optional<HoldInfo> find(db::Reader& reader, const HoldId& id);
/// Open holds of a cause.
std::vector<HoldInfo> of_cause(db::Reader& reader, CauseKind kind, const std::string& id);

/// Whom open holds of one kind name, of every tenant.
std::vector<std::pair<TenantId, std::string>> causes(db::SystemReader& reader, CauseKind kind);

/// Takes and counts at once, for what needs no hold. Levels only. Throws QuotaExceeded.
void charge(db::Tx& tx, const Ask& ask, Time now);
/// Gives back what exists no longer. Levels only. Throws InternalError when more is given back than is used.
void free(db::Tx& tx, const Ask& ask, Time now);

/// Gives back what a host's holds have committed of what only hosts count: sites and agents. Throws InvalidArgument, Conflict
/// (less is used).
void give_back(db::Tx& tx, const Ask& ask, Time now);

/// Something was refused for want of `resource`: the tenant is warned, once in a period. For a transaction of its own, since
/// that of the refusal leaves nothing. What is no resource of a plan (a rate, say) is passed over.
void note_refusal(db::Tx& tx, const std::string& resource, Time now);

/// Every resource of the plan, in the order of its number.
std::vector<Quota> snapshot(db::Reader& reader, Time now);
Quota get(db::Reader& reader, Resource resource, Time now);

/// The limits that the tenant has in place of its plan's, by name.
std::vector<LimitOverride> overrides(db::Reader& reader, Time now);

/// What holds whose time is up still hold of a resource.
std::int64_t lapsed(db::Reader& reader, Resource resource, Time now);

/// Returns due holds that have no cause. Returns how many ended. Reserving does the same for its own tenant before it
/// refuses anything; this is for tenants that nobody asks about. One whose rows are wrong keeps no other from it: what failed
/// first is thrown at the end.
std::int64_t expire(db::Database& database, const db::SystemScope& system,
                    const std::function<db::TenantScope(const TenantId&)>& scope_of, Time now);

/// Returns open holds whose cause is gone. Returns how many. Throws as expire() does: at the end.
std::int64_t recover(db::Database& database, const db::SystemScope& system,
                     const std::function<db::TenantScope(const TenantId&)>& scope_of,
                     const std::function<bool(const TenantId&, const Cause&)>& is_live, Time now);

}  // namespace tenon::tenant::quota
