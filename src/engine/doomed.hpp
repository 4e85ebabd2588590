#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include <db/database.hpp>

#include "workspace.hpp"

/// Table `doomed`: files and folders of a workspace that no row names any more. The transaction that removes what named
/// them writes these rows, the files go once it is durable, the rows last. Whoever dies in between leaves rows that the next
/// sweep works off, in whichever process.
namespace tenon::engine::doomed {

std::vector<db::Migration> migrations();

/// `path`: below the workspace. What belongs to it has been given back by the same transaction: nothing is charged for it.
void add(db::Tx& tx, const std::filesystem::path& path, const Workspace& workspace);

/// Removes what the tenant's rows name, and the rows. What cannot be removed keeps its row; the last error is returned.
std::error_code sweep(db::Database& database, const db::TenantScope& scope, const Workspace& workspace);

/// The tenants that have rows.
std::vector<TenantId> tenants(db::Database& database, const db::SystemScope& system);

/// Every row of a tenant that is being erased.
void erase(db::Tx& tx);

}  // namespace tenon::engine::doomed
