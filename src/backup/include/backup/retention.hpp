#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <backup/repository.hpp>

/// What a snapshot is said to be after it was taken: its tags, that it is held, and that nobody wants it any more. All are records in the
/// repository's log; the snapshot's object stays as it is, and its space until it is collected.
namespace tenon::backup {

/// A snapshot stays if any of these wants it. Counted in buckets of time, of which the newest snapshot counts.
struct KeepRules {
    static constexpr std::int32_t every = -1;  ///< As a number below: all there are.
    std::int32_t last = 0;
    std::int32_t hourly = 0, daily = 0, weekly = 0, monthly = 0, yearly = 0;  ///< Weeks begin on Monday (ISO 8601).
    Duration within{};                 ///< At most so much older than the newest.
    std::vector<Label> tags{};         ///< With one of these; an empty value stands for any.
    Duration utc_offset{};             ///< Of the clock on the wall by which hours, days … are counted.
    std::function<Duration(Time)> offset_at{};  ///< Instead of it, of a clock that is set forward and back.
};

/// What becomes of one snapshot, and why.
struct Verdict {
    SnapshotInfo snapshot{};
    bool kept = false;
    std::vector<std::string> reasons{};  ///< For people: "daily 2026-11-21", "tag keep". Empty: no rule wants it.
};

/// Applies the rules to each name by itself; the newest of a name and what is held stay whatever they say. Newest first.
/// Throws InvalidArgument for rules that want nothing, and for numbers below -1.
std::vector<Verdict> apply(const KeepRules& rules, std::vector<SnapshotInfo> snapshots);

/// Nobody finds these any more, also of those that cannot be read. Throws NotFound, and
/// Conflict for one that is held; then forgets none of them.
void forget(Repository& repository, const std::vector<SnapshotId>& ids, std::stop_token stop);

/// It is there, in no list, and whatever it needs keeps a prune from removing anything.
[[nodiscard]] bool is_unreadable(const Repository& repository, const SnapshotId& id, std::stop_token stop);

/// From now on these are the snapshot's tags. Throws NotFound.
SnapshotInfo set_tags(Repository& repository, const SnapshotId& id, const std::vector<Label>& tags, std::stop_token stop);

/// From now on it is not forgotten, for this reason; empty: it is held no more. Whoever forgets meanwhile is to be kept out: what is
/// forgotten stays so. Throws NotFound.
SnapshotInfo set_hold(Repository& repository, const SnapshotId& id, const std::string& reason, std::stop_token stop);

}  // namespace tenon::backup
