#include <media/mp4_write.hpp>

#include "mp4_entry.hpp"

#include <algorithm>
#include <limits>

namespace tenon::media::mp4 {
namespace {

constexpr std::uint32_t kMovieTimescale = 90'000;
constexpr std::uint32_t kSampleKey = 0x0200'0000;     // depends on no other
constexpr std::uint32_t kSampleNotKey = 0x0101'0000;  // depends on others, is not a sync sample

void write_matrix(Writer& w) {
    for (const std::uint32_t v : {0x10000u, 0u, 0u, 0u, 0x10000u, 0u, 0u, 0u, 0x40000000u}) w.u32(v);
}

void write_mvhd(Writer& w, std::uint32_t timescale, std::uint64_t duration, std::uint32_t next_track) {
    w.begin(fourcc("mvhd"), 1, 0);
    w.u64(0);
    w.u64(0);
    w.u32(timescale);
    w.u64(duration);
    w.u32(0x10000);  // rate 1
    w.u16(0x100);    // volume 1
    w.zeros(10);
    write_matrix(w);
    w.zeros(24);
    w.u32(next_track);
    w.end();
}

void write_tkhd(Writer& w, const Track& track, std::uint64_t duration) {
    const auto& format = track.formats.front();
    w.begin(fourcc("tkhd"), 1, 3);  // enabled, in the movie
    w.u64(0);
    w.u64(0);
    w.u32(track.id);
    w.u32(0);
    w.u64(duration);
    w.zeros(8);
    w.u16(0);  // layer
    w.u16(0);  // alternate group
    w.u16(is_video(format.codec) ? 0 : 0x100);
    w.u16(0);
    write_matrix(w);
    // Shown size in 16.16: a sample that is not square widens the picture.
    const auto width = is_video(format.codec)
                           ? (std::uint64_t{format.width} << 16) * format.aspect_h / std::max(1u, format.aspect_v)
                           : 0;
    w.u32(static_cast<std::uint32_t>(std::min<std::uint64_t>(width, 0xffff'ffffu)));
    w.u32(static_cast<std::uint32_t>(format.height) << 16);
    w.end();
}

void write_edits(Writer& w, const std::vector<Edit>& edits) {
    if (edits.empty()) return;
    w.begin(fourcc("edts"));
    w.begin(fourcc("elst"), 1, 0);
    w.u32(static_cast<std::uint32_t>(edits.size()));
    for (const auto& edit : edits) {
        w.u64(edit.duration);
        w.i64(edit.media_time);
        w.u16(1);
        w.u16(0);
    }
    w.end();
    w.end();
}

void write_stts(Writer& w, const Track& track) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> runs;
    for (const auto& chunk : track.chunks)
        for (const auto& sample : chunk.samples) {
            if (!runs.empty() && runs.back().second == sample.duration) ++runs.back().first;
            else runs.emplace_back(1, sample.duration);
        }
    w.begin(fourcc("stts"), 0, 0);
    w.u32(static_cast<std::uint32_t>(runs.size()));
    for (const auto& [count, duration] : runs) {
        w.u32(count);
        w.u32(duration);
    }
    w.end();
}

void write_ctts(Writer& w, const Track& track) {
    std::vector<std::pair<std::uint32_t, std::int32_t>> runs;
    bool any = false, negative = false;
    for (const auto& chunk : track.chunks)
        for (const auto& sample : chunk.samples) {
            any |= sample.composition != 0;
            negative |= sample.composition < 0;
            if (!runs.empty() && runs.back().second == sample.composition) ++runs.back().first;
            else runs.emplace_back(1, sample.composition);
        }
    if (!any) return;
    w.begin(fourcc("ctts"), negative ? 1 : 0, 0);
    w.u32(static_cast<std::uint32_t>(runs.size()));
    for (const auto& [count, offset] : runs) {
        w.u32(count);
        w.i32(offset);
    }
    w.end();
}

void write_stss(Writer& w, const Track& track) {
    std::vector<std::uint32_t> keys;
    std::uint32_t number = 0;
    for (const auto& chunk : track.chunks)
        for (const auto& sample : chunk.samples) {
            ++number;
            if (sample.key) keys.push_back(number);
        }
    if (keys.size() == number) return;  // without the box every sample is a key
    w.begin(fourcc("stss"), 0, 0);
    w.u32(static_cast<std::uint32_t>(keys.size()));
    for (const auto key : keys) w.u32(key);
    w.end();
}

void write_stsc(Writer& w, const Track& track) {
    struct Run {
        std::uint32_t first, samples, entry;
    };
    std::vector<Run> runs;
    std::uint32_t number = 0;
    for (const auto& chunk : track.chunks) {
        ++number;
        const Run run{number, static_cast<std::uint32_t>(chunk.samples.size()), chunk.entry + 1};
        if (runs.empty() || runs.back().samples != run.samples || runs.back().entry != run.entry) runs.push_back(run);
    }
    w.begin(fourcc("stsc"), 0, 0);
    w.u32(static_cast<std::uint32_t>(runs.size()));
    for (const auto& run : runs) {
        w.u32(run.first);
        w.u32(run.samples);
        w.u32(run.entry);
    }
    w.end();
}

void write_stsz(Writer& w, const Track& track) {
    std::uint32_t count = 0;
    for (const auto& chunk : track.chunks) count += static_cast<std::uint32_t>(chunk.samples.size());
    w.begin(fourcc("stsz"), 0, 0);
    w.u32(0);
    w.u32(count);
    for (const auto& chunk : track.chunks)
        for (const auto& sample : chunk.samples) w.u32(sample.size);
    w.end();
}

void write_offsets(Writer& w, const Track& track, std::uint64_t data_offset, bool wide) {
    w.begin(wide ? fourcc("co64") : fourcc("stco"), 0, 0);
    w.u32(static_cast<std::uint32_t>(track.chunks.size()));
    for (const auto& chunk : track.chunks) {
        const auto offset = data_offset + chunk.offset;
        if (wide) w.u64(offset);
        else w.u32(static_cast<std::uint32_t>(offset));
    }
    w.end();
}

std::uint64_t media_duration(const Track& track) {
    std::uint64_t sum = 0;
    for (const auto& chunk : track.chunks)
        for (const auto& sample : chunk.samples) sum += sample.duration;
    return sum;
}

std::uint64_t shown_duration(const Track& track, std::uint32_t movie_timescale) {
    if (track.edits.empty()) {
        const auto product = static_cast<unsigned __int128>(media_duration(track)) * movie_timescale;
        return static_cast<std::uint64_t>(product / track.formats.front().timescale);
    }
    std::uint64_t sum = 0;
    for (const auto& edit : track.edits) sum += edit.duration;
    return sum;
}

struct Placement {
    bool fragmented;
    std::uint64_t data_offset;
    bool wide;
};

void write_track(Writer& w, const Track& track, std::uint32_t movie_timescale, const Placement& place) {
    const auto& format = track.formats.front();
    const bool video = is_video(format.codec);
    w.begin(fourcc("trak"));
    write_tkhd(w, track, shown_duration(track, movie_timescale));
    write_edits(w, track.edits);
    w.begin(fourcc("mdia"));
    w.begin(fourcc("mdhd"), 1, 0);
    w.u64(0);
    w.u64(0);
    w.u32(format.timescale);
    w.u64(media_duration(track));
    w.u16(0x55c4);  // "und"
    w.u16(0);
    w.end();
    w.begin(fourcc("hdlr"), 0, 0);
    w.u32(0);
    w.u32(video ? fourcc("vide") : fourcc("soun"));
    w.zeros(12);
    w.u8(0);  // no name
    w.end();
    w.begin(fourcc("minf"));
    if (video) {
        w.begin(fourcc("vmhd"), 0, 1);
        w.zeros(8);
    } else {
        w.begin(fourcc("smhd"), 0, 0);
        w.zeros(4);
    }
    w.end();
    w.begin(fourcc("dinf"));
    w.begin(fourcc("dref"), 0, 0);
    w.u32(1);
    w.begin(fourcc("url "), 0, 1);  // in this file
    w.end();
    w.end();
    w.end();
    w.begin(fourcc("stbl"));
    w.begin(fourcc("stsd"), 0, 0);
    w.u32(static_cast<std::uint32_t>(track.formats.size()));
    for (const auto& entry : track.formats) write_sample_entry(w, entry);
    w.end();
    write_stts(w, track);
    if (!place.fragmented) {
        write_ctts(w, track);
        if (video) write_stss(w, track);
    }
    write_stsc(w, track);
    write_stsz(w, track);
    write_offsets(w, track, place.data_offset, place.wide);
    w.end();
    w.end();
    w.end();
    w.end();
}

}  // namespace

Buffer write_ftyp(std::span<const FourCC> brands) {
    Writer w;
    w.begin(fourcc("ftyp"));
    w.u32(brands.front());
    w.u32(0);
    for (const auto brand : brands) w.u32(brand);
    w.end();
    return w.take();
}

Buffer write_init(std::span<const TrackFormat> tracks) {
    Writer w;
    w.begin(fourcc("moov"));
    write_mvhd(w, kMovieTimescale, 0, static_cast<std::uint32_t>(tracks.size()) + 1);
    std::uint32_t id = 0;
    for (const auto& format : tracks)
        write_track(w, Track{.id = ++id, .formats = {format}}, kMovieTimescale, {true, 0, false});
    w.begin(fourcc("mvex"));
    for (std::uint32_t track = 1; track <= id; ++track) {
        w.begin(fourcc("trex"), 0, 0);
        w.u32(track);
        w.u32(1);
        w.zeros(12);  // no default duration, size or flags: every sample says its own
        w.end();
    }
    w.end();
    w.end();
    return w.take();
}

Buffer write_fragment(std::uint32_t sequence, std::span<const FragmentTrack> tracks) {
    Writer w;
    w.begin(fourcc("moof"));
    w.begin(fourcc("mfhd"), 0, 0);
    w.u32(sequence);
    w.end();
    std::vector<std::size_t> offsets_at;
    std::vector<std::uint64_t> sizes;
    for (const auto& track : tracks) {
        const bool shifted = std::any_of(track.samples.begin(), track.samples.end(),
                                         [](const Sample& s) { return s.composition != 0; });
        w.begin(fourcc("traf"));
        w.begin(fourcc("tfhd"), 0, 0x02'0000);  // default-base-is-moof
        w.u32(track.id);
        w.end();
        w.begin(fourcc("tfdt"), 1, 0);
        w.i64(track.decode_time);
        w.end();
        w.begin(fourcc("trun"), 1, 0x701 | (shifted ? 0x800 : 0));
        w.u32(static_cast<std::uint32_t>(track.samples.size()));
        offsets_at.push_back(w.size());
        w.u32(0);
        std::uint64_t bytes = 0;
        for (const auto& sample : track.samples) {
            w.u32(sample.duration);
            w.u32(sample.size);
            w.u32(sample.key ? kSampleKey : kSampleNotKey);
            if (shifted) w.i32(sample.composition);
            bytes += sample.size;
        }
        sizes.push_back(bytes);
        w.end();
        w.end();
    }
    w.end();
    std::uint64_t offset = w.size() + 8;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        w.patch_u32(offsets_at[i], static_cast<std::uint32_t>(offset));
        offset += sizes[i];
        if (offset > std::numeric_limits<std::int32_t>::max()) throw InvalidArgument("A fragment grew beyond 2 GiB");
    }
    const auto content = offset - w.size();
    w.u32(static_cast<std::uint32_t>(content));
    w.u32(fourcc("mdat"));
    return w.take();
}

Buffer write_moov(const Movie& movie, std::uint64_t data_offset, std::uint64_t data_size) {
    const Placement place{false, data_offset, data_offset + data_size > 0xffff'ffffu};
    std::uint64_t duration = 0;
    std::uint32_t last_id = 0;
    for (const auto& track : movie.tracks) {
        duration = std::max(duration, shown_duration(track, movie.timescale));
        last_id = std::max(last_id, track.id);
    }
    Writer w;
    w.begin(fourcc("moov"));
    write_mvhd(w, movie.timescale, duration, last_id + 1);
    for (const auto& track : movie.tracks) write_track(w, track, movie.timescale, place);
    w.end();
    return w.take();
}

Buffer write_progressive_head(const Movie& movie, std::uint64_t data_size) {
    constexpr FourCC brands[] = {fourcc("isom"), fourcc("iso4"), fourcc("mp41")};
    auto head = write_ftyp(brands);
    const bool wide = data_size + 8 > 0xffff'ffffu;
    const std::uint64_t mdat_header = wide ? 16 : 8;
    // Offsets do not change the size of the tables unless they need 64 bits, so the second pass settles it; a third
    // one follows only if the first guess was just below 4 GiB.
    std::uint64_t data_offset = head.size() + mdat_header;
    Buffer moov = write_moov(movie, data_offset, data_size);
    for (;;) {
        const auto settled = head.size() + moov.size() + mdat_header;
        if (settled == data_offset) break;
        data_offset = settled;
        moov = write_moov(movie, data_offset, data_size);
    }
    head.insert(head.end(), moov.begin(), moov.end());
    Writer w;
    if (wide) {
        w.u32(1);
        w.u32(fourcc("mdat"));
        w.u64(data_size + 16);
    } else {
        w.u32(static_cast<std::uint32_t>(data_size + 8));
        w.u32(fourcc("mdat"));
    }
    head.insert(head.end(), w.data().begin(), w.data().end());
    return head;
}

}  // namespace tenon::media::mp4
