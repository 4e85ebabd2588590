#include <nvr/footage.hpp>

#include <algorithm>

#include <nvr/day_index.hpp>
#include <nvr/recovery.hpp>
#include <tenon/error.hpp>

#include "footage_files.hpp"
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
            // Retention takes the oldest; the index of the newest day is its recorder's, and says so later.
            auto& records = days.back().records;
            const auto first = DayFiles(days.back().folder).first();
            std::erase_if(records, [&](const IndexRecord& record) { return record.ordinal < first; });
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

std::vector<FootageSpan> list_spans(const std::filesystem::path& folder, const TimeRange& range, const SpanFacts& facts) {
    std::vector<FootageSpan> spans;
    const auto end = std::min(range.end, std::max(facts.now, range.start));
    auto at = range.start;
    const auto gap = [&](Time until, const std::string& reason) {
        if (facts.pruned_until && at < *facts.pruned_until) {
            const auto pruned = std::min(until, *facts.pruned_until);
            spans.push_back({SpanKind::gap, at, pruned, to_string(GapReason::retention)});
            at = pruned;
        }
        if (at < until) spans.push_back({SpanKind::gap, at, until, reason});
        at = std::max(at, until);
    };
    // A day behind the range: what comes next says why nothing came before it.
    for (const auto& run : list_recordings(folder, {.start = range.start, .end = range.end + std::chrono::days(1)})) {
        const auto start = std::clamp(run.start, range.start, end);
        if (start > at) gap(start, run.gap_before);
        else if (!run.gap_before.empty() && run.start >= range.start && run.start < end)
            spans.push_back({SpanKind::gap, start, start, run.gap_before});
        const auto until = std::min(run.end, end);
        if (until > at) spans.push_back({SpanKind::footage, at, until, {}});
        at = std::max(at, until);
    }
    if (at < end) gap(end, facts.now_missing);
    return spans;
}

}  // namespace tenon::nvr
