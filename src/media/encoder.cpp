#include <media/encoder.hpp>

#include <algorithm>
#include <cstring>
#include <deque>
#include <initializer_list>
#include <string_view>

extern "C" {
#include <libavutil/channel_layout.h>
}

#include <media/scaler.hpp>

#include "frame_box.hpp"
#include "parameters.hpp"

namespace tenon::media {
namespace {

constexpr const char* x264_package = "libx264-164";

Av<AVCodecContext> new_encoder(const char* name, const char* package) {
    const AVCodec* codec = avcodec_find_encoder_by_name(name);
    if (codec == nullptr)
        throw Unsupported(std::string("the encoder ") + name + " is not installed; it comes with the package " + package,
                          {.subject = name});
    Av<AVCodecContext> context(checked(avcodec_alloc_context3(codec)));
    context->log_level_offset = silent;
    // The container holds parameter sets; and no encoder may write its name or version into the stream.
    context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    return context;
}

void option(AVCodecContext& context, const char* key, const std::string& value) {
    if (const int code = av_opt_set(context.priv_data, key, value.c_str(), 0); code < 0)
        throw InvalidArgument("the encoder does not know " + std::string(key) + " = " + value, {.subject = key});
}

void open(AVCodecContext& context, const std::string& subject) {
    const Quiet quiet;
    if (const int code = avcodec_open2(&context, nullptr, nullptr); code < 0) {
        if (code == AVERROR(EINVAL)) throw InvalidArgument("the encoder refuses these settings", {.subject = subject});
        throw_av(code, "the encoder cannot start", subject);
    }
}

Packet wrap(Av<AVPacket> raw) {
    Packet packet;
    packet.data = {raw->data, static_cast<std::size_t>(raw->size)};
    packet.pts = raw->pts;
    packet.dts = raw->dts;
    packet.duration = raw->duration;
    packet.key = (raw->flags & AV_PKT_FLAG_KEY) != 0;
    packet.owner = std::shared_ptr<const AVPacket>(std::move(raw));
    return packet;
}

std::optional<Packet> pull(AVCodecContext& context) {
    const Quiet quiet;
    auto raw = new_packet();
    const int code = avcodec_receive_packet(&context, raw.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return std::nullopt;
    if (code < 0) throw_av(code, "encoding failed", "");
    return wrap(std::move(raw));
}

/// An encoder takes no more input while its output waits; callers need not know.
class Encoder {
public:
    explicit Encoder(Av<AVCodecContext> context) : context_(std::move(context)) {}

    void send(const AVFrame* frame) {
        for (;;) {
            int code;
            {
                const Quiet quiet;
                code = avcodec_send_frame(context_.get(), frame);
            }
            if (code >= 0 || (code == AVERROR_EOF && frame == nullptr)) return;
            if (code != AVERROR(EAGAIN)) throw_av(code, "encoding failed", "");
            if (auto packet = pull(*context_)) ready_.push_back(std::move(*packet));
        }
    }

    std::optional<Packet> receive() {
        if (ready_.empty()) return pull(*context_);
        Packet packet = std::move(ready_.front());
        ready_.pop_front();
        return packet;
    }

    AVCodecContext& context() { return *context_; }

private:
    Av<AVCodecContext> context_;
    std::deque<Packet> ready_;
};

bool listed(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

/// x264 prints its complaints; and some of its refusals have no number of their own.
void check(const VideoEncoding& e) {
    constexpr std::int32_t smallest = 16, largest = 16'384, crf_limit = 51, gop_limit = 1'000, thread_limit = 16;
    if (e.width < smallest || e.height < smallest || e.width > largest || e.height > largest || e.width % 2 || e.height % 2)
        throw InvalidArgument("pictures to encode have even sides of 16 to 16384", {.subject = "width"});
    if (!listed(e.profile, {"baseline", "main", "high"})) throw InvalidArgument("no such profile of H.264", {.subject = "profile"});
    if (!listed(e.preset, {"ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"}))
        throw InvalidArgument("no such encoder preset", {.subject = "preset"});
    if (e.crf < 0 || e.crf > crf_limit) throw InvalidArgument("crf is 0 to 51", {.subject = "crf"});
    if (e.gop < 1 || e.gop > gop_limit) throw InvalidArgument("a GOP has 1 to 1000 frames", {.subject = "gop"});
    if (e.threads < 1 || e.threads > thread_limit) throw InvalidArgument("an encoder has 1 to 16 threads", {.subject = "threads"});
    if (e.rate.num <= 0 || e.rate.den <= 0) throw InvalidArgument("a frame rate is more than zero", {.subject = "rate"});
}

/// Annex B without supplemental information: the encoder's only use of it is to write its name and settings.
std::vector<std::uint8_t> without_sei(std::span<const std::uint8_t> in) {
    constexpr std::uint8_t type_mask = 0x1f, sei = 6;
    std::vector<std::uint8_t> out;
    out.reserve(in.size());
    const auto start_code = [&](std::size_t at) {   // of the next 00 00 01, or the end
        while (at + 3 <= in.size() && (in[at] != 0 || in[at + 1] != 0 || in[at + 2] != 1)) ++at;
        return at + 3 <= in.size() ? at : in.size();
    };
    for (std::size_t at = start_code(0); at < in.size();) {
        const std::size_t next = start_code(at + 3);
        const bool keep = at + 3 < in.size() && (in[at + 3] & type_mask) != sei;
        if (keep) {
            // A zero byte before the next start code belongs to that one.
            std::size_t end = next;
            while (end > at + 4 && in[end - 1] == 0) --end;
            out.insert(out.end(), {0, 0, 0, 1});
            out.insert(out.end(), in.begin() + static_cast<std::ptrdiff_t>(at + 3), in.begin() + static_cast<std::ptrdiff_t>(end));
        }
        at = next;
    }
    return out;
}

void set_up(AVCodecContext& c, const VideoEncoding& e) {
    c.width = e.width;
    c.height = e.height;
    c.pix_fmt = AV_PIX_FMT_YUV420P;
    c.time_base = to_av({e.rate.den, e.rate.num});
    c.framerate = to_av(e.rate);
    c.sample_aspect_ratio = {1, 1};
    c.gop_size = c.keyint_min = e.gop;
    c.thread_count = e.threads;
    c.color_primaries = static_cast<AVColorPrimaries>(e.colour.primaries);
    c.color_trc = static_cast<AVColorTransferCharacteristic>(e.colour.transfer);
    c.colorspace = static_cast<AVColorSpace>(e.colour.matrix);
    c.color_range = e.colour.full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    c.chroma_sample_location = AVCHROMA_LOC_LEFT;
    option(c, "preset", e.preset);
    option(c, "profile", e.profile);
    option(c, "crf", std::to_string(e.crf));
    // stitchable: parameter sets that do not depend on the pictures, so that pieces encoded apart form one stream. sync-lookahead:
    // a thread that looks ahead by itself sees at the end of a stream what has arrived by then, and weighs the last GOP by it.
    option(c, "x264-params", "scenecut=0:open-gop=0:stitchable=1:force-cfr=1:sync-lookahead=0");
    open(c, std::to_string(e.width) + " x " + std::to_string(e.height));
}

}  // namespace

struct VideoEncoder::Impl {
    VideoEncoding encoding;
    Encoder codec;
    std::vector<std::uint8_t> extradata{};
    std::int64_t sent = 0;
};

VideoEncoder::VideoEncoder(const VideoEncoding& e)
    : impl_((check(e), new Impl{e, Encoder(new_encoder("libx264", x264_package))})) {
    AVCodecContext& c = impl_->codec.context();
    set_up(c, e);
    impl_->extradata = without_sei({c.extradata, static_cast<std::size_t>(c.extradata_size)});
}
VideoEncoder::VideoEncoder(VideoEncoder&&) noexcept = default;
VideoEncoder& VideoEncoder::operator=(VideoEncoder&&) noexcept = default;
VideoEncoder::~VideoEncoder() = default;

void VideoEncoder::send(const VideoFrame& frame) {
    if (frame.format() != PixelFormat::yuv420p || frame.width() != impl_->encoding.width || frame.height() != impl_->encoding.height)
        throw InvalidArgument("a picture to encode has another size or format than its stream");
    auto own = new_frame();
    if (const int code = av_frame_ref(own.get(), frame.box().raw.get()); code < 0) throw_av(code, "encoding failed", "");
    own->pts = impl_->sent++;
    own->pict_type = AV_PICTURE_TYPE_NONE;   // decoders leave theirs, encoders obey it
    impl_->codec.send(own.get());
}

void VideoEncoder::finish() { impl_->codec.send(nullptr); }

std::optional<Packet> VideoEncoder::receive() {
    auto packet = impl_->codec.receive();
    if (!packet) return packet;
    auto bytes = std::make_shared<const std::vector<std::uint8_t>>(without_sei(packet->data));
    packet->data = *bytes;
    packet->owner = std::move(bytes);
    packet->duration = 1;
    return packet;
}

const std::vector<std::uint8_t>& VideoEncoder::extradata() const { return impl_->extradata; }

StreamInfo VideoEncoder::stream() const {
    const VideoEncoding& e = impl_->encoding;
    StreamInfo stream{.kind = StreamKind::video, .codec = "h264", .time_base = {e.rate.den, e.rate.num}, .extradata = impl_->extradata,
                      .width = e.width, .height = e.height, .colour = e.colour, .rate = e.rate};
    Av<AVCodecParameters> parameters(checked(avcodec_parameters_alloc()));
    if (const int code = avcodec_parameters_from_context(parameters.get(), &impl_->codec.context()); code < 0)
        throw_av(code, "an encoder's output cannot be described", "h264");
    stream.parameters = std::make_shared<const CodecParameters>(CodecParameters{std::move(parameters)});
    return stream;
}

struct AudioEncoder::Impl {
    AudioEncoding encoding;
    Encoder codec;
    std::vector<std::uint8_t> extradata{};
    std::vector<std::vector<float>> waiting{};   // less than one coded frame, per channel
    std::int64_t sent = 0;

    void encode(std::size_t samples) {
        auto frame = new_frame();
        frame->nb_samples = static_cast<int>(samples);
        frame->format = AV_SAMPLE_FMT_FLTP;
        frame->sample_rate = encoding.rate;
        frame->pts = sent;
        int code = av_channel_layout_copy(&frame->ch_layout, &codec.context().ch_layout);
        if (code >= 0) code = av_frame_get_buffer(frame.get(), 0);
        if (code < 0) throw_av(code, "encoding sound failed", "");
        for (std::size_t i = 0; i < waiting.size(); ++i) {
            std::memcpy(frame->extended_data[i], waiting[i].data(), samples * sizeof(float));
            waiting[i].erase(waiting[i].begin(), waiting[i].begin() + static_cast<std::ptrdiff_t>(samples));
        }
        sent += static_cast<std::int64_t>(samples);
        codec.send(frame.get());
    }
};

AudioEncoder::AudioEncoder(const AudioEncoding& e) : impl_(new Impl{e, Encoder(new_encoder("aac", "libavcodec59"))}) {
    AVCodecContext& c = impl_->codec.context();
    c.sample_fmt = AV_SAMPLE_FMT_FLTP;
    c.sample_rate = e.rate;
    c.bit_rate = e.bits_per_second;
    c.time_base = {1, e.rate};
    av_channel_layout_default(&c.ch_layout, e.channels);
    open(c, "AAC");
    impl_->extradata.assign(c.extradata, c.extradata + c.extradata_size);
    impl_->waiting.resize(static_cast<std::size_t>(e.channels));
}
AudioEncoder::AudioEncoder(AudioEncoder&&) noexcept = default;
AudioEncoder& AudioEncoder::operator=(AudioEncoder&&) noexcept = default;
AudioEncoder::~AudioEncoder() = default;

void AudioEncoder::send(const AudioBlock& block) {
    if (block.channels.size() != impl_->waiting.size()) throw InvalidArgument("sound to encode has another number of channels");
    for (std::size_t i = 0; i < block.channels.size(); ++i)
        impl_->waiting[i].insert(impl_->waiting[i].end(), block.channels[i].begin(), block.channels[i].end());
    const auto size = static_cast<std::size_t>(impl_->codec.context().frame_size);
    while (impl_->waiting[0].size() >= size) impl_->encode(size);
}

void AudioEncoder::finish() {
    if (!impl_->waiting[0].empty()) impl_->encode(impl_->waiting[0].size());
    impl_->codec.send(nullptr);
}

std::optional<Packet> AudioEncoder::receive() { return impl_->codec.receive(); }
const std::vector<std::uint8_t>& AudioEncoder::extradata() const { return impl_->extradata; }
std::int32_t AudioEncoder::priming() const { return impl_->codec.context().initial_padding; }

namespace {

/// x264 tells its build only inside the streams it makes.
std::string x264_build() {
    VideoEncoding tiny{.width = 16, .height = 16, .threads = 1};
    Encoder encoder(new_encoder("libx264", x264_package));
    set_up(encoder.context(), tiny);
    VideoFrame frame = VideoFrame::allocate(tiny.width, tiny.height, PixelFormat::yuv420p);
    fill_black(frame);
    encoder.send(frame.box().raw.get());
    encoder.send(nullptr);
    const auto packet = encoder.receive();
    if (!packet) return "";
    const std::string_view bytes(reinterpret_cast<const char*>(packet->data.data()), packet->data.size());
    const auto begin = bytes.find("x264 - core");
    if (begin == std::string_view::npos) return "";
    return std::string(bytes.substr(begin, bytes.find(" - H.264", begin) - begin));
}

}  // namespace

std::string codec_versions() {
    static const std::string x264 = x264_build();
    const auto text = [](unsigned v) {
        return std::to_string(AV_VERSION_MAJOR(v)) + "." + std::to_string(AV_VERSION_MINOR(v)) + "." + std::to_string(AV_VERSION_MICRO(v));
    };
    return "avcodec " + text(avcodec_version()) + " avformat " + text(avformat_version()) + " swscale " +
           text(swscale_version()) + " swresample " + text(swresample_version()) + " " + x264;
}

}  // namespace tenon::media
