#pragma once

#include <cstdint>
#include <vector>

#include <db/tx.hpp>
#include <tenant/catalogues.hpp>
#include <tenon/tenant.hpp>

/// A tenant's way from one plan to another, and what that does to it.
namespace tenon::tenant::plan_changes {

/// What would happen: when, to which limits, to which features. `tenant` is as it stands at `now`.
PlanChange decide(db::Reader& reader, const Tenant& tenant, const PlanTerms& after, PlanEffect effect, Time now);

/// The history, newest first.
std::vector<PlanChange> list(db::Reader& reader, std::int32_t most);
void add(db::Tx& tx, const PlanChange& change);
/// The change that is planned, if there is one, has come to this end.
void end_planned(db::Tx& tx, PlanChangeState state);

}  // namespace tenon::tenant::plan_changes
