#include <media/scaler.hpp>

#include <array>
#include <cstring>

extern "C" {
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
}

#include <media/colour.hpp>

#include "frame_box.hpp"
#include "sws.hpp"

namespace tenon::media {
namespace {

int coefficients(int matrix) {
    switch (matrix) {
        case AVCOL_SPC_BT709: return SWS_CS_ITU709;
        case AVCOL_SPC_FCC: return SWS_CS_FCC;
        case AVCOL_SPC_SMPTE240M: return SWS_CS_SMPTE240M;
        case AVCOL_SPC_BT2020_NCL:
        case AVCOL_SPC_BT2020_CL: return SWS_CS_BT2020;
        default: return SWS_CS_ITU601;
    }
}

/// The same picture memory, seen through a rectangle.
struct View {
    std::array<std::uint8_t*, 4> data{};
    std::array<int, 4> stride{};
};

View view(const AVFrame& frame, Rect rect) {
    const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
    View result;
    std::array<int, 4> steps{};
    av_image_fill_max_pixsteps(steps.data(), nullptr, format);
    for (std::size_t i = 0; i < 4 && frame.data[i] != nullptr; ++i) {
        const bool palette = (format->flags & AV_PIX_FMT_FLAG_PAL) && i == 1;
        const bool chroma = i == 1 || i == 2;
        const int x = chroma ? rect.x >> format->log2_chroma_w : rect.x;
        const int y = chroma ? rect.y >> format->log2_chroma_h : rect.y;
        result.stride[i] = frame.linesize[i];
        result.data[i] = palette ? frame.data[i]
                                 : frame.data[i] + static_cast<std::ptrdiff_t>(y) * frame.linesize[i] + x * steps[i];
    }
    return result;
}

bool within(Rect rect, int width, int height) {
    return rect.x >= 0 && rect.y >= 0 && rect.width > 0 && rect.height > 0 && rect.x % 2 == 0 && rect.y % 2 == 0 &&
           rect.width <= width - rect.x && rect.height <= height - rect.y;
}

bool is_rgb(const AVFrame& frame) {
    const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
    return format != nullptr && (format->flags & AV_PIX_FMT_FLAG_RGB) != 0;
}

}  // namespace

void Sws::run(const AVFrame& source, Rect from, Side source_side, AVFrame& target, Rect to, Side target_side) {
    if (!within(from, source.width, source.height) || !within(to, target.width, target.height))
        throw InvalidArgument("a rectangle to scale lies outside its picture, or begins at an odd column or row");
    const Key key{from.width, from.height, source.format, to.width, to.height, target.format,
                  source_side.matrix, target_side.matrix, source_side.full, target_side.full};
    if (!context_ || !(key == key_)) {
        const Quiet quiet;
        context_.reset(sws_getContext(from.width, from.height, static_cast<AVPixelFormat>(source.format), to.width,
                                      to.height, static_cast<AVPixelFormat>(target.format),
                                      SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT | SWS_FULL_CHR_H_INT, nullptr, nullptr, nullptr));
        if (!context_) throw Unsupported("pictures of this kind cannot be converted");
        constexpr int one = 1 << 16;
        sws_setColorspaceDetails(context_.get(), sws_getCoefficients(coefficients(source_side.matrix)), source_side.full,
                                 sws_getCoefficients(coefficients(target_side.matrix)), target_side.full, 0, one, one);
        key_ = key;
    }
    const View in = view(source, from), out = view(target, to);
    const Quiet quiet;
    const int rows = sws_scale(context_.get(), in.data.data(), in.stride.data(), 0, from.height, out.data.data(), out.stride.data());
    if (rows < 0) throw_av(rows, "a picture cannot be scaled", "");
}

struct Scaler::Impl {
    Sws sws;
};

Scaler::Scaler() : impl_(new Impl) {}
Scaler::Scaler(Scaler&&) noexcept = default;
Scaler& Scaler::operator=(Scaler&&) noexcept = default;
Scaler::~Scaler() = default;

void Scaler::scale(const VideoFrame& source, Rect from, VideoFrame& target, Rect to) {
    const AVFrame& in = *source.box().raw;
    const Colour colour = with_guesses(source.colour(), source.width(), source.height());
    const bool rgb = is_rgb(in);
    const int target_matrix = with_guesses(target.colour(), target.width(), target.height()).matrix;
    const int matrix = rgb ? target_matrix : colour.matrix;
    if (to.width % 2 != 0 || to.height % 2 != 0) throw InvalidArgument("the target of scaling has an odd size");
    impl_->sws.run(in, from, {matrix, rgb || colour.full_range}, *target.box().raw, to, {matrix, false});
}

VideoFrame Scaler::convert(const VideoFrame& source, std::int32_t width, std::int32_t height, PixelFormat format) {
    VideoFrame target = VideoFrame::allocate(width, height, format);
    const AVFrame& in = *source.box().raw;
    Colour colour = with_guesses(source.colour(), source.width(), source.height());
    const bool full = is_rgb(in) || colour.full_range;
    const bool to_full = !is_yuv(format);
    impl_->sws.run(in, {0, 0, source.width(), source.height()}, {colour.matrix, full}, *target.box().raw,
                   {0, 0, width, height}, {colour.matrix, to_full});
    colour.full_range = to_full;
    target.set_colour(colour);
    target.set_pts(source.pts());
    return target;
}

namespace {

template <class Pixel> void rotate_plane(const Plane& in, const Plane& out, std::int32_t degrees) {
    for (std::int32_t y = 0; y < out.height; ++y) {
        auto* row = reinterpret_cast<Pixel*>(out.data + y * out.stride);
        for (std::int32_t x = 0; x < out.width; ++x) {
            const std::int32_t from_x = degrees == 90 ? y : degrees == 180 ? in.width - 1 - x : in.width - 1 - y;
            const std::int32_t from_y = degrees == 90 ? in.height - 1 - x : degrees == 180 ? in.height - 1 - y : x;
            row[x] = reinterpret_cast<const Pixel*>(in.data + from_y * in.stride)[from_x];
        }
    }
}

void rotate_plane(const Plane& in, const Plane& out, std::int32_t degrees, std::int32_t bytes) {
    switch (bytes) {
        case 1: return rotate_plane<std::uint8_t>(in, out, degrees);
        case 2: return rotate_plane<std::array<std::uint8_t, 2>>(in, out, degrees);
        case 3: return rotate_plane<std::array<std::uint8_t, 3>>(in, out, degrees);
        default: return rotate_plane<std::array<std::uint8_t, 4>>(in, out, degrees);
    }
}

}  // namespace

VideoFrame rotated(const VideoFrame& frame, std::int32_t degrees) {
    if (degrees == 0) return frame;
    const PixelFormat format = frame.format();
    if (format == PixelFormat::other || (degrees != 90 && degrees != 180 && degrees != 270))
        throw InvalidArgument("pictures turn by quarters, in a format of this engine");
    const bool quarter = degrees != 180;
    VideoFrame result = VideoFrame::allocate(quarter ? frame.height() : frame.width(),
                                             quarter ? frame.width() : frame.height(), format);
    for (std::int32_t i = 0; i < (is_yuv(format) ? 3 : 1); ++i)
        rotate_plane(frame.plane(i), result.plane(i), degrees, pixel_bytes(format));
    result.set_colour(frame.colour());
    result.set_pts(frame.pts());
    const Rational aspect = frame.sample_aspect();
    result.set_sample_aspect(quarter ? Rational{aspect.den, aspect.num} : aspect);
    return result;
}

void paste(const VideoFrame& source, VideoFrame& target, std::int32_t x, std::int32_t y) {
    if (source.format() != PixelFormat::yuv420p || target.format() != PixelFormat::yuv420p ||
        !within({x, y, source.width(), source.height()}, target.width(), target.height()))
        throw InvalidArgument("a picture does not fit where it is to be placed");
    for (std::int32_t i = 0; i < 3; ++i) {
        const Plane in = source.plane(i), out = target.plane(i);
        const std::int32_t shift = i == 0 ? 0 : 1;
        for (std::int32_t row = 0; row < in.height; ++row)
            std::memcpy(out.data + ((y >> shift) + row) * out.stride + (x >> shift), in.data + row * in.stride,
                        static_cast<std::size_t>(in.width));
    }
}

void fill_black(VideoFrame& frame) {
    constexpr int black = 16, grey = 128;
    for (std::int32_t i = 0; i < 3; ++i) {
        const Plane plane = frame.plane(i);
        for (std::int32_t y = 0; y < plane.height; ++y)
            std::memset(plane.data + y * plane.stride, i == 0 ? black : grey, static_cast<std::size_t>(plane.width));
    }
}

}  // namespace tenon::media
