#include <algorithm>
#include <cstdio>
#include <map>

#include <fcntl.h>

#include <base/file.hpp>
#include <media/mp4_read.hpp>
#include <nvr/footage.hpp>
#include <tenon/error.hpp>

#include "footage_files.hpp"
#include "footage_index.hpp"
#include "ticks.hpp"

namespace tenon::nvr {
namespace {

namespace mp4 = media::mp4;

/// From a key frame to the next, within one file: what a player fetches at once.
struct Part {
    std::size_t day = 0;
    std::uint16_t ordinal = 0;
    std::uint64_t offset = 0, bytes = 0;
    Time start{}, end{};
    std::int64_t ticks = 0;  // 1/90000 s
    bool follows = false;    // the one before without a gap
};

std::vector<Part> parts_of(const std::vector<DayFootage>& days) {
    std::vector<Part> parts;
    std::optional<IndexRecord> before;
    for (std::size_t day = 0; day < days.size(); ++day)
        for (const auto& record : days[day].records) {
            const bool joined = before && goes_on(*before, record);
            const bool same_file = before && !parts.empty() && parts.back().day == day && before->ordinal == record.ordinal;
            if (!joined || !same_file || record.flags & record_key)
                parts.push_back({day, record.ordinal, record.offset, 0, record.start, record.end(), 0, joined});
            auto& part = parts.back();
            part.bytes = record.offset + record.bytes - part.offset;
            part.end = record.end();
            part.ticks += record.duration;
            before = record;
        }
    return parts;
}

/// How far a player must read to be able to decode the file: up to the end of its moov.
std::uint64_t init_size(const std::filesystem::path& path) {
    const auto file = base::open_file(path, O_RDONLY);
    const auto boxes = mp4::top_boxes(file.get(), 0, base::file_size(file, path.filename().string()), 3).boxes;
    if (boxes.size() < 3 || boxes[2].type != mp4::fourcc("moov"))
        throw Corrupt("a recording has lost its beginning", {.subject = path.filename().string()});
    return boxes[2].offset + boxes[2].size;
}

std::string iso_time(Time time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(time - day).count();
    char text[40];
    std::snprintf(text, sizeof text, "T%02lld:%02lld:%02lld.%03lldZ", static_cast<long long>(ms / 3'600'000),
                  static_cast<long long>(ms / 60'000 % 60),
                  static_cast<long long>(ms / 1000 % 60), static_cast<long long>(ms % 1000));
    return day_name(day_of(time)) + text;
}

}  // namespace

Playlist make_playlist(const std::filesystem::path& folder, const PlaylistOptions& options) {
    const auto days = footage_between(folder, with_lead(options.start), options.end);
    auto parts = parts_of(days);
    std::erase_if(parts, [&](const Part& part) { return part.end <= options.start || part.start >= options.end; });
    if (parts.empty()) throw NotFound("there is no footage in this range");

    Playlist list;
    list.folder = folder;
    list.start = parts.front().start;
    list.end = parts.back().end;
    std::string body;
    std::int64_t longest = 0, total = 0;
    std::map<std::size_t, DayFiles> files;
    std::string open_file;
    for (const auto& part : parts) {
        const auto& day = days[part.day].folder;
        const auto path = files.try_emplace(part.day, day).first->second.find(part.ordinal);
        const auto name = day.filename().string() + "/" + path.filename().string();
        const bool fresh = name != open_file;
        if (!part.follows && !body.empty()) body += "#EXT-X-DISCONTINUITY\n";
        if (fresh) {
            body += "#EXT-X-MAP:URI=\"" + options.uri_prefix + name + "\",BYTERANGE=\"" + std::to_string(init_size(path)) + "@0\"\n";
            list.files.push_back(name);
            open_file = name;
        }
        if (fresh || !part.follows) body += "#EXT-X-PROGRAM-DATE-TIME:" + iso_time(part.start) + "\n";
        char seconds[32];
        std::snprintf(seconds, sizeof seconds, "%.6f", static_cast<double>(part.ticks) / kSecond);
        body += "#EXTINF:" + std::string(seconds) + ",\n#EXT-X-BYTERANGE:" + std::to_string(part.bytes) + "@" + std::to_string(part.offset) + "\n" +
                options.uri_prefix + name + "\n";
        longest = std::max(longest, part.ticks);
        total += part.ticks;
    }
    list.duration = micros(total);
    list.text = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-TARGETDURATION:" +
                std::to_string((longest + kSecond - 1) / kSecond) + "\n" + body + "#EXT-X-ENDLIST\n";
    return list;
}

}  // namespace tenon::nvr
