#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include <db/database.hpp>
#include <tenon/operator.hpp>

/// What an erasure removes of a tenant, counted before it does.
namespace tenon::engine::erasure {

/// Rows of each table that an erased tenant has none of (`tenant_tables.hpp`), where there are any.
std::vector<RemovedCount> count(db::SystemReader& reader, const TenantId& id);

struct Weight {
    std::int64_t files = 0, bytes = 0;
};
/// Of files and folders that may not exist.
Weight weigh(std::span<const std::filesystem::path> places);
/// Overwrites what a key's file holds, for a disk that does so in place. The file is to be removed next.
void shred(const std::filesystem::path& path);

}  // namespace tenon::engine::erasure
