#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <base/file.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <exec/wait.hpp>
#include <nvr/footage.hpp>
#include <nvr/segment_file.hpp>
#include <tenon/error.hpp>

#include "clip_builder.hpp"
#include "footage_files.hpp"
#include "footage_index.hpp"
#include "ticks.hpp"

namespace tenon::nvr {
namespace {

namespace mp4 = media::mp4;

constexpr std::size_t kStep = 4u << 20;  // between two looks at the stop token

struct Source {
    std::filesystem::path path;
    base::Fd file;  // open only while its fragments are read: a day has more files than a process descriptors
    std::vector<TrackFormat> formats;
};

Source open_source(const std::filesystem::path& path) {
    Source source{path, base::open_file(path, O_RDONLY), {}};
    const auto boxes = mp4::top_boxes(source.file.get(), 0, base::file_size(source.file, path.string()), 3).boxes;
    if (boxes.size() < 3 || boxes[2].type != mp4::fourcc("moov"))
        throw Corrupt("a recording has lost its beginning", {.subject = path.filename().string()});
    const auto moov = mp4::read_at(source.file.get(), boxes[2].offset + boxes[2].header, boxes[2].size - boxes[2].header);
    for (const auto& track : mp4::read_moov(moov).movie.tracks) source.formats.push_back(track.formats.front());
    if (source.formats.empty()) throw Corrupt("a recording has no picture", {.subject = path.filename().string()});
    return source;
}

/// A fragment of the clip and where it lies.
struct Piece {
    IndexRecord record;
    std::size_t day;
    bool joined;  ///< Follows the one before without a gap.
};

/// The fragments of the range, and before them those back to the key frame they need.
std::vector<Piece> choose(const std::vector<DayFootage>& days, const ClipRequest& request) {
    std::vector<Piece> chosen, lead;
    std::optional<IndexRecord> before;
    for (std::size_t day = 0; day < days.size(); ++day) {
        for (const auto& record : days[day].records) {
            const bool joined = before && goes_on(*before, record);
            before = record;
            if (record.start >= request.end) return chosen;
            const Piece piece{record, day, joined};
            if (record.end() > request.start) {
                if (chosen.empty() && joined && !(record.flags & record_key)) chosen = std::move(lead);
                chosen.push_back(piece);
                continue;
            }
            if (record.flags & record_key || !joined) lead.clear();
            lead.push_back(piece);
        }
    }
    return chosen;
}

}  // namespace

struct ClipPlan::Impl {
    Clip clip;
    TimeRange footage;
    ClipBuilder builder;
    std::vector<Source> sources;
    base::ByteVector head;

    void take(const std::vector<DayFootage>& days, const std::vector<Piece>& pieces, const ClipRequest& request);
    void copy(const base::Fd& out, exec::ProgressSink& progress, const std::stop_token& stop) const;
};

void ClipPlan::Impl::take(const std::vector<DayFootage>& days, const std::vector<Piece>& pieces, const ClipRequest& request) {
    std::map<std::pair<std::size_t, std::uint16_t>, std::uint32_t> known;
    std::map<std::size_t, DayFiles> files;
    std::int64_t lead = 0;
    bool started = false, shown = false;
    Duration best{};
    Time last{};
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const auto& [record, day, joined] = pieces[i];
        const auto [place, fresh] = known.try_emplace({day, record.ordinal}, static_cast<std::uint32_t>(sources.size()));
        if (fresh) {
            auto& folder = files.try_emplace(day, days[day].folder).first->second;
            if (!sources.empty()) sources.back().file.reset();
            sources.push_back(open_source(folder.find(record.ordinal)));
        }
        const auto file = place->second;
        const auto& source = sources[file];
        const auto at = std::uint64_t{record.offset} + kRecordBox;
        const auto head_bytes = mp4::read_at(source.file.get(), at, 8);
        const auto moof = mp4::parse_box_head(head_bytes, at, record.bytes - kRecordBox);
        if (!moof || moof->type != mp4::fourcc("moof"))
            throw Corrupt("a recording does not hold what its index says", {.subject = source.path.filename().string()});
        const auto fragment = mp4::read_moof(mp4::read_at(source.file.get(), at + 8, moof->size - 8), {});
        if (fragment.parts.empty() || fragment.parts[0].track.id != 1)
            throw Corrupt("a recording has a fragment without a picture", {.subject = source.path.filename().string()});

        const auto& video = fragment.parts[0];
        auto offset = at + video.offset;
        auto decode = video.track.decode_time;
        bool piece_begins = !started || !joined;
        // Every frame may be a key: then the one to begin at can lie inside of the first fragment.
        std::size_t first = 0;
        if (!started)
            for (std::size_t s = 0; s < video.track.samples.size(); ++s) {
                const auto when = record.start + micros(decode - video.track.decode_time);
                if (video.track.samples[s].key && when <= request.start) first = s;
                decode += video.track.samples[s].duration;
            }
        decode = video.track.decode_time;
        for (std::size_t s = 0; s < video.track.samples.size(); ++s) {
            const auto& sample = video.track.samples[s];
            const auto when = record.start + micros(decode - video.track.decode_time);
            // Both ends go to the nearest frame, ties down; the frame that shows at the start is there in any case.
            if (s >= first && (request.end - when > micros(sample.duration) / 2 || when <= request.start)) {
                if (std::exchange(piece_begins, false)) builder.begin_piece(source.formats, decode, when);
                const auto distance = when > request.start ? when - request.start : request.start - when;
                if (!started || (request.cut == Cut::exact && !shown && distance < best)) {
                    lead = builder.length();
                    clip.start = when;
                    best = distance;
                }
                shown |= when >= request.start;  // later frames are only further away
                started = true;
                builder.add_picture(sample, file, offset);
                last = record.start + micros(decode + sample.duration - video.track.decode_time);
            }
            offset += sample.size;
            decode += sample.duration;
        }
        for (std::size_t p = 1; p < fragment.parts.size(); ++p) {
            if (fragment.parts[p].track.id != 2 || !started) continue;
            auto sound_at = at + fragment.parts[p].offset;
            auto time = fragment.parts[p].track.decode_time;
            for (const auto& sample : fragment.parts[p].track.samples) {
                builder.add_sound(sample, time, file, sound_at);
                sound_at += sample.size;
                time += sample.duration;
            }
        }
    }
    if (!started) throw NotFound("there is no footage in this range");
    sources.back().file.reset();
    clip.end = last;
    const auto movie = builder.movie(lead);
    head = mp4::write_progressive_head(movie, builder.bytes());
    clip.duration = micros(builder.length() - lead);
    clip.size = {static_cast<std::int64_t>(head.size() + builder.bytes())};
    std::int64_t hidden = 0, time = 0;
    for (const auto& chunk : movie.tracks[0].chunks)
        for (const auto& sample : chunk.samples) {
            hidden += time < lead;
            time += sample.duration;
        }
    clip.frames = builder.pictures() - hidden;
}

