#include "clip_builder.hpp"
#include "ticks.hpp"

#include <algorithm>

#include <media/mp4_nal.hpp>
#include <media/time.hpp>
#include <tenon/error.hpp>

namespace tenon::nvr {
namespace {

namespace mp4 = media::mp4;
using media::Rounding;

std::int64_t to(std::uint32_t scale, std::int64_t ticks) { return media::rescale(ticks, {1, kSecond}, {1, scale}, Rounding::nearest); }
std::int64_t from(std::uint32_t scale, std::int64_t ticks) { return media::rescale(ticks, {1, scale}, {1, kSecond}, Rounding::nearest); }

bool has_sets(mp4::Codec codec) { return codec == mp4::Codec::h264 || codec == mp4::Codec::hevc; }

/// One entry for both, if their parameter sets bear different names or are the same.
std::optional<mp4::TrackFormat> merged(const mp4::TrackFormat& a, const mp4::TrackFormat& b) {
    auto bare_a = a, bare_b = b;
    bare_a.config.clear();
    bare_b.config.clear();
    if (bare_a != bare_b || !has_sets(a.codec)) return {};
    auto sets = mp4::ParameterSets::parse(a.codec, a.config);
    for (const auto& set : mp4::ParameterSets::parse(b.codec, b.config).sets) {
        const auto before = sets.sets.size();
        if (sets.put(set) && sets.sets.size() == before) return {};  // the name was taken by another
    }
    bare_a.config = sets.configuration();
    return bare_a;
}

}  // namespace

std::uint32_t ClipBuilder::entry_for(mp4::Track& track, const mp4::TrackFormat& format, Time when) {
    for (std::uint32_t i = 0; i < track.formats.size(); ++i)
        if (track.formats[i] == format) return i;
    for (std::uint32_t i = 0; i < track.formats.size(); ++i) {
        auto both = merged(track.formats[i], format);
        if (!both) continue;
        track.formats[i] = std::move(*both);
        return i;
    }
    if (!track.formats.empty()) {
        const auto& first = track.formats.front();
        if (first.codec != format.codec || first.width != format.width || first.height != format.height ||
            first.timescale != format.timescale || first.channels != format.channels)
            throw Unsupported("the camera's picture or sound changed within the range: export what is before and behind that separately",
                              {.subject = day_name(day_of(when)) + " " + std::to_string(when.time_since_epoch().count())});
    }
    track.formats.push_back(format);
    return static_cast<std::uint32_t>(track.formats.size() - 1);
}

void ClipBuilder::begin_piece(const std::vector<mp4::TrackFormat>& formats, std::int64_t decode_time, Time when) {
    picture_entry_ = entry_for(picture_, formats.at(0), when);
    has_sound_ = formats.size() > 1;
    if (has_sound_) sound_entry_ = entry_for(sound_, formats[1], when);
    piece_decode_ = decode_time;
    piece_start_ = length_;
}

void ClipBuilder::add(mp4::Track& track, std::uint32_t entry, const mp4::Sample& sample, std::uint32_t file, std::uint64_t offset) {
    const bool follows_range = !ranges_.empty() && ranges_.back().file == file && ranges_.back().offset + ranges_.back().bytes == offset;
    if (follows_range) ranges_.back().bytes += sample.size;
    else ranges_.push_back({file, offset, sample.size});
    const auto chunk_end = [](const mp4::Chunk& chunk) {
        std::uint64_t end = chunk.offset;
        for (const auto& s : chunk.samples) end += s.size;
        return end;
    };
    // Chunks stay about as long as the fragments they come from, so that finding a chunk's end stays cheap.
    const bool follows_chunk = !track.chunks.empty() && track.chunks.back().entry == entry &&
                               track.chunks.back().samples.size() < 128 && chunk_end(track.chunks.back()) == bytes_;
    if (!follows_chunk) track.chunks.push_back({bytes_, 0, entry, {}});
    track.chunks.back().samples.push_back(sample);
    bytes_ += sample.size;
}

void ClipBuilder::add_picture(const mp4::Sample& sample, std::uint32_t file, std::uint64_t offset) {
    if (pictures_ == 0) first_composition_ = sample.composition;
    add(picture_, picture_entry_, sample, file, offset);
    length_ += sample.duration;
    ++pictures_;
}

void ClipBuilder::add_sound(const mp4::Sample& sample, std::int64_t time, std::uint32_t file, std::uint64_t offset) {
    if (!has_sound_) return;
    const auto scale = sound_.formats[sound_entry_].timescale;
    auto at = to(scale, piece_start_) + time - to(scale, piece_decode_);
    if (at < to(scale, piece_start_)) return;  // belongs to pictures that are not here
    if (sound_.chunks.empty()) {
        sound_start_ = sound_end_ = at;
    } else if (at + static_cast<std::int64_t>(sample.duration) / 2 < sound_end_) {
        return;  // the piece before still sounds
    } else if (at > sound_end_) {
        // What is missing is silence: the sample before lasts until this one begins.
        sound_.chunks.back().samples.back().duration += static_cast<std::uint32_t>(at - sound_end_);
        sound_end_ = at;
    }
    add(sound_, sound_entry_, sample, file, offset);
    sound_end_ += sample.duration;
}

mp4::Movie ClipBuilder::movie(std::int64_t lead) const {
    mp4::Movie movie;
    movie.tracks.push_back(picture_);
    const auto shown = length_ - lead;
    if (lead > 0 || first_composition_ != 0)
        movie.tracks[0].edits.push_back({static_cast<std::uint64_t>(shown), lead + first_composition_});
    if (sound_.chunks.empty()) return movie;
    movie.tracks.push_back(sound_);
    auto& track = movie.tracks[1];
    const auto scale = track.formats.front().timescale;
    const auto start = from(scale, sound_start_), end = from(scale, sound_end_);
    const auto silence = std::max<std::int64_t>(0, start - lead);
    const auto skipped = std::max<std::int64_t>(0, lead - start);
    if (silence > 0) track.edits.push_back({static_cast<std::uint64_t>(silence), -1});
    const auto sounds = std::min(shown, end - lead) - silence;
    if (sounds > 0 && (silence > 0 || skipped > 0 || end - lead > shown))
        track.edits.push_back({static_cast<std::uint64_t>(sounds), to(scale, skipped)});
    if (sounds <= 0) movie.tracks.pop_back();
    return movie;
}

}  // namespace tenon::nvr
