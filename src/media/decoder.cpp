#include <media/decoder.hpp>

extern "C" {
#include <libavutil/channel_layout.h>
#include <libavutil/intreadwrite.h>
}

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "frame_box.hpp"
#include "parameters.hpp"

namespace tenon::media {
namespace {

void add_side_data(AVPacket& packet, AVPacketSideDataType type, std::span<const std::uint8_t> bytes) {
    std::uint8_t* place = checked(av_packet_new_side_data(&packet, type, bytes.size()));
    std::memcpy(place, bytes.data(), bytes.size());
}

/// What both decoders share: sending, draining, counting damage.
class Codec {
public:
    Codec(const StreamInfo& stream, std::int32_t threads, std::int64_t pixels)
        : context_(new_decoder(stream, threads, pixels)), packet_(new_packet()), frame_(new_frame()), name_(stream.codec), concealed_(*context_) {
        const Quiet quiet;
        if (const int code = avcodec_open2(context_.get(), nullptr, nullptr); code < 0)
            throw_av(code, "the " + name_ + " decoder cannot start", name_);
    }

    void send(const Packet& packet) {
        const Quiet quiet;
        packet_->data = const_cast<std::uint8_t*>(packet.data.data());   // the codec copies what has no owner of its kind
        packet_->size = static_cast<int>(packet.data.size());
        packet_->pts = packet.pts.value_or(AV_NOPTS_VALUE);
        packet_->dts = packet.dts.value_or(AV_NOPTS_VALUE);
        packet_->duration = packet.duration;
        packet_->flags = (packet.key ? AV_PKT_FLAG_KEY : 0) | (packet.discard ? AV_PKT_FLAG_DISCARD : 0);
        if (!packet.new_extradata.empty()) add_side_data(*packet_, AV_PKT_DATA_NEW_EXTRADATA, packet.new_extradata);
        if (packet.skip_start != 0 || packet.skip_end != 0) {
            std::uint8_t skip[10] = {};
            AV_WL32(skip, static_cast<std::uint32_t>(packet.skip_start));
            AV_WL32(skip + 4, static_cast<std::uint32_t>(packet.skip_end));
            add_side_data(*packet_, AV_PKT_DATA_SKIP_SAMPLES, skip);
        }
        ++context_->reordered_opaque;   // numbers the packet, its picture and what is logged of it
        judge(avcodec_send_packet(context_.get(), packet_.get()));
        packet_->data = nullptr;
        packet_->size = 0;
        av_packet_unref(packet_.get());
    }

    void finish() {
        const Quiet quiet;
        judge(avcodec_send_packet(context_.get(), nullptr));
    }

    AVFrame* receive() {
        const Quiet quiet;
        for (;;) {
            const int code = avcodec_receive_frame(context_.get(), frame_.get());
            if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return nullptr;
            if (code >= 0) return frame_.get();
            judge(code);
        }
    }

    /// Whether damage was concealed in a picture that receive() gave.
    bool concealed(const AVFrame& frame) {
        return concealed_.take(frame.reordered_opaque) || frame.decode_error_flags != 0 || (frame.flags & AV_FRAME_FLAG_CORRUPT) != 0;
    }

    void reset() { avcodec_flush_buffers(context_.get()); }
    std::int64_t damaged() const { return damaged_; }
    const std::string& name() const { return name_; }
    const AVCodecContext& context() const { return *context_; }

private:
    void judge(int code) {
        if (code >= 0 || code == AVERROR_EOF) return;
        if (code == AVERROR(ENOMEM)) throw Unavailable("there is not enough memory to decode", {.subject = name_});
        if (code == AVERROR(EAGAIN)) throw InternalError("a packet was sent before its frames were taken", {.subject = name_});
        ++damaged_;
    }