ClipPlan::ClipPlan(const std::filesystem::path& folder, const ClipRequest& asked) : impl_(std::make_unique<Impl>()) {
    if (asked.end <= asked.start) throw InvalidArgument("a clip ends after it starts", {.subject = "end"});
    const ClipRequest request{std::max(asked.start, Time{}), asked.end, asked.cut};
    const auto days = footage_between(folder, with_lead(request.start), request.end);
    const auto pieces = choose(days, request);
    if (pieces.empty()) throw NotFound("there is no footage in this range");
    impl_->footage = {pieces.front().record.start, pieces.back().record.end()};
    impl_->take(days, pieces, request);
}
ClipPlan::ClipPlan(ClipPlan&&) noexcept = default;
ClipPlan& ClipPlan::operator=(ClipPlan&&) noexcept = default;
ClipPlan::~ClipPlan() = default;

Bytes ClipPlan::size() const { return impl_->clip.size; }
TimeRange ClipPlan::footage() const { return impl_->footage; }
const Clip& ClipPlan::clip() const { return impl_->clip; }

void ClipPlan::Impl::copy(const base::Fd& out, exec::ProgressSink& progress, const std::stop_token& stop) const {
    base::ByteVector buffer;
    bool in_kernel = true;
    base::Fd file;
    std::uint32_t opened = ~0u;
    for (const auto& range : builder.ranges()) {
        const auto& source = sources[range.file];
        if (opened != range.file) file = base::open_file(source.path, O_RDONLY);
        opened = range.file;
        auto offset = static_cast<off_t>(range.offset);
        auto left = range.bytes;
        while (left > 0) {
            exec::check_stop(stop);
            const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(left, kStep));
            ssize_t n = in_kernel ? ::copy_file_range(file.get(), &offset, out.get(), nullptr, step, 0) : -1;
            if (in_kernel && n < 0 && errno == EINTR) continue;
            if (n < 0 && in_kernel && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) in_kernel = false;
            if (n < 0 && in_kernel) base::throw_errno("cannot write the clip", source.path.filename());
            if (n < 0) {
                buffer.resize(step);
                base::pread_all(file, buffer, static_cast<std::uint64_t>(offset), source.path.filename().string());
                base::write_all(out, buffer, "clip");
                n = static_cast<ssize_t>(step);
                offset += n;
            }
            if (n == 0) throw Corrupt("a recording is shorter than its index says", {.subject = source.path.filename().string()});
            left -= static_cast<std::uint64_t>(n);
            progress.advance(n);
        }
    }
}

std::string ClipPlan::write(const std::filesystem::path& part, const std::filesystem::path& path, exec::ProgressSink& progress,
                            const std::stop_token& stop) const {
    (void)::unlink(part.c_str());
    try {
        const auto out = base::open_file(part, O_RDWR | O_CREAT | O_EXCL);
        progress.stage("copy", 0.8, impl_->clip.size.count, "bytes");
        base::write_all(out, impl_->head, "clip");
        progress.advance(static_cast<std::int64_t>(impl_->head.size()));
        impl_->copy(out, progress, stop);
        base::sync_data(out, "clip");

        progress.stage("hash", 0.2, impl_->clip.size.count, "bytes");
        crypto::Sha256 hash;
        base::ByteVector buffer(1u << 20);
        for (std::uint64_t at = 0;;) {
            exec::check_stop(stop);
            const auto n = base::pread_up_to(out, buffer, at, "clip");
            if (n == 0) break;
            hash.update(base::ByteView(buffer).first(n));
            at += n;
            progress.advance(static_cast<std::int64_t>(n));
        }
        if (const int failure = base::rename_new(AT_FDCWD, part.c_str(), path.c_str()); failure != 0)
            base::throw_errno("cannot name the clip", path.string(), failure);
        base::sync_folder(path.parent_path());
        return crypto::to_hex(hash.finish());
    } catch (...) {
        (void)::unlink(part.c_str());
        throw;
    }
}

}  // namespace tenon::nvr
