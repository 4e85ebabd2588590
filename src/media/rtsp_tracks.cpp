#include "rtsp_tracks.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "av.hpp"

extern "C" {
#include <libavutil/intreadwrite.h>
#include <libavutil/mathematics.h>
}

namespace tenon::media::rtsp {
namespace {

constexpr std::size_t most_sections = 16;
constexpr int first_dynamic = 96;
constexpr std::uint64_t our_start = std::uint64_t{1} << 40;
constexpr std::int64_t believable = 10;          // seconds between RTP-Info and the first packet
constexpr std::int64_t much = std::int64_t{1} << 30;   // ticks: half of what can be told from a step back

std::string_view word_of(std::string_view& line) {
    line = trimmed(line);
    const auto word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
    return word;
}

int number_of(std::string_view text) {
    int value = -1;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    return end.ec == std::errc() && end.ptr != text.data() ? value : -1;
}

std::int32_t usual_clock(int payload, bool sound) {
    if (!sound || payload == 14) return 90'000;
    return payload == 10 || payload == 11 ? 44'100 : payload == 6 ? 16'000 : 8'000;
}

/// "m=video 0 RTP/AVP 96 97". False: not for us.
bool read_media(std::string_view line, const std::vector<Section>& known, Section& section, std::string& sdp) {
    const auto kind = word_of(line);
    (void)word_of(line);
    const auto profile = word_of(line);
    const int payload = number_of(word_of(line));
    if ((kind != "video" && kind != "audio") || !profile.starts_with("RTP/AVP") || payload < 0 || payload > 127) return false;
    const bool dynamic = payload >= first_dynamic;
    const auto shown = static_cast<std::uint8_t>(dynamic ? first_dynamic + static_cast<int>(known.size()) : payload);
    if (known.size() == most_sections || std::ranges::any_of(known, [&](const auto& other) { return other.shown_payload == shown; })) return false;
    section.payload = static_cast<std::uint8_t>(payload);
    section.shown_payload = shown;
    section.clock = usual_clock(payload, kind == "audio");
    ((sdp += "m=") += kind) += " 0 RTP/AVP " + std::to_string(shown) + "\r\na=ssrc:" + std::to_string(known.size() + 1) + "\r\n";
    return true;
}

/// "rtpmap:96 H264/90000" and what else tells how to unpack a section.
void read_attribute(std::string_view line, Section& section, std::string& sdp) {
    const auto colon = line.find(':');
    const auto name = line.substr(0, colon);
    if (colon == std::string_view::npos || (name != "rtpmap" && name != "fmtp" && name != "framesize" && name != "cliprect")) return;
    auto rest = line.substr(colon + 1);
    if (name == "cliprect") {
        ((sdp += "a=") += line) += "\r\n";
        return;
    }
    if (number_of(word_of(rest)) != section.payload) return;
    if (name == "rtpmap") {
        const auto slash = rest.find('/');
        const int clock = slash == std::string_view::npos ? 0 : number_of(rest.substr(slash + 1));
        if (clock > 0) section.clock = clock;
    }
    ((((sdp += "a=") += name) += ":" + std::to_string(section.shown_payload) + " ") += trimmed(rest)) += "\r\n";
}

std::string joined(const std::string& base, std::string_view control) {
    if (control.empty() || control == "*") return base;
    if (control.find("://") != std::string_view::npos) return std::string(control);
    if (control.starts_with('/')) control.remove_prefix(1);
    return base + (base.ends_with('/') ? "" : "/") + std::string(control);
}

bool is_control(std::span<const std::uint8_t> bytes) {   // RTCP
    return (bytes[1] >= 192 && bytes[1] <= 195) || (bytes[1] >= 200 && bytes[1] <= 210);
}

std::int64_t ticks_between(std::uint32_t from, std::uint32_t to) { return static_cast<std::int32_t>(to - from); }

}  // namespace

Description read_description(std::string_view sdp, const std::string& base) {
    Description out{"v=0\r\ns=-\r\n", base, {}};
    bool any = false, taken = false;
    while (!sdp.empty()) {
        const auto end = std::min(sdp.find('\n'), sdp.size());
        auto line = sdp.substr(0, end);
        line = trimmed(line.substr(0, std::min(line.find('\r'), line.find('\0'))));
        sdp.remove_prefix(std::min(end + 1, sdp.size()));
        if (line.size() < 2 || line[1] != '=') continue;
        const char letter = line[0];
        line.remove_prefix(2);
        if (letter == 'm') {
            any = true;
            Section section{out.control, 0, 0, 0};
            taken = read_media(line, out.sections, section, out.sdp);
            if (taken) out.sections.push_back(std::move(section));
        } else if (letter == 'a' && line.starts_with("control:")) {
            const auto control = trimmed(line.substr(8));
            if (taken) out.sections.back().control = joined(out.control, control);
            else if (!any && (control.starts_with("rtsp://") || control.starts_with("rtsps://"))) out.control = control;
        } else if (letter == 'a' && taken) {
            read_attribute(line, out.sections.back(), out.sdp);
        }
    }
    return out;
}

Tracks::Tracks(const std::vector<Section>& sections) {
    for (const auto& section : sections) tracks_.push_back({section, static_cast<std::uint32_t>(tracks_.size() + 1), -1, -1, {}, {}, true});
}

void Tracks::set_channels(std::size_t track, int media, int control) {
    tracks_[track].media = media;
    tracks_[track].control = control;
}

void Tracks::set_begin(std::size_t track, std::uint32_t timestamp) {
    if (tracks_.size() > 1) tracks_[track].begin = timestamp;   // one alone begins when it likes
}

Tracks::Track* Tracks::find(int channel) {
    for (auto& track : tracks_)
        if (track.media == channel || track.control == channel) return &track;
    return nullptr;
}

std::uint64_t Tracks::wall_of(const Track& track, std::uint32_t timestamp) {
    const auto ticks = ticks_between(track.last->timestamp, timestamp);
    return track.last->wall + static_cast<std::uint64_t>(av_rescale(ticks, std::int64_t{1} << 32, track.section.clock));
}

bool Tracks::prepare(const RtpPacket& packet) {
    Track* const track = find(packet.channel);
    const auto bytes = packet.bytes;
    if (track == nullptr || bytes.size() < 8) return false;
    if (is_control(bytes)) {
        AV_WB32(&bytes[4], track->source);
        return bytes[1] != 200 || prepare_report(*track, bytes);
    }
    if (bytes.size() < 12 || (bytes[1] & 0x7f) != track->section.payload) return false;
    track->ended = (bytes[1] & 0x80) != 0;
    bytes[1] = static_cast<std::uint8_t>((bytes[1] & 0x80) | track->section.shown_payload);
    AV_WB32(&bytes[8], track->source);
    return true;
}

bool Tracks::prepare_report(Track& track, std::span<std::uint8_t> bytes) {
    if (bytes.size() < 20) return false;
    if (std::ranges::none_of(tracks_, [](const auto& one) { return one.begin.has_value(); })) return true;   // as the camera says
    const std::uint32_t timestamp = AV_RB32(&bytes[16]);
    if (!shift_) {
        if (!track.last) return false;
        shift_ = wall_of(track, timestamp) - AV_RB64(&bytes[8]);
    }
    track.last = {AV_RB64(&bytes[8]) + *shift_, timestamp};
    AV_WB64(&bytes[8], track.last->wall);
    return true;
}

std::optional<Tracks::Report> Tracks::report_before(const RtpPacket& packet) {
    Track* const track = find(packet.channel);
    if (track == nullptr || !track->begin || is_control(packet.bytes)) return std::nullopt;
    const std::uint32_t timestamp = AV_RB32(&packet.bytes[4]);
    if (!track->last) {
        if (std::abs(ticks_between(*track->begin, timestamp)) > believable * track->section.clock) {
            track->begin.reset();
            return std::nullopt;
        }
        track->last = {our_start, *track->begin};
    } else if (std::abs(ticks_between(track->last->timestamp, timestamp)) > much) {   // a camera that sends no reports
        track->last = {wall_of(*track, timestamp), timestamp};
    } else {
        return std::nullopt;
    }
    Report report{0x80, 200, 0, 6};
    AV_WB32(&report[4], track->source);
    AV_WB64(&report[8], track->last->wall);
    AV_WB32(&report[16], track->last->timestamp);
    return report;
}

}  // namespace tenon::media::rtsp
