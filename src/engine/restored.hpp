#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <backup/repository.hpp>
#include <db/database.hpp>

#include "workspace.hpp"

/// Table `restored`: files that a restore brought into a workspace and that no other row names, each with the bytes that are
/// charged for it. They are charged before the first of them is written; settle() frees what did not come or has gone since.
namespace tenon::engine::restored {

std::vector<db::Migration> migrations();

/// Charges what these files will take beyond what they take now. Throws QuotaExceeded; nothing is charged then. Returns those
/// that another row names and has charged already. Nobody else may restore into the workspace, here and in settle().
/// `job`: whose restore it is. What an attempt of it that died had held is given back.
std::vector<backup::RestoredFile> admit(db::Database& database, const db::TenantScope& scope, const Workspace& workspace, const JobId& job,
                                        const std::vector<backup::RestoredFile>& files, Time now);

/// Brings what is charged down to what lies on the disk and is nobody else's. `files`: what admit() returned; those that
/// lost their rows while they were being restored are charged, or removed where there is no room. Returns what was removed.
std::vector<std::string> settle(db::Database& database, const db::TenantScope& scope, const Workspace& workspace,
                                const std::vector<backup::RestoredFile>& files, Time now);

/// What a restore into the workspace may delete that its snapshot lacks: never what an asset, an export or a recording is, or is about to be,
/// nor the folders that these lie in. What is deleted is freed by settle().
std::function<bool(const std::string& path, bool is_folder)> deletions(db::Database& database, const db::TenantScope& scope);

/// Frees what is charged for recorded segments: who takes them in charges them.
void hand_over_footage(db::Database& database, const db::TenantScope& scope, Time now);

/// Every row of a tenant that is being erased.
void erase(db::Tx& tx);

}  // namespace tenon::engine::restored