    Av<AVCodecContext> context_;
    Av<AVPacket> packet_;
    Av<AVFrame> frame_;
    std::string name_;
    std::int64_t damaged_ = 0;
    Concealed concealed_;
};

}  // namespace

struct VideoDecoder::Impl {
    Codec codec;
    Colour colour;
    Rational aspect;
};

VideoDecoder::VideoDecoder(const StreamInfo& stream, const DecoderOptions& options)
    : impl_(new Impl{{stream, std::clamp(options.threads, 1, 16), options.pixels}, stream.colour, stream.sample_aspect}) {}
VideoDecoder::VideoDecoder(VideoDecoder&&) noexcept = default;
VideoDecoder& VideoDecoder::operator=(VideoDecoder&&) noexcept = default;
VideoDecoder::~VideoDecoder() = default;

void VideoDecoder::send(const Packet& packet) { impl_->codec.send(packet); }
void VideoDecoder::finish() { impl_->codec.finish(); }
void VideoDecoder::reset() { impl_->codec.reset(); }
std::int64_t VideoDecoder::damaged_packets() const { return impl_->codec.damaged(); }

std::optional<VideoFrame> VideoDecoder::receive() {
    AVFrame* raw = impl_->codec.receive();
    if (raw == nullptr) return std::nullopt;
    auto own = new_frame();
    av_frame_move_ref(own.get(), raw);
    const auto code_point = [](int frame, std::uint8_t stream) { return frame == 2 ? stream : static_cast<std::uint8_t>(frame); };
    const bool j_format = own->format == AV_PIX_FMT_YUVJ420P || own->format == AV_PIX_FMT_YUVJ422P ||
                          own->format == AV_PIX_FMT_YUVJ444P;
    const Colour colour{code_point(own->color_primaries, impl_->colour.primaries),
                        code_point(own->color_trc, impl_->colour.transfer),
                        code_point(own->colorspace, impl_->colour.matrix),
                        j_format || own->color_range == AVCOL_RANGE_JPEG ||
                            (own->color_range == AVCOL_RANGE_UNSPECIFIED && impl_->colour.full_range)};
    VideoFrame frame(std::make_shared<VideoFrame::Box>(VideoFrame::Box{std::move(own)}));
    const AVFrame& kept = *frame.box().raw;
    frame.colour_ = colour;
    frame.sample_aspect_ = impl_->aspect;
    if (kept.best_effort_timestamp != AV_NOPTS_VALUE) frame.pts_ = kept.best_effort_timestamp;
    frame.damaged_ = impl_->codec.concealed(kept);
    return frame;
}

struct AudioDecoder::Impl {
    Codec codec;
    Rational time_base;
    std::int32_t rate, channels;
    Av<SwrContext> resampler{};
    AVSampleFormat in_format = AV_SAMPLE_FMT_NONE;
    std::int32_t in_rate = 0, in_channels = 0;
    std::optional<std::int64_t> next{};      ///< Position of the next sample that comes out of the resampler.
    std::optional<std::int64_t> expected{};  ///< Where the next decoded frame should begin, in samples of `rate` from its own counting.
    std::int64_t stretch_start = 0;          ///< Where the present seamless stretch began, in output samples …
    std::int64_t stretch_in = 0;             ///< … and how many input samples it has taken.
    std::optional<AudioBlock> pending{};     ///< Follows the block just returned.
    bool finished = false;

