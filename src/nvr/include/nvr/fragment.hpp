#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include <media/mp4_nal.hpp>
#include <media/packet.hpp>
#include <media/stream.hpp>
#include <nvr/segment_file.hpp>

namespace tenon::nvr {

/// What a run's files begin with: picture first, then sound if there is any.
struct StreamFormat {
    std::vector<TrackFormat> tracks{};
    friend bool operator==(const StreamFormat&, const StreamFormat&) = default;
};

/// Up to a second of a stream, ready to be written. Times count from the start of its stretch: the stream between two
/// breaks of its clock.
struct Fragment {
    std::shared_ptr<const StreamFormat> format{};
    std::vector<FragmentPart> parts{};
    std::int64_t start = 0;      ///< In 1/90000 s.
    std::uint32_t duration = 0;  ///< In 1/90000 s.
    std::uint16_t frames = 0;
    bool key = false;  ///< Begins with a key frame.
    bool audio = false;
    bool loss = false;
    bool begins_stretch = false;
    GapReason reason = GapReason::none;  ///< Why its stretch began. Only with begins_stretch.
    Duration arrival{};                  ///< Of its last frame; monotonic.
    Duration base{};                     ///< Least arrival minus media time of its frames: when the stretch began.
    Duration wall_offset{};              ///< Wall clock minus monotonic clock, when it ended.
    std::size_t bytes() const;
};

/// Cuts a camera's packets into fragments: at 0.9 s of media, at a key frame, at 4 MiB of pictures. One thread at a time.
class FragmentBuilder {
public:
    /// `reason`: why footage is missing before the first fragment. Throws Unsupported when there is no picture, or in a
    /// codec that cannot be stored.
    FragmentBuilder(const std::vector<media::StreamInfo>& streams, GapReason reason);

    /// The streams that are recorded.
    std::vector<std::int32_t> wanted() const;

    /// Takes a packet whose `arrival` is set; returns what it completes, oldest first. Damaged packets are stored and
    /// their fragment flagged. Throws Corrupt for what is no coded picture.
    std::vector<Fragment> push(const media::Packet& packet, Duration wall_offset);

    /// What is left, when the stream has ended.
    std::vector<Fragment> flush(Duration wall_offset);

    /// The longest time between two key frames so far, in 1/90000 s; 0: not known.
    std::int64_t key_interval() const { return key_interval_; }

private:
    struct Track {
        std::int32_t stream = -1;
        media::mp4::Codec codec{};
        Rational time_base{1, 90'000};
        TrackFormat format{};
        std::int64_t end = 0;  ///< Behind the last sample, in the track's timescale.
    };

    /// Sound that no fragment holds yet. Times in the track's timescale, as they came.
    struct Sound {
        std::int64_t at;
        std::uint32_t length;
        media::Packet packet;
    };

    void push_video(const media::Packet& packet, std::vector<Fragment>& done);
    void push_audio(const media::Packet& packet);
    void take_sound(std::int64_t picture_end);
    void add_sound(const Sound& sound, std::int64_t at);
    bool learn(const media::Packet& packet, const std::vector<media::mp4::ByteSpan>& nals);
    void begin_stretch(GapReason reason, std::vector<Fragment>& done);
    std::optional<GapReason> judge(std::int64_t time, Duration arrival, bool key);
    void settle_last_frame(std::int64_t next);
    void close(std::vector<Fragment>& done);
    bool ready() const;

    Track video_, audio_;
    media::mp4::ParameterSets sets_;
    std::shared_ptr<const StreamFormat> format_;
    Fragment open_;
    std::deque<Sound> sound_;
    bool stretch_pending_ = true;                 ///< The next frame stored begins a stretch …
    GapReason pending_reason_ = GapReason::none;  ///< … for this reason.
    std::optional<Duration> waiting_since_;       ///< For a key frame.
    std::int64_t zero_ = 0;                       ///< The stretch's first frame, in the video's timescale as it came.
    std::int64_t last_ = 0;                       ///< The last frame stored, counted from zero_.
    std::uint32_t usual_ = 3'000;                 ///< Time between frames, for the one that has no next.
    std::size_t usual_bytes_ = 0;                 ///< Of a fragment's pictures: the next one grows in place.
    std::optional<Duration> stretch_base_;
    Duration stretch_arrival_{};          ///< Of its first frame.
    std::optional<Duration> set_at_;      ///< When its clock was last set.
    std::optional<Duration> late_since_;  ///< Every frame from then on came later than its stamp by more than drift explains.
    bool has_delta_ = false;              ///< The open fragment holds a frame that is no key.
    std::int64_t last_key_ = -1, key_interval_ = 0;
    Duration wall_offset_{};
};

}  // namespace tenon::nvr
