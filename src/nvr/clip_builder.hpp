#pragma once

#include <cstdint>
#include <vector>

#include <media/mp4_read.hpp>
#include <media/mp4_write.hpp>
#include <nvr/segment.hpp>

namespace tenon::nvr {

/// Bytes of a segment that go into the clip.
struct ClipRange {
    std::uint32_t file = 0;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
};

/// Lines samples of segments up on the timeline of one file that is not fragmented. Pieces follow one another without
/// the gap that was between them; sound stays where it was beside its picture.
class ClipBuilder {
public:
    /// What follows lies in one run, and its first picture was decoded at `decode_time` there. Throws Unsupported when it
    /// cannot stand in one file with what came before; `when` says where.
    void begin_piece(const std::vector<media::mp4::TrackFormat>& formats, std::int64_t decode_time, Time when);

    void add_picture(const media::mp4::Sample& sample, std::uint32_t file, std::uint64_t offset);
    /// `time`: in its run, in the sound's timescale.
    void add_sound(const media::mp4::Sample& sample, std::int64_t time, std::uint32_t file, std::uint64_t offset);

    std::int64_t length() const { return length_; }  ///< Of the picture so far, in 1/90000 s.
    std::int64_t pictures() const { return pictures_; }
    const std::vector<ClipRange>& ranges() const { return ranges_; }
    std::uint64_t bytes() const { return bytes_; }

    /// Hides what lies before `lead`, in 1/90000 s.
    media::mp4::Movie movie(std::int64_t lead) const;

private:
    std::uint32_t entry_for(media::mp4::Track& track, const media::mp4::TrackFormat& format, Time when);
    void add(media::mp4::Track& track, std::uint32_t entry, const media::mp4::Sample& sample, std::uint32_t file, std::uint64_t offset);

    media::mp4::Track picture_{.id = 1}, sound_{.id = 2};
    std::uint32_t picture_entry_ = 0, sound_entry_ = 0;
    bool has_sound_ = false;         ///< The present piece has.
    std::int64_t piece_decode_ = 0;  ///< Its first picture, in its run.
    std::int64_t piece_start_ = 0;   ///< The same in the clip.
    std::int64_t length_ = 0, pictures_ = 0;
    std::int64_t sound_start_ = 0;  ///< Of the first sound, in the clip, in its timescale.
    std::int64_t sound_end_ = 0;
    std::int32_t first_composition_ = 0;
    std::vector<ClipRange> ranges_;
    std::uint64_t bytes_ = 0;
};

}  // namespace tenon::nvr