    AudioBlock pull(const std::uint8_t* const* input, int samples);
    void set_up(const AVFrame& frame);
    AudioBlock take(const AVFrame& frame);
};

/// Runs `samples` input samples (none: the resampler's rest) through the resampler.
AudioBlock AudioDecoder::Impl::pull(const std::uint8_t* const* input, int samples) {
    AudioBlock block;
    block.position = next.value_or(0);
    if (!resampler) return block;
    const int room = swr_get_out_samples(resampler.get(), samples);
    if (room < 0) throw_av(room, "sound cannot be resampled", codec.name());
    block.channels.assign(static_cast<std::size_t>(channels), std::vector<float>(static_cast<std::size_t>(room) + 1));
    std::vector<std::uint8_t*> planes;
    for (auto& channel : block.channels) planes.push_back(reinterpret_cast<std::uint8_t*>(channel.data()));
    const int made = swr_convert(resampler.get(), planes.data(), room, const_cast<const std::uint8_t**>(input), samples);
    if (made < 0) throw_av(made, "sound cannot be resampled", codec.name());
    for (auto& channel : block.channels) channel.resize(static_cast<std::size_t>(made));
    next = block.position + made;
    return block;
}

void AudioDecoder::Impl::set_up(const AVFrame& frame) {
    in_format = static_cast<AVSampleFormat>(frame.format);
    in_rate = frame.sample_rate;
    in_channels = frame.ch_layout.nb_channels;
    AVChannelLayout in{}, out{};
    if (frame.ch_layout.order == AV_CHANNEL_ORDER_UNSPEC) av_channel_layout_default(&in, in_channels);
    else if (const int code = av_channel_layout_copy(&in, &frame.ch_layout); code < 0)
        throw_av(code, "the layout of its channels cannot be understood", codec.name());
    av_channel_layout_default(&out, channels);
    SwrContext* made = nullptr;
    int code = swr_alloc_set_opts2(&made, &out, AV_SAMPLE_FMT_FLTP, rate, &in, in_format, in_rate, 0, nullptr);
    resampler.reset(made);
    av_channel_layout_uninit(&in);
    av_channel_layout_uninit(&out);
    if (code >= 0) code = swr_init(resampler.get());
    if (code < 0) throw_av(code, "sound of this kind cannot be resampled", codec.name());
}

AudioBlock AudioDecoder::Impl::take(const AVFrame& frame) {
    const std::int64_t stamp = frame.best_effort_timestamp;
    const std::int64_t told = stamp != AV_NOPTS_VALUE ? rescale(stamp, time_base, {1, rate}, Rounding::nearest)
                                                      : expected.value_or(0);
    const bool changed = !resampler || frame.format != in_format || frame.sample_rate != in_rate ||
                         frame.ch_layout.nb_channels != in_channels;
    // Times in many containers are rounded to milliseconds; counting samples is exact. Only a real jump is believed.
    const std::int64_t tolerance = rate / 50;
    const bool jumped = !expected || std::llabs(told - *expected) > tolerance;
    AudioBlock block;
    if (changed || jumped) {
        if (resampler && next) block = pull(nullptr, 0);
        set_up(frame);
        stretch_start = jumped ? told : *expected;
        stretch_in = 0;
        next = stretch_start;
    }
    AudioBlock fresh = pull(frame.extended_data, frame.nb_samples);
    stretch_in += frame.nb_samples;
    expected = stretch_start + rescale(stretch_in, {1, in_rate}, {1, rate}, Rounding::nearest);
    if (block.samples() == 0) return fresh;
    pending = std::move(fresh);
    return block;
}

AudioDecoder::AudioDecoder(const StreamInfo& stream, std::int32_t rate, std::int32_t channels)
    : impl_(new Impl{{stream, 1, 1}, stream.time_base, rate, channels}) {}
AudioDecoder::AudioDecoder(AudioDecoder&&) noexcept = default;
AudioDecoder& AudioDecoder::operator=(AudioDecoder&&) noexcept = default;
AudioDecoder::~AudioDecoder() = default;

void AudioDecoder::send(const Packet& packet) { impl_->codec.send(packet); }

void AudioDecoder::finish() {
    impl_->codec.finish();
    impl_->finished = true;
}

std::optional<AudioBlock> AudioDecoder::receive() {
    if (impl_->pending) return std::exchange(impl_->pending, std::nullopt);
    const Quiet quiet;
    while (const AVFrame* frame = impl_->codec.receive()) {
        if (frame->nb_samples <= 0 || frame->sample_rate <= 0 || frame->ch_layout.nb_channels <= 0) continue;
        AudioBlock block = impl_->take(*frame);
        if (block.samples() > 0) return block;
    }
    if (!impl_->finished) return std::nullopt;
    AudioBlock rest = impl_->pull(nullptr, 0);
    return rest.samples() > 0 ? std::optional(std::move(rest)) : std::nullopt;
}

void AudioDecoder::reset() {
    impl_->codec.reset();
    impl_->resampler.reset();
    impl_->next.reset();
    impl_->expected.reset();
    impl_->pending.reset();
    impl_->finished = false;
}

std::int64_t AudioDecoder::damaged_packets() const { return impl_->codec.damaged(); }

}  // namespace tenon::media
