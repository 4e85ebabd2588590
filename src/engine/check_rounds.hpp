#pragma once

#include <optional>
#include <string>

#include <tenon/backup.hpp>

#include "core.hpp"

/// How far checks that read a share of a repository have come, for each level (table `backup_check`).
namespace tenon::engine::check_rounds {

struct Round {
    std::string after{};            ///< The pack that was read last.
    Time began{};                   ///< When the check began that came round last, or the first one.
    std::optional<Time> since{};    ///< All that was there then has been read since. Unset: not yet.
};

std::vector<db::Migration> migrations();
std::optional<Round> find(db::Reader& reader, CheckLevel level);
/// What becomes of it by a check that began at `began`; `whole`: which read everything.
Round after_check(const std::optional<Round>& before, const std::string& last, bool came_round, bool whole, Time began);
void keep(db::Tx& tx, CheckLevel level, const Round& round);
void erase(db::Tx& tx);

}  // namespace tenon::engine::check_rounds
