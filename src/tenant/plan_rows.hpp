#pragma once

#include <optional>
#include <string_view>

#include <db/tx.hpp>
#include <tenant/catalogues.hpp>

namespace tenon::tenant {

/// Table `plan`: every version of every plan that a tenant of this home may have.

/// Whether every plan is there as it is, so that opening a home writes nothing.
[[nodiscard]] bool are_stored(db::SystemReader& reader, const Catalogues& catalogues);
/// Adds those that are not there yet. Throws Conflict if one differs from the stored one of the same version.
void store_plans(db::SystemTx& tx, const Catalogues& catalogues);

[[nodiscard]] std::optional<PlanTerms> read_plan(db::Reader& reader, std::string_view name, std::int32_t version);
[[nodiscard]] std::optional<PlanTerms> read_plan(db::SystemReader& reader, std::string_view name, std::int32_t version);

}  // namespace tenon::tenant
