#pragma once

#include <optional>
#include <string>
#include <vector>

#include <backup/checkpoint.hpp>

#include "core.hpp"

/// The newest checkpoint of each tenant's repository that this home has seen, outside of the repository: what is put back there to an older
/// state, or replaced by another copy, does not have it.
namespace tenon::engine::checkpoint_rows {

struct Known {
    std::int64_t number = 0;
    std::string record{};
    std::string told{};   ///< What an event has said of, so that it is said once.
};

std::vector<db::Migration> migrations();
std::optional<Known> find(db::Reader& reader);
/// Never an older one than what is there, unless that is `forced`.
void remember(db::Tx& tx, std::int64_t number, const std::string& record, bool forced);
void tell(db::Tx& tx, const std::string& told);
void erase(db::Tx& tx);

}  // namespace tenon::engine::checkpoint_rows
