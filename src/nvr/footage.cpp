#include <nvr/footage.hpp>

#include <algorithm>

#include <fcntl.h>

#include <base/file.hpp>
#include <nvr/day_index.hpp>
#include <nvr/recovery.hpp>
#include <nvr/segment_file.hpp>
#include <tenon/error.hpp>

#include "footage_files.hpp"
#include "footage_index.hpp"

namespace tenon::nvr {

namespace {

/// What a day's index says. The files are the truth: where it cannot, they do, though it takes longer.
std::vector<IndexRecord> records_of(const std::filesystem::path& folder) {
    try {
        return read_index(folder / kIndexName).records;
    } catch (const Error& error) {
        if (error.code() != Errc::corrupt && error.code() != Errc::not_found) throw;
    }
    std::vector<IndexRecord> records;
    for (const auto& name : segments_of(folder)) {
        try {
            const auto scan = scan_segment(base::open_file(folder / name, O_RDONLY), name, ~std::uint64_t{0});
            records.insert(records.end(), scan.records.begin(), scan.records.end());
        } catch (const Error&) {  // one that is being made, or cannot be read
        }
    }
    return records;
}

}  // namespace

std::vector<DayFootage> footage_between(const std::filesystem::path& folder, std::optional<Time> start, std::optional<Time> end) {
    std::vector<DayFootage> days;
    if (end && *end < Time{}) return days;
    const auto first = start ? day_of(std::max(*start, Time{})) : 0;
    const auto last = end ? day_of(*end) : ~0u;
    for (const auto day : days_of(folder)) {
        // A segment lies with the day it began in, and may reach into the next.
        if (day + 1 < first || day > last) continue;
        days.push_back({folder / day_name(day), records_of(folder / day_name(day))});
        // Retention takes the oldest; the index of the newest day is its recorder's, and says so later.
        const auto oldest = DayFiles(days.back().folder).first();
        std::erase_if(days.back().records, [&](const IndexRecord& record) { return record.ordinal < oldest; });
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
    constexpr Duration day = std::chrono::days(1);
    const auto behind = range.end > Time::max() - day ? Time::max() : range.end + day;
    for (const auto& run : list_recordings(folder, {.start = range.start, .end = behind})) {
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
