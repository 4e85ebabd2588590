#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <db/tx.hpp>
#include <tenant/catalogues.hpp>
#include <tenon/operator.hpp>

namespace tenon::tenant {

/// A row of table `tenant`.
struct TenantRow {
    Tenant tenant{};                            ///< As stored.
    std::uint64_t epoch = 0;
    std::optional<Time> activated_at{};         ///< When a trial was made a paying tenant.
    std::optional<TenantState> state_before{};  ///< Being erased: what undoing brings back.
};

/// Its undo window has passed: it is not undone any more, and its files may be gone.
bool is_due(const Tenant& tenant, Time now) noexcept;
/// Something of it may be gone.
bool erasure_has_begun(db::SystemReader& reader, const TenantId& id);

/// The transaction's own tenant, as stored. Throws NotFound.
TenantRow own_row(db::Reader& reader);
/// The terms of the plan that it has at `now`. Throws NotFound, Corrupt.
PlanTerms own_terms(db::Reader& reader, Time now);

[[nodiscard]] std::optional<TenantRow> read_row(db::SystemReader& reader, const TenantId& id);
/// Without a partner the operator's own before a partner's.
[[nodiscard]] std::optional<TenantRow> read_slug(db::SystemReader& reader, const std::string& slug, const std::optional<PartnerId>& partner = {});
/// Oldest first, of one partner (nil: the operator's own) or all. States and plans are the stored ones: the caller filters by what
/// holds now.
std::vector<TenantRow> read_page(db::SystemReader& reader, const std::optional<TenantId>& after, std::int32_t limit,
                                 const std::optional<PartnerId>& partner = {});
/// Whether a tenant of the partner is not erased.
bool has_tenants(db::SystemReader& reader, const PartnerId& partner);
/// Those changed since; `epoch` moves to the newest of them.
std::vector<TenantId> changed_since(db::SystemReader& reader, std::uint64_t& epoch);
std::uint64_t newest_epoch(db::SystemReader& reader);
/// Those in `erasing` whose time has come.
std::vector<TenantId> due_rows(db::SystemReader& reader, Time now);
/// Those whose planned change of plan is due, at most so many.
std::vector<TenantId> due_plans(db::SystemReader& reader, Time now, std::int32_t most);
std::vector<TenantId> lapsed_rows(db::SystemReader& reader, Time after, Time until);

/// The next epoch: each change of any tenant has its own, so that one number says what a cache has missed.
std::uint64_t next_epoch(db::SystemTx& tx);
void insert_row(db::SystemTx& tx, const TenantRow& row);
/// All that can change of a row, under its epoch. Throws Conflict when the slug is taken.
void update_row(db::SystemTx& tx, const TenantRow& row);
/// What this room keeps of a tenant, but for its row, its audit records and who it was that they speak of.
void remove_rows(db::SystemTx& tx, const TenantId& id);

}  // namespace tenon::tenant
