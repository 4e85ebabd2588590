#include <nvr/recovery.hpp>

#include <algorithm>
#include <map>

#include <fcntl.h>
#include <unistd.h>

#include <crypto/merkle.hpp>
#include <media/mp4_write.hpp>
#include <tenon/error.hpp>

namespace tenon::nvr {
namespace {

using RecordKey = std::pair<std::uint16_t, std::uint32_t>;  // ordinal, offset
using Known = std::map<RecordKey, IndexRecord>;

RecordKey key_of(const IndexRecord& record) { return {record.ordinal, record.offset}; }

/// The offset behind the last fragment of a segment that the index knows, and so that had reached the disk.
std::uint64_t synced_end(const Known& known, const SegmentScan& scan) {
    if (scan.records.empty()) return 0;
    const auto ordinal = scan.records.front().ordinal;
    const auto behind = known.upper_bound({ordinal, 0xffff'ffffu});
    if (behind == known.begin()) return 0;
    const auto& last = std::prev(behind)->second;
    return last.ordinal == ordinal ? std::uint64_t{last.offset} + last.bytes : 0;
}

/// Cuts what is torn off and writes the trailer that its recorder could not.
void finish_file(const base::Fd& file, const std::string& subject, SegmentScan& scan, const crypto::SigningKey* key) {
    if (::ftruncate(file.get(), static_cast<off_t>(scan.end)) != 0) base::throw_errno("cannot cut a recording", subject, errno);
    SegmentTrailer trailer;
    trailer.flags = trailer_recovered;
    trailer.end = scan.records.back().end();
    for (const auto& record : scan.records) trailer.frames += record.frames;
    trailer.leaves = compute_leaves(file, scan, subject);
    media::mp4::Writer w;
    w.begin(kTrailerUuid);
    const auto content = encode(trailer, key);
    w.bytes(content);
    w.end();
    base::pwrite_all(file, w.data(), scan.end, subject);
    base::sync_data(file, subject);
    scan.size = scan.end + w.size();
    scan.trailer = decode_trailer(content);
    scan.damaged = false;
}

/// Opens a segment and finishes it if its recorder could not. Without records: it was empty, and is removed.
SegmentScan make_whole(const std::filesystem::path& path, const std::string& name, const Known& known, const crypto::SigningKey* key,
                       base::Log& log, CameraTail& tail) {
    const auto file = base::open_file(path, O_RDWR);
    SegmentScan scan;
    try {
        scan = scan_segment(file, name, ~std::uint64_t{0});
    } catch (const Error& error) {
        // Shorter than its own beginning: the process ended while making it. Anything longer is left for people.
        if (error.code() != Errc::corrupt || base::file_size(file, name) > 4096) throw;
    }
    if (scan.trailer) return scan;
    if (!scan.records.empty()) scan = scan_segment(file, name, synced_end(known, scan));
    if (scan.records.empty()) {
        if (::unlink(path.c_str()) != 0) base::throw_errno("cannot remove an empty recording", path);
        ++tail.dropped;
        return scan;
    }
    finish_file(file, name, scan, key);
    ++tail.recovered;
    log.info("nvr", "recording finished after an interruption", {{"segment", name}, {"fragments", scan.records.size()}});
    return scan;
}

bool same_place(const IndexRecord& a, const IndexRecord& b) {
    return a.start == b.start && a.offset == b.offset && a.bytes == b.bytes && a.ordinal == b.ordinal;
}

}  // namespace

std::filesystem::path path_of(const std::filesystem::path& camera_folder, const SegmentInfo& segment) {
    return camera_folder / day_name(segment.day) / segment_name(segment.place.run, segment.place.number);
}

std::vector<std::uint32_t> days_of(const std::filesystem::path& camera_folder) {
    std::vector<std::uint32_t> days;
    std::error_code error;
    for (std::filesystem::directory_iterator it(camera_folder, error), end; !error && it != end; it.increment(error))
        if (const auto day = parse_day(it->path().filename().string())) days.push_back(*day);
    std::sort(days.begin(), days.end());
    return days;
}

std::vector<std::string> segments_of(const std::filesystem::path& day_folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator it(day_folder, error), end; !error && it != end; it.increment(error)) {
        auto name = it->path().filename().string();
        if (parse_segment_name(name)) names.push_back(std::move(name));
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<SegmentInfo> recover_day(const std::filesystem::path& folder, std::uint32_t day, const Origin& origin,
                                     const crypto::SigningKey* key, base::Log& log, CameraTail& tail) {
    Known known;
    IndexHeader header{day, origin, {}};
    bool index_whole = false, lost = false;
    std::vector<IndexRecord> before;
    try {
        auto content = read_index(folder / kIndexName);
        if (content.header.day != day || content.header.origin.camera != origin.camera)
            throw Corrupt("An index of recordings belongs to another camera or day", {.subject = folder.string()});
        header = content.header;
        index_whole = content.bad == 0 && content.torn == 0;
        for (const auto& record : content.records) known[key_of(record)] = record;
        before = std::move(content.records);
    } catch (const Error& error) {
        lost = error.code() == Errc::corrupt;
        if (error.code() != Errc::not_found) log.failure("nvr", "an index of recordings is made anew", error);
    }

    std::vector<SegmentInfo> segments;
    std::vector<IndexRecord> records;
    const auto names = segments_of(folder);
    for (const auto& name : names) {
        // Its name is taken, whether it can be read or not.
        tail.run = std::max(tail.run, parse_segment_name(name)->run);
        SegmentScan scan;
        try {
            scan = make_whole(folder / name, name, known, key, log, tail);
        } catch (const Error& error) {
            if (error.code() == Errc::no_space) throw;  // to be tried again: nothing is wrong with the file
            log.failure("nvr", "a recording is left out of the index", error);
            continue;
        }
        if (scan.records.empty()) continue;
        for (auto record : scan.records) {
            const auto found = known.find(key_of(record));
            if (found != known.end() && same_place(found->second, record)) record = found->second;
            else record.flags |= record_recovered;
            records.push_back(record);
        }
        const auto& end = scan.trailer ? scan.trailer->trailer.end : scan.records.back().end();
        segments.push_back({day, scan.records.front().ordinal, *parse_segment_name(name), scan.head.head.start, end,
                            scan.size, scan.trailer ? scan.trailer->trailer.frames : 0,
                            scan.trailer ? scan.trailer->trailer.flags : std::uint8_t{0}});
        tail.end = std::max(tail.end.value_or(end), end);
        if (scan.trailer) tail.statement = crypto::sha256(statement(scan.trailer->trailer, scan.head.key));
    }
    // Ordinals of what was left out are not given again.
    auto ordinals = static_cast<std::uint32_t>(names.size());
    for (const auto& [place, record] : known) ordinals = std::max<std::uint32_t>(ordinals, place.first + 1u);
    for (const auto& segment : segments) ordinals = std::max<std::uint32_t>(ordinals, segment.ordinal + 1u);
    tail.day = day;
    tail.next_ordinal = ordinals;
    if (header.created == Time{} && !segments.empty()) header.created = segments.front().start;
    if (!segments.empty() && (!index_whole || records != before)) replace_index(folder, header, records, key);
    // Nothing is there to make it from, and a damaged one would keep the day from being recorded to.
    if (segments.empty() && lost) std::filesystem::remove(folder / kIndexName);
    return segments;
}

CameraTail recover_camera(const std::filesystem::path& folder, const Origin& origin, const crypto::SigningKey* key,
                          base::Log& log, bool every_day) {
    CameraTail tail;
    const auto days = days_of(folder);
    for (std::size_t i = every_day ? 0 : days.size() - std::min<std::size_t>(2, days.size()); i < days.size(); ++i) {
        const auto found = recover_day(folder / day_name(days[i]), days[i], origin, key, log, tail);
        tail.segments.insert(tail.segments.end(), found.begin(), found.end());
    }
    return tail;
}

}  // namespace tenon::nvr
