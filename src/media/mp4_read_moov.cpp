#include <media/mp4_read.hpp>

#include "mp4_entry.hpp"

#include <algorithm>
#include <limits>

namespace tenon::media::mp4 {
namespace {

/// Samples that are believed of one file, all tracks together, and of one fragment: a header of a few bytes can claim
/// any number. 2^23 are 38 hours at 60 frames per second.
constexpr std::uint32_t kMovieSamples = 1u << 23;
constexpr std::uint32_t kFragmentSamples = 1u << 20;

void spend(std::uint32_t& budget, std::uint32_t samples) {
    if (samples > budget) throw Corrupt("An MP4 file claims too many samples");
    budget -= samples;
}

std::uint64_t versioned(Reader& r, std::uint8_t version) { return version == 1 ? r.u64() : r.u32(); }

std::uint8_t version_of(Reader& r) {
    const auto version = r.u8();
    r.skip(3);
    if (version > 1) throw Unsupported("An MP4 box has a version that is not read");
    return version;
}

/// Every loop below is bounded by the size of the box it reads or by the sample count of stsz, which is bounded itself.
std::vector<Sample> read_sizes(ByteSpan body, std::uint32_t& budget) {
    Reader r(body);
    r.skip(4);
    const auto fixed = r.u32();
    const auto count = r.u32();
    if (fixed == 0 && count > r.left() / 4) throw Corrupt("An stsz box is longer than its box");
    spend(budget, count);
    std::vector<Sample> samples(count);
    for (auto& sample : samples) sample.size = fixed != 0 ? fixed : r.u32();
    return samples;
}

void read_stts(ByteSpan body, std::vector<Sample>& samples) {
    Reader r(body);
    r.skip(4);
    std::size_t at = 0;
    for (auto n = r.count(8); n > 0; --n) {
        const auto count = r.u32();
        const auto duration = r.u32();
        if (count > samples.size() - at) throw Corrupt("An stts box counts more samples than the track has");
        for (std::uint32_t i = 0; i < count; ++i) samples[at++].duration = duration;
    }
    if (at != samples.size()) throw Corrupt("An stts box counts fewer samples than the track has");
}

void read_ctts(ByteSpan body, std::vector<Sample>& samples) {
    Reader r(body);
    r.skip(4);
    std::size_t at = 0;
    for (auto n = r.count(8); n > 0; --n) {
        const auto count = r.u32();
        const auto offset = r.i32();
        if (count > samples.size() - at) throw Corrupt("A ctts box counts more samples than the track has");
        for (std::uint32_t i = 0; i < count; ++i) samples[at++].composition = offset;
    }
}

void read_stss(ByteSpan body, std::vector<Sample>& samples) {
    for (auto& sample : samples) sample.key = false;
    Reader r(body);
    r.skip(4);
    for (auto n = r.count(4); n > 0; --n) {
        const auto number = r.u32();
        if (number == 0 || number > samples.size()) throw Corrupt("An stss box names a sample the track does not have");
        samples[number - 1].key = true;
    }
}

std::vector<std::uint64_t> read_offsets(ByteSpan stbl) {
    std::vector<std::uint64_t> offsets;
    const auto narrow = find_box(stbl, fourcc("stco"));
    const auto box = narrow ? *narrow : need_box(stbl, fourcc("co64"));
    Reader r(box.body);
    r.skip(4);
    const auto n = r.count(narrow ? 4 : 8);
    offsets.reserve(n);
    for (std::uint32_t i = 0; i < n; ++i) offsets.push_back(narrow ? r.u32() : r.u64());
    return offsets;
}

void read_chunks(ByteSpan stbl, std::vector<Sample> samples, Track& track) {
    const auto offsets = read_offsets(stbl);
    struct Run {
        std::uint32_t first, samples, entry;
    };
    std::vector<Run> runs;
    Reader r(need_box(stbl, fourcc("stsc")).body);
    r.skip(4);
    for (auto n = r.count(12); n > 0; --n) {
        const Run run{r.u32(), r.u32(), r.u32()};
        const bool ordered = runs.empty() ? run.first == 1 : run.first > runs.back().first;
        if (!ordered || run.entry == 0 || run.entry > track.formats.size()) throw Corrupt("An stsc box makes no sense");
        runs.push_back(run);
    }
    std::size_t next = 0, run = 0;
    std::int64_t time = 0;
    for (std::size_t i = 0; i < offsets.size() && next < samples.size(); ++i) {
        while (run + 1 < runs.size() && runs[run + 1].first <= i + 1) ++run;
        if (runs.empty() || runs[run].samples > samples.size() - next)
            throw Corrupt("An stsc box counts more samples than the track has");
        Chunk chunk{.offset = offsets[i], .decode_time = time, .entry = runs[run].entry - 1, .samples = {}};
        const auto begin = samples.begin() + static_cast<std::ptrdiff_t>(next);
        chunk.samples.assign(begin, begin + runs[run].samples);
        for (const auto& sample : chunk.samples) time += sample.duration;
        next += runs[run].samples;
        track.chunks.push_back(std::move(chunk));
    }
    if (next != samples.size()) throw Corrupt("An MP4 track has samples that lie in no chunk");
}

void read_edits(ByteSpan trak, Track& track) {
    const auto edts = find_box(trak, fourcc("edts"));
    if (!edts) return;
    const auto elst = find_box(edts->body, fourcc("elst"));
    if (!elst) return;
    Reader r(elst->body);
    const auto version = version_of(r);
    for (auto n = r.count(version == 1 ? 20 : 12); n > 0; --n) {
        Edit edit;
        edit.duration = versioned(r, version);
        edit.media_time = version == 1 ? r.i64() : r.i32();
        r.skip(4);
        track.edits.push_back(edit);
    }
}

std::optional<Track> read_track(ByteSpan trak, std::uint32_t& budget) {
    Track track;
    Reader tkhd(need_box(trak, fourcc("tkhd")).body);
    tkhd.skip(version_of(tkhd) == 1 ? 16 : 8);
    track.id = tkhd.u32();
    const auto mdia = need_box(trak, fourcc("mdia")).body;
    Reader hdlr(need_box(mdia, fourcc("hdlr")).body);
    hdlr.skip(8);
    const auto handler = hdlr.u32();
    if (handler != fourcc("vide") && handler != fourcc("soun")) return {};
    Reader mdhd(need_box(mdia, fourcc("mdhd")).body);
    mdhd.skip(version_of(mdhd) == 1 ? 16 : 8);
    const auto timescale = mdhd.u32();
    if (timescale == 0) throw Corrupt("An MP4 track has no timescale");
    const auto stbl = need_box(need_box(mdia, fourcc("minf")).body, fourcc("stbl")).body;

    Reader stsd(need_box(stbl, fourcc("stsd")).body);
    stsd.skip(8);
    for_each_box(stsd.rest(), [&](const BoxView& entry) {
        track.formats.push_back(read_sample_entry(entry.type, entry.body, timescale));
    });
    if (track.formats.empty()) throw Corrupt("An MP4 track does not say what it holds");

    auto samples = read_sizes(need_box(stbl, fourcc("stsz")).body, budget);
    read_stts(need_box(stbl, fourcc("stts")).body, samples);
    if (const auto ctts = find_box(stbl, fourcc("ctts"))) read_ctts(ctts->body, samples);
    if (const auto stss = find_box(stbl, fourcc("stss"))) read_stss(stss->body, samples);
    read_edits(trak, track);
    if (!samples.empty()) read_chunks(stbl, std::move(samples), track);
    return track;
}

TrackDefaults defaults_of(const std::vector<TrackDefaults>& defaults, std::uint32_t id) {
    const auto found = std::find_if(defaults.begin(), defaults.end(), [&](const auto& d) { return d.id == id; });
    return found == defaults.end() ? TrackDefaults{.id = id} : *found;
}

ReadFragment::Part read_traf(ByteSpan traf, const std::vector<TrackDefaults>& all, std::uint64_t& after,
                             std::uint32_t& budget) {
    ReadFragment::Part part;
    Reader tfhd(need_box(traf, fourcc("tfhd")).body);
    const auto flags = tfhd.u32() & 0xff'ffff;
    part.track.id = tfhd.u32();
    auto defaults = defaults_of(all, part.track.id);
    if (flags & 0x01) throw Unsupported("Fragments with absolute offsets are not read");
    if (flags & 0x02) tfhd.skip(4);
    if (flags & 0x08) defaults.duration = tfhd.u32();
    if (flags & 0x10) defaults.size = tfhd.u32();
    if (flags & 0x20) defaults.flags = tfhd.u32();
    if (const auto tfdt = find_box(traf, fourcc("tfdt"))) {
        Reader r(tfdt->body);
        const auto version = version_of(r);
        part.track.decode_time = static_cast<std::int64_t>(versioned(r, version));
    }
    bool first_run = true;
    for_each_box(traf, [&](const BoxView& box) {
        if (box.type != fourcc("trun")) return;
        Reader r(box.body);
        const auto run = r.u32() & 0xff'ffff;
        const auto count = r.u32();
        const std::uint64_t offset = run & 0x01 ? static_cast<std::uint64_t>(std::int64_t{r.i32()}) : after;
        if (first_run) part.offset = offset;
        else if (offset != after) throw Unsupported("Fragments with scattered runs are not read");
        first_run = false;
        auto key_flags = defaults.flags;
        if (run & 0x04) key_flags = r.u32();
        const std::size_t entry = 4u * (!!(run & 0x100) + !!(run & 0x200) + !!(run & 0x400) + !!(run & 0x800));
        if (entry > 0 && count > r.left() / entry) throw Corrupt("A trun box is longer than its box");
        spend(budget, count);
        after = offset;
        for (std::uint32_t i = 0; i < count; ++i) {
            Sample sample;
            sample.duration = run & 0x100 ? r.u32() : defaults.duration;
            sample.size = run & 0x200 ? r.u32() : defaults.size;
            const auto sample_flags = run & 0x400 ? r.u32() : (i == 0 ? key_flags : defaults.flags);
            sample.composition = run & 0x800 ? r.i32() : 0;
            sample.key = (sample_flags & 0x1'0000) == 0;
            after += sample.size;
            part.track.samples.push_back(sample);
        }
    });
    return part;
}

}  // namespace

ReadMovie read_moov(ByteSpan body) {
    ReadMovie result;
    auto budget = kMovieSamples;
    Reader mvhd(need_box(body, fourcc("mvhd")).body);
    mvhd.skip(version_of(mvhd) == 1 ? 16 : 8);
    result.movie.timescale = mvhd.u32();
    if (result.movie.timescale == 0) throw Corrupt("An MP4 movie has no timescale");
    for_each_box(body, [&](const BoxView& box) {
        if (box.type == fourcc("trak")) {
            if (auto track = read_track(box.body, budget)) result.movie.tracks.push_back(std::move(*track));
        } else if (box.type == fourcc("mvex")) {
            result.fragmented = true;
            for_each_box(box.body, [&](const BoxView& extension) {
                if (extension.type != fourcc("trex")) return;
                Reader r(extension.body);
                r.skip(4);
                TrackDefaults d;
                d.id = r.u32();
                r.skip(4);
                d.duration = r.u32();
                d.size = r.u32();
                d.flags = r.u32();
                result.defaults.push_back(d);
            });
        }
    });
    return result;
}

ReadFragment read_moof(ByteSpan body, const std::vector<TrackDefaults>& defaults) {
    ReadFragment result;
    Reader mfhd(need_box(body, fourcc("mfhd")).body);
    mfhd.skip(4);
    result.sequence = mfhd.u32();
    auto budget = kFragmentSamples;
    std::uint64_t after = body.size() + 16;  // where the content of an mdat directly behind would begin
    for_each_box(body, [&](const BoxView& box) {
        if (box.type == fourcc("traf")) result.parts.push_back(read_traf(box.body, defaults, after, budget));
    });
    return result;
}

int fuzz(ByteSpan data) {
    std::vector<TrackDefaults> defaults;
    const auto walk = [&](const auto& action) {
        try {
            action();
        } catch (const Error&) {  // refusing is the other right answer
        }
    };
    walk([&] {
        for_each_box(data, [&](const BoxView& box) {
            walk([&] {
                if (box.type == fourcc("moov")) defaults = read_moov(box.body).defaults;
                if (box.type == fourcc("moof")) (void)read_moof(box.body, defaults);
            });
        });
    });
    walk([&] { (void)read_moov(data); });
    walk([&] { (void)read_moof(data, defaults); });
    return 0;
}

}  // namespace tenon::media::mp4
