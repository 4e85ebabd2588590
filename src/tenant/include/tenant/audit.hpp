#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

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

/// Records, in a transaction of its own, that something was refused. Never throws: the refusal itself is what the caller
/// must hear.
void append_refusal(db::Database& database, const db::TenantScope& scope, const Actor& actor, const Entry& entry,
                    const Error& error) noexcept;

/// Runs `work`. A refusal that matters for the trail (a quota, a permission, a state) leaves its own record before it goes on.
template <class Work>
auto attempt(db::Database& database, const db::TenantScope& scope, const Actor& actor, const Entry& entry, Work&& work)
    -> std::invoke_result_t<Work&> {
    try {
        return work();
    } catch (const Error& error) {
        if (error.code() == Errc::quota_exceeded || error.code() == Errc::permission_denied)
            append_refusal(database, scope, actor, entry, error);
        throw;
    }
}

std::vector<AuditRecord> list(db::Reader& reader, const AuditFilter& filter);

/// Recomputes a log from its first record, in pages, so that a long one starves nobody. Throws Corrupt; the subject is
/// the seq of the first record that does not fit, or "end" when what is noted of the log's end makes no sense.
AuditReport verify(db::Database& database, const db::TenantScope& scope);

/// Forgets a person: records of that actor stay and still verify, but no longer say who it was. Returns whether there
/// was anything to forget.
bool forget_actor(db::Tx& tx, std::string_view id);

}  // namespace tenon::tenant::audit
