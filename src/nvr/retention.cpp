// What retention does to a camera's footage: whole segments go, the oldest first.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <system_error>

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
    std::optional<std::uint16_t> before;  // its ordinal
    for (auto record : content.records) {
        if (gone.contains(record.ordinal)) continue;
        const auto hole = before ? gone.upper_bound(*before) : gone.begin();
        if (hole != gone.end() && *hole < record.ordinal && record.reason == GapReason::none) {
            record.reason = GapReason::retention;
            record.flags |= record_discontinuity;
        }
        before = record.ordinal;
        left.push_back(record);
    }
    replace_index(folder, content.header, left, key);
}

/// Makes a day of which segments went say what is left of it.
void settle_day(const std::filesystem::path& folder, std::uint32_t day, const std::set<std::uint16_t>& gone, const Origin& origin,
                const crypto::SigningKey& key, base::Log& log) {
    if (segments_of(folder).empty()) {
        std::filesystem::remove_all(folder);
        return;
    }
    try {
        rewrite(folder, gone, &key);
        return;
    } catch (const Error& error) {
        if (error.code() != Errc::corrupt && error.code() != Errc::not_found) throw;
    }
    // The files are the truth: what is left of them says what the index lost.
    CameraTail tail;
    if (!recover_day(folder, day, origin, &key, log, tail).empty()) rewrite(folder, gone, &key);
}

/// Removes the files, day by day the oldest first, and what the indexes say of them. Returns what is gone: one day that cannot
/// be handled keeps no other.
std::vector<KeptSegment> remove_files(const std::filesystem::path& folder, const std::vector<KeptSegment>& going, std::uint32_t newest,
                                      const Origin& origin, const crypto::SigningKey& key, base::Log& log) {
    std::vector<KeptSegment> removed;
    std::map<std::uint32_t, std::set<std::uint16_t>> days;
    std::set<std::uint32_t> stuck;
    for (const auto& kept : going) {
        const auto day = kept.segment.day;
        if (stuck.contains(day)) continue;  // of the newest day only the first ones may go
        const auto path = path_of(folder, kept.segment);
        if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
            log.warning("nvr", "a recording cannot be removed", {{"file", path.string()}, {"error", std::generic_category().message(errno)}});
            stuck.insert(day);
            continue;
        }
        days[day].insert(kept.segment.ordinal);
        removed.push_back(kept);
    }
    for (const auto& [day, gone] : days) {
        if (day == newest) continue;  // its index is being written
        try {
            settle_day(folder / day_name(day), day, gone, origin, key, log);
        } catch (const std::exception& error) {
            // Readers leave out what has no file any more; that it is kept in the books for ever would fill the quota.
            log.failure("nvr", "an index of recordings still names what retention removed", error);
        }
    }
    return removed;
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
    const auto key = rows::signing_key(*site, context.master);
    const auto gone = remove_files(folder, going, all.back().segment.day, {scope.tenant(), camera.site, camera.id}, key, *context.options.log);
    if (gone.empty()) return;
    std::int64_t bytes = 0;
    for (const auto& kept : gone) bytes += static_cast<std::int64_t>(kept.segment.bytes);
    // Last: until then the next one finds these rows and does the same again.
    context.database.write(scope, [&](db::Tx& tx) {
        if (const auto charged = rows::remove_segments(tx, camera.id, gone); charged > 0) quota::free(tx, {Resource::storage, charged}, now);
        rows::set_pruned(tx, camera.id, gone.back().segment.end);
        base::Json data;
        data.set("segments", gone.size()).set("bytes", bytes).set("until", gone.back().segment.end.time_since_epoch().count());
        context.events.append(tx, {"camera.pruned", now, camera.id.text(), std::move(data)});
    });
}

}  // namespace tenon::nvr
