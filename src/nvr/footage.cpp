#include <nvr/footage.hpp>

#include <algorithm>

#include <nvr/day_index.hpp>
#include <nvr/recovery.hpp>
#include <tenon/error.hpp>

#include "footage_index.hpp"

namespace tenon::nvr {

std::vector<DayFootage> footage_between(const std::filesystem::path& folder, std::optional<Time> start, std::optional<Time> end) {
    std::vector<DayFootage> days;
    for (const auto day : days_of(folder)) {
        // A segment lies with the day it began in, and may reach into the next.
        if (start && day + 1 < day_of(*start)) continue;
        if (end && day > day_of(*end)) continue;
        try {
            days.push_back({folder / day_name(day), read_index(folder / day_name(day) / kIndexName).records});
        } catch (const NotFound&) {  // a day whose first segment is being made
        }
    }
    return days;
}

bool goes_on(const IndexRecord& before, const IndexRecord& record) {
    if (record.flags & (record_run_start | record_discontinuity)) return false;
    const auto hole = record.start - before.end();
    return hole < kLargestHole && hole > -kLargestHole;
}

std::vector<RecordingInfo> list_recordings(const std::filesystem::path& folder, const RecordingFilter& filter) {
    std::vector<RecordingInfo> list;
    std::optional<IndexRecord> before;
    for (const auto& day : footage_between(folder, filter.start, filter.end)) {
        for (const auto& record : day.records) {
            if (!before || !goes_on(*before, record)) {
                list.push_back({.start = record.start, .end = record.end(), .gap_before = to_string(record.reason)});
            }
            auto& info = list.back();
            info.end = std::max(info.end, record.end());
            info.size.count += record.bytes;
            info.frames += record.frames;
            before = record;
        }
    }
    std::erase_if(list, [&](const RecordingInfo& info) {
        return (filter.start && info.end <= *filter.start) || (filter.end && info.start >= *filter.end);
    });
    return list;
}

}  // namespace tenon::nvr
