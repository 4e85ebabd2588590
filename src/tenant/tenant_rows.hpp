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
    Tenant tenant{};
    std::uint64_t epoch = 0;
};

/// The transaction's own tenant, as stored. Throws NotFound.
TenantRow own_row(db::Reader& reader);
/// The terms of the plan that it has. Throws NotFound, Corrupt.
PlanTerms own_terms(db::Reader& reader);

[[nodiscard]] std::optional<TenantRow> read_row(db::SystemReader& reader, const TenantId& id);
[[nodiscard]] std::optional<TenantRow> read_slug(db::SystemReader& reader, const std::string& slug);
/// Oldest first. States are the stored ones: the caller filters by what holds now.
std::vector<TenantRow> read_page(db::SystemReader& reader, const std::optional<TenantId>& after, std::int32_t limit);
/// Those changed since; `epoch` moves to the newest of them.
std::vector<TenantId> changed_since(db::SystemReader& reader, std::uint64_t& epoch);
std::uint64_t newest_epoch(db::SystemReader& reader);
/// Those in `erasing` whose time has come.
std::vector<TenantId> due_rows(db::SystemReader& reader, Time now);

/// The next epoch: each change of any tenant has its own, so that one number says what a cache has missed.
std::uint64_t next_epoch(db::SystemTx& tx);
void insert_row(db::SystemTx& tx, const TenantRow& row);
/// State, trial_ends_at, erased_at, name and slug, under the row's epoch.
void update_row(db::SystemTx& tx, const TenantRow& row);
/// What this room keeps of a tenant, but for its row, its audit records and who it was that they speak of.
void remove_rows(db::SystemTx& tx, const TenantId& id);

}  // namespace tenon::tenant
