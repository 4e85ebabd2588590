// What retention does to a camera's footage: whole segments go, the oldest first.
#include <algorithm>
#include <map>
#include <set>

#include <unistd.h>

#include <base/file.hpp>
#include <nvr/day_index.hpp>
#include <nvr/recovery.hpp>
#include <tenant/quota.hpp>
#include <tenon/error.hpp>

#include "camera_run.hpp"

namespace tenon::nvr {
namespace {

namespace quota = tenant::quota;
using rows::KeptSegment;

constexpr std::size_t kMostAtOnce = 500;  // the clerk has other cameras

/// Segments that are not kept any more. In the newest day, whose index is its recorder's, they are its first ones.
std::vector<KeptSegment> choose(const std::vector<KeptSegment>& all, const std::vector<TimeRange>& staying, const Retention& retention,
                                Time now) {
    const auto stays = [&](const KeptSegment& kept) {
        return std::any_of(staying.begin(), staying.end(), [&](const TimeRange& range) {
            return range.start < kept.segment.end && range.end > kept.segment.start;
        });
    };
    std::vector<KeptSegment> going;
    std::int64_t weight = 0;  // of what may go: protected footage must not drive out everything else
    for (const auto& kept : all)
        if (!stays(kept)) weight += static_cast<std::int64_t>(kept.segment.bytes);
    for (const auto& kept : all) {
        const bool expired = retention.keep_for > Duration{} && kept.segment.end < now - retention.keep_for;
        const bool heavy = retention.keep_bytes.count > 0 && weight > retention.keep_bytes.count;
        if (going.size() == kMostAtOnce || (!expired && !heavy)) break;  // what follows is younger
        const bool held = !kept.finished || stays(kept);
        if (held && kept.segment.day == all.back().segment.day) break;
        if (held) continue;
        going.push_back(kept);
        weight -= static_cast<std::int64_t>(kept.segment.bytes);
    }
    return going;
}

/// Takes the records of what is gone out of a day's index, and says why footage is missing where it goes on.
void rewrite(const std::filesystem::path& folder, const std::set<std::uint16_t>& gone, const crypto::SigningKey* key) {
    auto content = read_index(folder / kIndexName);
    std::vector<IndexRecord> left;
    bool hole = false;
    for (auto record : content.records) {
        if (gone.contains(record.ordinal)) {
            hole = true;
            continue;
        }
        if (std::exchange(hole, false) && record.reason == GapReason::none) {
            record.reason = GapReason::retention;
            record.flags |= record_discontinuity;
        }
        left.push_back(record);
    }
    replace_index(folder, content.header, left, key);
}

}  // namespace

bool may_prune(db::Reader& reader, const rows::CameraRow& camera, Time now) {
    const auto& [keep_for, keep_bytes] = camera.retention;
    if (keep_bytes.count > 0 && rows::weigh(reader, camera.id).bytes > keep_bytes.count) return true;
    const auto oldest = rows::oldest_end(reader, camera.id);
    return keep_for > Duration{} && oldest && *oldest < now - keep_for;
}

void prune(RunContext& context, const db::TenantScope& scope, const rows::CameraRow& camera, const std::vector<TimeRange>& in_use) {
    std::vector<KeptSegment> all;
    auto staying = in_use;
    std::optional<rows::SiteRow> site;
    context.database.read(scope, [&](db::Reader& reader) {
        all = rows::segments(reader, camera.id);
        for (const auto& protection : rows::protections(reader, camera.id)) staying.push_back({protection.start, protection.end});
        site = rows::find_site(reader, camera.site);
    });
    const auto now = context.options.clock->now();
    const auto going = choose(all, staying, camera.retention, now);
    if (going.empty() || !site) return;
    const auto folder = context.options.folder(scope.tenant()) / camera.id.text();
    std::map<std::uint32_t, std::set<std::uint16_t>> days;
    std::int64_t bytes = 0;
    for (const auto& kept : going) {
        const auto path = path_of(folder, kept.segment);
        if (::unlink(path.c_str()) != 0 && errno != ENOENT) base::throw_errno("cannot remove a recording", path);
        days[kept.segment.day].insert(kept.segment.ordinal);
        bytes += static_cast<std::int64_t>(kept.segment.bytes);
    }
    const auto key = rows::signing_key(*site, context.master);
    for (const auto& [day, gone] : days) {
        const auto day_folder = folder / day_name(day);
        if (day == all.back().segment.day) continue;  // its index is being written
        if (segments_of(day_folder).empty()) std::filesystem::remove_all(day_folder);
        else rewrite(day_folder, gone, &key);
    }
    // Last: until then the next one finds these rows and does the same again.
    context.database.write(scope, [&](db::Tx& tx) {
        if (const auto charged = rows::remove_segments(tx, camera.id, going); charged > 0) quota::free(tx, {Resource::storage, charged}, now);
        rows::set_pruned(tx, camera.id, going.back().segment.end);
        base::Json data;
        data.set("segments", going.size()).set("bytes", bytes).set("until", going.back().segment.end.time_since_epoch().count());
        context.events.append(tx, {"camera.pruned", now, camera.id.text(), std::move(data)});
    });
}

}  // namespace tenon::nvr
