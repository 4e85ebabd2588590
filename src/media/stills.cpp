#include <media/stills.hpp>

#include <algorithm>

#include <media/picture.hpp>
#include <media/probe.hpp>
#include <media/thumbnail.hpp>
#include <tenon/error.hpp>

namespace tenon::media {

Size upright_size(const StreamInfo& stream, std::int32_t width) {
    constexpr std::int32_t tallest = 4096;
    std::int64_t across = stream.width * stream.sample_aspect.num, down = stream.height * stream.sample_aspect.den;
    if (stream.rotation % 180 != 0) std::swap(across, down);
    if (across <= 0 || down <= 0) throw Unsupported("the file does not say how large its pictures are");
    const std::int64_t height = (width * down + across / 2) / across;
    return {std::max(2, width / 2 * 2), static_cast<std::int32_t>(std::clamp<std::int64_t>(height / 2 * 2, 2, tallest))};
}

Size shown_size(const StreamInfo& stream) {
    const Rational aspect = stream.sample_aspect;
    const std::int64_t wide = stream.width * aspect.num / std::max<std::int64_t>(1, aspect.den);
    constexpr std::int64_t widest = 16'384;
    const auto width = static_cast<std::int32_t>(std::clamp<std::int64_t>(wide, 1, widest));
    const bool turned = stream.rotation % 180 != 0;
    return turned ? Size{stream.height, width} : Size{width, stream.height};
}

VideoFrame shown(const VideoFrame& frame, Scaler& scaler, std::int32_t rotation, Size size, PixelFormat format) {
    if (rotation % 180 != 0) std::swap(size.width, size.height);
    const std::int32_t planes = is_yuv(format) ? 3 : 1;
    bool as_it_is = frame.format() == format && frame.width() == size.width && frame.height() == size.height &&
                    (format == PixelFormat::rgb24 || frame.colour().full_range == !is_yuv(format));
    for (std::int32_t i = 0; as_it_is && i < planes; ++i) as_it_is = frame.plane(i).stride > 0;
    return rotated(as_it_is ? frame : scaler.convert(frame, size.width, size.height, format), rotation);
}

VideoFrame still_at(FrameReader& reader, Scaler& scaler, Duration position, Size size) {
    const VideoFrame frame = reader.at(position);
    const std::int32_t rotation = reader.stream().rotation;
    if (rotation % 180 != 0) std::swap(size.width, size.height);
    return rotated(scaler.convert(frame, size.width, size.height, PixelFormat::yuv420p), rotation);
}

Duration picture_span(FrameReader& reader, const std::filesystem::path& path, const Limits& limits, std::stop_token stop) {
    if (const auto told = reader.duration()) return *told;
    return probe(path, limits, stop).duration.value_or(Duration{});
}

std::vector<std::uint8_t> thumbnail(const std::filesystem::path& path, const ThumbnailOptions& options, std::stop_token stop) {
    constexpr std::int32_t narrowest = 16, widest = 4096;
    if (options.width < narrowest || options.width > widest)
        throw InvalidArgument("a thumbnail is 16 to 4096 pixels wide", {.subject = "width"});
    FrameReader reader(path, options.limits, {}, stop);
    Scaler scaler;
    const Duration at = options.at ? *options.at : picture_span(reader, path, options.limits, stop) / 10;
    return encode_jpeg(still_at(reader, scaler, at, upright_size(reader.stream(), options.width)));
}

}  // namespace tenon::media
