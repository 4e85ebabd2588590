#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <base/json.hpp>
#include <blob/many_stores.hpp>
#include <tenon/copies.hpp>

#include "core.hpp"

/// The stores beside the home's own: which there are (home/stores.json), which of them a tenant's backups are copied to, and how those
/// stood when they were looked at last (table `copy_policy`, `copy_state`).
namespace tenon::engine::stores {

/// One as it is kept.
struct Kept {
    BackupStore store{};
    std::string mark{};  ///< What its file `store` holds.
};

std::vector<Kept> read(const Home& home);
BackupStore add(EngineImpl& engine, const BackupStoreOptions& options);
void remove(EngineImpl& engine, const std::string& name);
[[nodiscard]] bool may_hold(const BackupStore& store, const std::string& region);

CopyPolicy policy(db::Reader& reader);
void set_policy(db::Tx& tx, const CopyPolicy& policy);
/// What is kept of a state as JSON: all but the store's name and the times.
base::Json state_json(const CopyState& state);
CopyState state_from(std::string store, const base::Json& json);
std::vector<CopyState> states(db::Reader& reader);
/// Those of which somebody was told that they fell behind.
std::set<std::string> told(db::Reader& reader);
/// Keeps what was seen of a store; what was known before of the times stays where they are unset.
void keep_state(db::Tx& tx, const CopyState& state, bool told);
void erase(db::Tx& tx);

/// The stores of a tenant's policy, and those with something of the tenant that must not hold it.
std::vector<blob::OtherStore> others_of(EngineImpl& engine, const db::TenantScope& scope);
/// Those that may hold the tenant's data, that its policy leaves out, and that still have something of it: as far as they answer, with what
/// lies there.
std::vector<CopyState> left_out(EngineImpl& engine, const db::TenantScope& scope);
/// Changes whenever others_of() does.
std::string stamp_of(EngineImpl& engine, const db::TenantScope& scope);
/// How many of the other stores must be whole for this level.
int needed(CommitLevel level, int others);

/// Removes an erased tenant's objects from every store; of one that is away, later: forget_erased().
void remove_files(EngineImpl& engine, const TenantId& tenant);
/// What stores that were away still hold of erased tenants. Throws nothing.
void forget_erased(EngineImpl& engine) noexcept;

std::vector<db::Migration> migrations();

}  // namespace tenon::engine::stores
