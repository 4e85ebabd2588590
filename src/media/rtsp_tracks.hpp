#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rtsp_message.hpp"

namespace tenon::media::rtsp {

/// One picture or sound of a description.
struct Section {
    std::string control;            ///< Where it is set up.
    std::uint8_t payload = 0;       ///< Type of its packets, as the camera numbers them.
    std::uint8_t shown_payload = 0; ///< As the library's description numbers them: no two sections have the same.
    std::int32_t clock = 90'000;    ///< Ticks a second.
};

struct Description {
    std::string sdp;                ///< For the library: these sections, and of them only what tells how to unpack them.
    std::string control;            ///< Where all of it is played.
    std::vector<Section> sections;
};

/// Sections of sound and pictures of an SDP that was got from `base`; others are left out. The library tells packets apart by
/// payload type and source, which cameras do not keep apart: each section gets its own (its number and one).
Description read_description(std::string_view sdp, const std::string& base);

/// Makes packets ready for the library: told apart by channel, and so that its times are those that the camera means.
///
/// The library counts a stream's time from its first packet until sender reports say what belongs together. PLAY's answer
/// may say so from the start (RTP-Info), which the library cannot be told; so it is given reports of ours that say the same,
/// by a clock of our own that the camera's reports are moved to.
class Tracks {
public:
    explicit Tracks(const std::vector<Section>& sections);

    void set_channels(std::size_t track, int media, int control);
    void set_begin(std::size_t track, std::uint32_t timestamp);   ///< Of the same moment in all that have one.

    /// False: it is not for the library.
    bool prepare(const RtpPacket& packet);
    /// A report that belongs before the packet that was prepared last.
    using Report = std::array<std::uint8_t, 28>;
    std::optional<Report> report_before(const RtpPacket& packet);
    /// Whether what came last of a track ended a frame, as far as its camera marks that.
    bool at_end_of_frame(std::size_t track) const { return track >= tracks_.size() || tracks_[track].ended; }

private:
    struct Reference {
        std::uint64_t wall = 0;        // 32.32 bits of seconds
        std::uint32_t timestamp = 0;
    };
    struct Track {
        Section section;
        std::uint32_t source = 0;
        int media = -1, control = -1;                // channels
        std::optional<std::uint32_t> begin;
        std::optional<Reference> last;               // what the library knows
        bool ended = true;                           // its last packet was the last one of a frame
    };
    Track* find(int channel);
    bool prepare_report(Track& track, std::span<std::uint8_t> bytes);
    static std::uint64_t wall_of(const Track& track, std::uint32_t timestamp);

    std::vector<Track> tracks_;
    std::optional<std::uint64_t> shift_;   // from the camera's clock to ours
};

}  // namespace tenon::media::rtsp
