#pragma once

#include <cstdint>

#include <db/tx.hpp>
#include <tenon/id.hpp>

/// Whether what somebody remembers of a tenant's quotas still holds, answered without a lock: one number per tenant that
/// moves with every change, whichever engine of this process made it.
namespace tenon::tenant::live {

/// Never 0. Read it before the rows: what was read belongs to this version or a later one. Tenants may share a number, and
/// then one's change makes the other look again for nothing.
std::uint64_t version_of(const TenantId& tenant) noexcept;

/// A quota row of the transaction's tenant changes: its version moves before write() returns.
void moved(db::Tx& tx);

/// The same of users, roles, keys, logins and issuers: whether what is remembered of somebody's rights still holds.
std::uint64_t access_version_of(const TenantId& tenant) noexcept;
void access_moved(db::Tx& tx);

/// Another process changed something, of either kind.
void all_moved() noexcept;

}  // namespace tenon::tenant::live
