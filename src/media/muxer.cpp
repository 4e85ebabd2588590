#include <media/muxer.hpp>

#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_io.hpp"

namespace tenon::media {
namespace {

struct FreeOutput {
    void operator()(AVFormatContext* p) const noexcept { avformat_free_context(p); }
};

void set_extradata(AVCodecParameters& codec, const std::vector<std::uint8_t>& bytes) {
    codec.extradata = static_cast<std::uint8_t*>(checked(av_mallocz(bytes.size() + AV_INPUT_BUFFER_PADDING_SIZE)));
    std::copy(bytes.begin(), bytes.end(), codec.extradata);
    codec.extradata_size = static_cast<int>(bytes.size());
}

}  // namespace

struct Mp4Muxer::Impl {
    std::string subject;
    std::unique_ptr<FileIo> file;
    std::stop_token stop{};
    std::vector<std::unique_ptr<FileIo>> readers{};   // the second pass reads what the first wrote
    std::unique_ptr<AVFormatContext, FreeOutput> format{};
    AVRational video_tick{}, audio_tick{};
    std::int64_t samples = 0;

    static int open_again(AVFormatContext* format, AVIOContext** pb, const char*, int flags, AVDictionary**) {
        auto& impl = *static_cast<Impl*>(format->opaque);
        if ((flags & AVIO_FLAG_WRITE) != 0) return AVERROR(EPERM);
        const int fd = ::fcntl(impl.file->descriptor(), F_DUPFD_CLOEXEC, 0);
        if (fd < 0) return AVERROR(errno);
        impl.readers.push_back(std::make_unique<FileIo>(base::Fd(fd), false, std::stop_token{}));
        *pb = impl.readers.back()->context();
        return 0;
    }
    static int close_again(AVFormatContext* format, AVIOContext* pb) {
        auto& impl = *static_cast<Impl*>(format->opaque);
        std::erase_if(impl.readers, [pb](const auto& reader) { return reader->context() == pb; });
        return 0;
    }

    void check(int code, const char* what) const {
        if (file->error() != 0) code = file->error();   // a full disk, rather than what the library made of it
        if (code < 0) throw_av(code, what, subject);
    }

    /// In steps, so that a slow disk does not hold up who wants to stop.
    void sync() const {
        constexpr std::int64_t step = 4 << 20;
        for (std::int64_t at = 0, end = file->size(); at < end; at += step) {
            if (stop.stop_requested()) throw Cancelled("cancelled on request");
            // A hint: what it cannot do, fsync does.
            (void)::sync_file_range(file->descriptor(), at, step, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
        }
        if (::fsync(file->descriptor()) != 0) check(AVERROR(errno), "the file cannot be written to disk");
    }

    void write(const Packet& packet, int stream, AVRational tick, std::int64_t duration) {
        const Quiet quiet;
        auto raw = new_packet();
        raw->data = const_cast<std::uint8_t*>(packet.data.data());   // copied by the call
        raw->size = static_cast<int>(packet.data.size());
        raw->pts = packet.pts.value_or(AV_NOPTS_VALUE);
        raw->dts = packet.dts.value_or(raw->pts);
        raw->duration = duration;
        raw->flags = packet.key ? AV_PKT_FLAG_KEY : 0;
        raw->stream_index = stream;
        av_packet_rescale_ts(raw.get(), tick, format->streams[stream]->time_base);
        check(av_interleaved_write_frame(format.get(), raw.get()), "the file cannot be written");
    }
};

Mp4Muxer::Mp4Muxer(const std::filesystem::path& path, const VideoTrack& video, const std::optional<AudioTrack>& audio,
                   Container container, const std::stop_token& stop) {
    const Quiet quiet;
    base::Fd fd = base::Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (fd.get() < 0) throw_av(AVERROR(errno), "the file cannot be made", path.native());
    impl_.reset(new Impl{path.native(), std::make_unique<FileIo>(std::move(fd), true, stop), stop});

    AVFormatContext* made = nullptr;
    const int code = avformat_alloc_output_context2(&made, nullptr, container == Container::mov ? "mov" : "mp4", nullptr);
    impl_->format.reset(made);
    impl_->check(code, "the file cannot be begun");
    AVFormatContext& format = *impl_->format;
    format.opaque = impl_.get();
    format.pb = impl_->file->context();
    format.io_open = &Impl::open_again;
    format.io_close2 = &Impl::close_again;
    format.flags |= AVFMT_FLAG_BITEXACT;   // no creation time, no tool

    const VideoEncoding& v = video.encoding;
    AVStream& picture = *checked(avformat_new_stream(&format, nullptr));
    AVCodecParameters& p = *picture.codecpar;
    p.codec_type = AVMEDIA_TYPE_VIDEO;
    p.codec_id = AV_CODEC_ID_H264;
    p.width = v.width;
    p.height = v.height;
    p.format = AV_PIX_FMT_YUV420P;
    p.sample_aspect_ratio = picture.sample_aspect_ratio = {1, 1};
    p.color_primaries = static_cast<AVColorPrimaries>(v.colour.primaries);
    p.color_trc = static_cast<AVColorTransferCharacteristic>(v.colour.transfer);
    p.color_space = static_cast<AVColorSpace>(v.colour.matrix);
    p.color_range = v.colour.full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    set_extradata(p, video.extradata);
    picture.avg_frame_rate = picture.r_frame_rate = to_av(v.rate);
    picture.time_base = impl_->video_tick = to_av({v.rate.den, v.rate.num});

    if (audio) {
        const AudioEncoding& a = audio->encoding;
        AVStream& sound = *checked(avformat_new_stream(&format, nullptr));
        AVCodecParameters& s = *sound.codecpar;
        s.codec_type = AVMEDIA_TYPE_AUDIO;
        s.codec_id = AV_CODEC_ID_AAC;
        s.sample_rate = a.rate;
        s.bit_rate = a.bits_per_second;
        s.frame_size = 1024;
        s.initial_padding = audio->priming;
        s.format = AV_SAMPLE_FMT_FLTP;
        av_channel_layout_default(&s.ch_layout, a.channels);
        set_extradata(s, audio->extradata);
        sound.time_base = impl_->audio_tick = {1, a.rate};
        impl_->samples = audio->samples;
    }
    AvOptions options;
    options.set("movflags", std::string("+faststart+write_colr"));
    impl_->check(avformat_write_header(&format, options.out()), "the file cannot be begun");
}
Mp4Muxer::Mp4Muxer(Mp4Muxer&&) noexcept = default;
Mp4Muxer& Mp4Muxer::operator=(Mp4Muxer&&) noexcept = default;
Mp4Muxer::~Mp4Muxer() = default;

void Mp4Muxer::write_video(const Packet& packet) { impl_->write(packet, 0, impl_->video_tick, 1); }

void Mp4Muxer::write_audio(const Packet& packet) {
    const std::int64_t left = impl_->samples - packet.pts.value_or(0);
    if (left <= 0) return;   // the encoder's tail holds no sound of ours
    impl_->write(packet, 1, impl_->audio_tick, std::min(left, std::max<std::int64_t>(packet.duration, 1024)));
}

void Mp4Muxer::finish() {
    const Quiet quiet;
    impl_->check(av_write_trailer(impl_->format.get()), "the file cannot be finished");
    avio_flush(impl_->file->context());
    impl_->check(impl_->file->context()->error, "the file cannot be finished");
    impl_->sync();
}

}  // namespace tenon::media
