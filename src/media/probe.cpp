#include <media/probe.hpp>

#include <algorithm>

#include <media/decoder.hpp>

#include <tenon/error.hpp>

namespace tenon::media {
namespace {

// A damaged start may hide the first key frame; beyond this nobody would call it playable.
constexpr int packets_to_try = 2'000;

/// Whether one frame of `stream` really comes out of a decoder.
bool decodes(Input& input, const StreamInfo& stream, const Limits& limits) {
    input.select({stream.index});
    const auto any = [](auto& decoder) { return decoder.receive().has_value(); };
    const auto run = [&](auto& decoder) {
        for (int i = 0; i < packets_to_try; ++i) {
            const auto packet = input.next();
            if (!packet) break;
            decoder.send(*packet);
            if (any(decoder)) return true;
        }
        decoder.finish();
        return any(decoder);
    };
    if (stream.kind == StreamKind::video) {
        VideoDecoder decoder(stream, {.pixels = limits.pixels});
        return run(decoder);
    }
    constexpr std::int32_t rate = 48'000;
    AudioDecoder decoder(stream, rate, 2);
    return run(decoder);
}

std::optional<Duration> longest(const std::vector<StreamInfo>& streams) {
    std::optional<Duration> result;
    for (const auto& stream : streams)
        if (stream.duration && stream.kind != StreamKind::other)
            result = std::max(result.value_or(Duration{}), to_duration(*stream.duration));
    return result;
}

/// For containers without an index: the span of the stream's own times.
std::optional<Duration> counted(const std::filesystem::path& path, const StreamInfo& stream, const Limits& limits,
                                std::stop_token stop) {
    Input input = Input::open(path, limits, stop);
    input.select({stream.index});
    std::optional<std::int64_t> first, last;
    std::int64_t packets = 0;
    while (const auto packet = input.next()) {
        ++packets;
        const auto time = packet->pts ? packet->pts : packet->dts;
        if (!time) continue;
        first = std::min(first.value_or(*time), *time);
        last = std::max(last.value_or(*time + packet->duration), *time + packet->duration);
    }
    if (first && *last > *first) return to_duration({*last - *first, stream.time_base});
    if (stream.rate.num > 0 && packets > 0) return frame_start(packets, stream.rate);
    return std::nullopt;
}

}  // namespace

Probe probe(const std::filesystem::path& path, const Limits& limits, std::stop_token stop) {
    Input input = Input::open(path, limits, stop);
    Probe result{.container = input.container(), .duration = longest(input.streams()), .streams = input.streams()};
    if (!result.duration) result.duration = input.duration();

    bool damaged = false;
    for (const StreamInfo* stream : {input.video(), input.audio()}) {
        if (stream == nullptr) continue;
        // Each from the start: the other stream's packets may have been passed over.
        Input again = Input::open(path, limits, stop);
        if (!decodes(again, *stream, limits)) { damaged = true; continue; }
        (stream->kind == StreamKind::video ? result.video : result.audio) = stream->index;
    }
    if (!result.video && !result.audio) {
        if (damaged) throw Corrupt("nothing in this file can be decoded; it is damaged or breaks off", {.subject = path.native()});
        throw Unsupported("this file holds neither pictures nor sound", {.subject = path.native()});
    }
    if (!result.duration)
        result.duration = counted(path, result.streams[static_cast<std::size_t>(result.video.value_or(result.audio.value_or(0)))],
                                  limits, stop);
    return result;
}

}  // namespace tenon::media
