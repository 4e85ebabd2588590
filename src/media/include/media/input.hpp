#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <media/packet.hpp>
#include <media/stream.hpp>

namespace tenon::media {

/// What may be spent on a file before it is believed. A header over a limit never reaches a decoder.
struct Limits {
    std::int64_t analysis_bytes = 32 << 20;
    Duration analysis_time = std::chrono::seconds(5);   ///< Of media, not of waiting.
    std::int32_t side = 16'384;                          ///< Pixels.
    std::int64_t pixels = std::int64_t{1} << 27;         ///< Of one frame.
    std::int32_t streams = 64;
};

struct LiveOptions {
    Duration open_timeout = std::chrono::seconds(10);    ///< Until the streams are described and playing.
    Duration read_timeout = std::chrono::seconds(5);     ///< Longest silence between two packets.
    Limits limits{};
};

/// A container being read: a file on disk, or a live RTSP session.
///
/// Threads   one at a time.
/// Throws    from every member: Cancelled (stop token), Corrupt, Unsupported, NotFound, PermissionDenied; live also
///           Unavailable (no answer, silence, connection lost) and Unauthenticated. The subject is the file's path or
///           the URL's scheme and host: login, path and query may hold secrets. No message holds any of them.
class Input {
public:
    /// Only regular files, and nothing they refer to: playlists and external references are refused.
    static Input open(const std::filesystem::path& path, const Limits& limits, std::stop_token stop);

    /// `url` is rtsp:// or rtsps://, possibly with user and password; whoever calls has checked the address.
    static Input open_live(const std::string& url, const LiveOptions& options, std::stop_token stop);

    Input(Input&&) noexcept;
    Input& operator=(Input&&) noexcept;
    ~Input();

    const std::vector<StreamInfo>& streams() const;
    const std::string& container() const;              ///< "mp4", "avi", "matroska", "rtsp" …
    std::optional<Duration> duration() const;          ///< Of the container; unset when it does not say.
    /// The first video stream that is no still cover picture; the first audio stream.
    const StreamInfo* video() const;
    const StreamInfo* audio() const;

    /// The next packet in file or arrival order; empty at the end.
    [[nodiscard]] std::optional<Packet> next();

    /// Streams not listed are skipped by next() from now on, cheaply. Until called, all are read.
    void select(const std::vector<std::int32_t>& streams);

    /// Goes to the last key frame of `stream` at or before `ticks` of its time base, or to the start.
    void seek(std::int32_t stream, std::int64_t ticks);

private:
    struct Impl;
    explicit Input(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// When a file's time begins: where its first picture or sound starts.
Duration origin_of(const Input& input);

}  // namespace tenon::media
