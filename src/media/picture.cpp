#include <media/picture.hpp>

#include <algorithm>

#include <media/colour.hpp>

#include "frame_box.hpp"
#include "sws.hpp"

namespace tenon::media {
namespace {

std::vector<std::uint8_t> encode(const char* codec_name, AVPixelFormat format, const VideoFrame& frame, int scale, Side target) {
    const AVCodec* codec = avcodec_find_encoder_by_name(codec_name);
    if (codec == nullptr) throw Unsupported(std::string("the encoder ") + codec_name + " is not installed", {.subject = codec_name});
    const AVFrame& in = *frame.box().raw;
    auto picture = new_frame();
    picture->width = in.width;
    picture->height = in.height;
    picture->format = format;
    picture->quality = scale * FF_QP2LAMBDA;
    picture->color_range = AVCOL_RANGE_JPEG;
    int code = av_frame_get_buffer(picture.get(), 0);
    if (code < 0) throw_av(code, "a picture cannot be made", codec_name);
    const Colour colour = with_guesses(frame.colour(), in.width, in.height);
    const bool rgb = frame.format() == PixelFormat::rgba || frame.format() == PixelFormat::rgb24;
    Sws sws;
    const Rect all{0, 0, in.width, in.height};
    sws.run(in, all, {rgb ? target.matrix : colour.matrix, rgb || colour.full_range}, *picture, all, target);

    Av<AVCodecContext> context(checked(avcodec_alloc_context3(codec)));
    context->log_level_offset = silent;
    context->width = in.width;
    context->height = in.height;
    context->pix_fmt = format;
    context->color_range = AVCOL_RANGE_JPEG;
    context->time_base = {1, 1};
    context->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_QSCALE;
    context->global_quality = scale * FF_QP2LAMBDA;
    const Quiet quiet;
    auto packet = new_packet();
    if (code = avcodec_open2(context.get(), codec, nullptr); code >= 0) code = avcodec_send_frame(context.get(), picture.get());
    if (code >= 0) code = avcodec_send_frame(context.get(), nullptr);
    if (code >= 0) code = avcodec_receive_packet(context.get(), packet.get());
    if (code < 0) throw_av(code, "a picture cannot be encoded", codec_name);
    return {packet->data, packet->data + packet->size};
}

}  // namespace

std::vector<std::uint8_t> encode_jpeg(const VideoFrame& frame, std::int32_t quality) {
    if (quality < 1 || quality > 100) throw InvalidArgument("the quality of a JPEG is 1 to 100", {.subject = "quality"});
    constexpr int coarsest = 31;
    const int scale = std::clamp(1 + (100 - quality) * (coarsest - 1) / 99, 1, coarsest);
    return encode("mjpeg", AV_PIX_FMT_YUVJ420P, frame, scale, {AVCOL_SPC_BT470BG, true});   // JFIF is BT.601, full
}

std::vector<std::uint8_t> encode_png(const VideoFrame& frame) {
    return encode("png", AV_PIX_FMT_RGB24, frame, 0, {AVCOL_SPC_BT709, true});
}

}  // namespace tenon::media
