#include "stills.hpp"

#include <algorithm>

#include <media/colour.hpp>
#include <media/contact_sheet.hpp>
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

std::vector<std::uint8_t> contact_sheet(const std::filesystem::path& path, const SheetOptions& options, std::stop_token stop) {
    constexpr std::int32_t most = 16, narrowest = 16, widest = 1024, gap = 4;
    if (options.columns < 1 || options.columns > most || options.rows < 1 || options.rows > most)
        throw InvalidArgument("a contact sheet has 1 to 16 columns and rows", {.subject = "columns"});
    if (options.cell_width < narrowest || options.cell_width > widest)
        throw InvalidArgument("a cell is 16 to 1024 pixels wide", {.subject = "cell_width"});
    FrameReader reader(path, options.limits, {}, stop);
    Scaler scaler;
    const Size cell = upright_size(reader.stream(), options.cell_width);
    const std::int64_t count = std::int64_t{options.columns} * options.rows;
    const Duration span = picture_span(reader, path, options.limits, stop);

    VideoFrame sheet = VideoFrame::allocate(options.columns * (cell.width + gap) - gap, options.rows * (cell.height + gap) - gap,
                                            PixelFormat::yuv420p);
    sheet.set_colour(with_guesses(reader.stream().colour, reader.stream().width, reader.stream().height));
    fill_black(sheet);
    for (std::int64_t i = 0; i < count; ++i) {
        // The middle of each of `count` equal parts.
        const VideoFrame still = still_at(reader, scaler, Duration{span.count() * (2 * i + 1) / (2 * count)}, cell);
        const auto column = static_cast<std::int32_t>(i % options.columns), row = static_cast<std::int32_t>(i / options.columns);
        paste(still, sheet, column * (cell.width + gap), row * (cell.height + gap));
    }
    return encode_png(sheet);
}

}  // namespace tenon::media
