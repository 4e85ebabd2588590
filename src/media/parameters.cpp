#include "parameters.hpp"

#include <cmath>

extern "C" {
#include <libavutil/display.h>
#include <libavutil/pixdesc.h>
}

namespace tenon::media {
namespace {

std::int32_t rotation_of(const AVStream& stream) {
    std::size_t size = 0;
    const std::uint8_t* matrix = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    if (matrix == nullptr || size < 9 * sizeof(std::int32_t)) return 0;
    const double counter_clockwise = av_display_rotation_get(reinterpret_cast<const std::int32_t*>(matrix));
    if (std::isnan(counter_clockwise)) return 0;
    const long quarter = std::lround(-counter_clockwise / 90.0);
    if (std::fabs(-counter_clockwise - 90.0 * static_cast<double>(quarter)) > 1.0) return 0;
    return static_cast<std::int32_t>(((quarter % 4 + 4) % 4) * 90);
}

Rational rate_of(const AVStream& stream) {
    const AVRational average = stream.avg_frame_rate, real = stream.r_frame_rate;
    const bool has_average = average.num > 0 && average.den > 0, has_real = real.num > 0 && real.den > 0;
    if (!has_average && !has_real) return {0, 1};
    if (!has_average) return exact_rate(from_av(real));
    // The average of a short or slightly uneven file is a little off; the base rate is what it was shot at.
    if (has_real && std::fabs(av_q2d(average) / av_q2d(real) - 1.0) < 0.01) return exact_rate(from_av(real));
    return exact_rate(from_av(average));
}

void describe_video(StreamInfo& info, const AVFormatContext&, const AVStream& stream) {
    const AVCodecParameters& codec = *stream.codecpar;
    info.width = codec.width;
    info.height = codec.height;
    const AVRational aspect = stream.sample_aspect_ratio.num > 0 ? stream.sample_aspect_ratio : codec.sample_aspect_ratio;
    if (aspect.num > 0 && aspect.den > 0) info.sample_aspect = reduced(from_av(aspect));
    info.rotation = rotation_of(stream);
    info.colour = {static_cast<std::uint8_t>(codec.color_primaries), static_cast<std::uint8_t>(codec.color_trc),
                   static_cast<std::uint8_t>(codec.color_space), codec.color_range == AVCOL_RANGE_JPEG};
    info.rate = rate_of(stream);
    const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(codec.format));
    if (format != nullptr) info.bit_depth = format->comp[0].depth;
}

}  // namespace

StreamInfo describe(AVFormatContext& format, const AVStream& stream, bool live) {
    const AVCodecParameters& codec = *stream.codecpar;
    StreamInfo info;
    info.index = stream.index;
    info.codec = avcodec_get_name(codec.codec_id);
    info.time_base = from_av(stream.time_base);
    if (!live && stream.duration != AV_NOPTS_VALUE && stream.duration > 0 &&
        format.duration_estimation_method != AVFMT_DURATION_FROM_BITRATE)
        info.duration = MediaTime{stream.duration, info.time_base};
    if (stream.start_time != AV_NOPTS_VALUE) info.start = MediaTime{stream.start_time, info.time_base};
    if (codec.extradata_size > 0) info.extradata.assign(codec.extradata, codec.extradata + codec.extradata_size);
    if (codec.codec_type == AVMEDIA_TYPE_VIDEO) {
        info.kind = (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) ? StreamKind::other : StreamKind::video;
        describe_video(info, format, stream);
    } else if (codec.codec_type == AVMEDIA_TYPE_AUDIO) {
        info.kind = StreamKind::audio;
        info.channels = codec.ch_layout.nb_channels;
        info.sample_rate = codec.sample_rate;
    }
    Av<AVCodecParameters> copy(checked(avcodec_parameters_alloc()));
    if (const int code = avcodec_parameters_copy(copy.get(), &codec); code < 0)
        throw_av(code, "the stream's description cannot be kept", info.codec);
    info.parameters = std::make_shared<const CodecParameters>(CodecParameters{std::move(copy)});
    return info;
}

void check_limits(const AVFormatContext& format, const Limits& limits, const std::string& subject) {
    if (format.nb_streams > static_cast<unsigned>(limits.streams))
        throw Unsupported("the file has " + std::to_string(format.nb_streams) + " streams; " +
                              std::to_string(limits.streams) + " are allowed", {.subject = subject});
    for (unsigned i = 0; i < format.nb_streams; ++i) {
        const AVCodecParameters& codec = *format.streams[i]->codecpar;
        if (codec.width > limits.side || codec.height > limits.side ||
            static_cast<std::int64_t>(codec.width) * codec.height > limits.pixels)
            throw Unsupported("its pictures of " + std::to_string(codec.width) + " x " + std::to_string(codec.height) +
                                  " are larger than allowed", {.subject = subject});
    }
}

Av<AVCodecContext> new_decoder(const StreamInfo& stream, int threads, std::int64_t pixels) {
    if (!stream.parameters) throw InvalidArgument("a stream without its description cannot be decoded");
    const AVCodecParameters& parameters = *stream.parameters->raw;
    const AVCodec* codec = avcodec_find_decoder(parameters.codec_id);
    if (codec == nullptr) throw Unsupported("no decoder for " + stream.codec + " is installed", {.subject = stream.codec});
    Av<AVCodecContext> context(checked(avcodec_alloc_context3(codec)));
    context->log_level_offset = silent;
    if (const int code = avcodec_parameters_to_context(context.get(), &parameters); code < 0)
        throw_av(code, "the stream's description makes no sense", stream.codec);
    context->pkt_timebase = to_av(stream.time_base);
    context->thread_count = threads;
    context->max_pixels = pixels;
    return context;
}

}  // namespace tenon::media
