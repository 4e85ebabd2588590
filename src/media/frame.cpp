#include <media/frame.hpp>

extern "C" {
#include <libavutil/imgutils.h>
}

#include "frame_box.hpp"

namespace tenon::media {

AVPixelFormat to_av(PixelFormat format) {
    switch (format) {
        case PixelFormat::yuv420p: return AV_PIX_FMT_YUV420P;
        case PixelFormat::rgba: return AV_PIX_FMT_RGBA;
        case PixelFormat::rgb24: return AV_PIX_FMT_RGB24;
        case PixelFormat::yuv420p10: return AV_PIX_FMT_YUV420P10;
        case PixelFormat::gray: return AV_PIX_FMT_GRAY8;
        case PixelFormat::other: break;
    }
    throw InvalidArgument("frames can be made of yuv420p, yuv420p10, rgba, rgb24 and gray only");
}

PixelFormat from_av(AVPixelFormat format) {
    switch (format) {
        // The j variant says full range in the format instead of in the frame; Colour carries that here.
        case AV_PIX_FMT_YUV420P:
        case AV_PIX_FMT_YUVJ420P: return PixelFormat::yuv420p;
        case AV_PIX_FMT_RGBA: return PixelFormat::rgba;
        case AV_PIX_FMT_RGB24: return PixelFormat::rgb24;
        case AV_PIX_FMT_YUV420P10: return PixelFormat::yuv420p10;
        case AV_PIX_FMT_GRAY8: return PixelFormat::gray;
        default: return PixelFormat::other;
    }
}

std::int32_t pixel_bytes(PixelFormat format) {
    switch (format) {
        case PixelFormat::rgba: return 4;
        case PixelFormat::rgb24: return 3;
        case PixelFormat::yuv420p10: return 2;
        default: return 1;
    }
}

bool is_yuv(PixelFormat format) { return format == PixelFormat::yuv420p || format == PixelFormat::yuv420p10; }

VideoFrame::VideoFrame(std::shared_ptr<Box> box) : box_(std::move(box)) {}

VideoFrame VideoFrame::allocate(std::int32_t width, std::int32_t height, PixelFormat format) {
    auto raw = new_frame();
    raw->width = width;
    raw->height = height;
    raw->format = to_av(format);
    constexpr int row_alignment = 64;
    if (const int code = av_frame_get_buffer(raw.get(), row_alignment); code < 0)
        throw_av(code, "a picture cannot be made", std::to_string(width) + " x " + std::to_string(height));
    return VideoFrame(std::make_shared<Box>(Box{std::move(raw)}));
}

std::int32_t VideoFrame::width() const { return box_->raw->width; }
std::int32_t VideoFrame::height() const { return box_->raw->height; }
PixelFormat VideoFrame::format() const { return from_av(static_cast<AVPixelFormat>(box_->raw->format)); }

Plane VideoFrame::plane(std::int32_t index) const {
    const AVFrame& raw = *box_->raw;
    const bool chroma = is_yuv(format()) && index > 0;
    const std::int32_t round = chroma ? 1 : 0, shift = chroma ? 1 : 0;
    return {raw.data[index], raw.linesize[index], (raw.width + round) >> shift, (raw.height + round) >> shift};
}

std::int64_t VideoFrame::bytes() const {
    return av_image_get_buffer_size(static_cast<AVPixelFormat>(box_->raw->format), box_->raw->width, box_->raw->height, 1);
}

VideoFrame VideoFrame::writable() && {
    if (box_.use_count() == 1 && av_frame_is_writable(box_->raw.get())) return std::move(*this);
    VideoFrame copy = *this;
    copy.box_ = allocate(width(), height(), format()).box_;
    if (const int code = av_frame_copy(copy.box_->raw.get(), box_->raw.get()); code < 0)
        throw_av(code, "a picture cannot be copied", "");
    return copy;
}

}  // namespace tenon::media
