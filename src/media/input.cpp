#include <media/input.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <string_view>
#include <utility>

#include "file_io.hpp"
#include "parameters.hpp"
#include "rtsp_session.hpp"
#include "times.hpp"

extern "C" {
#include <libavutil/intreadwrite.h>
}

namespace tenon::media {
namespace {

struct CloseInput {
    void operator()(AVFormatContext* p) const noexcept {
        const Quiet quiet;
        avformat_close_input(&p);
    }
};
using FormatOwner = std::unique_ptr<AVFormatContext, CloseInput>;

// What may be read: self-contained files. Playlists (hls, dash, concat, image sequences …) would make the library open
// other files or networks on behalf of whoever wrote the file.
constexpr std::string_view containers =
    ",mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,ogg,flv,asf,mxf,ivf,gif,apng,dv,nut,rm,swf,wtv,"
    "h264,hevc,m4v,mjpeg,obu,av1,yuv4mpegpipe,wav,w64,aiff,au,caf,mp3,flac,aac,ac3,eac3,amr,"
    "png_pipe,jpeg_pipe,webp_pipe,bmp_pipe,tiff_pipe,";

bool known_container(std::string_view names) {
    const std::string_view first = names.substr(0, names.find(','));
    return containers.find("," + std::string(first) + ",") != std::string_view::npos;
}

std::string short_name(std::string_view names) {
    if (names.starts_with("mov,")) return "mp4";
    return std::string(names.substr(0, names.find(',')));
}

// What a camera answers is to be believed. All else (a packet cut short by a lost connection, say, is EPERM to the
// library) means that it cannot be had now, and that trying again can help.
bool is_answer(Errc code) {
    return code == Errc::unauthenticated || code == Errc::not_found || code == Errc::unsupported;
}

std::chrono::steady_clock::time_point in(Duration span) { return lately() + span; }

}  // namespace

struct Input::Impl {
    std::string subject;
    std::stop_token stop;
    bool live = false;
    Duration read_timeout{};
    std::optional<std::chrono::steady_clock::time_point> deadline{};
    std::unique_ptr<FileIo> file;   // outlives `format`, which reads through it
    std::unique_ptr<rtsp::Session> session;   // likewise, of a camera
    FormatOwner format;
    std::vector<StreamInfo> streams;
    std::string container;
    std::optional<Duration> duration;
    std::shared_ptr<const TimeMap> map;   // of a file whose times fall back; then `times` mends them
    std::optional<Times> times;
    bool broken = false;                  // bytes were passed over before the next packet
    int errors = 0;                       // places that could not be read
    std::deque<std::shared_ptr<AVPacket>> rest;   // of a camera whose connection has ended

    static int interrupted(void* self) {
        auto& impl = *static_cast<Impl*>(self);
        return impl.stop.stop_requested() || (impl.deadline && lately() >= *impl.deadline);
    }
    static int refuse_open(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) { return AVERROR(EPERM); }

    [[noreturn]] void fail(int code, const std::string& what) const {
        if (stop.stop_requested()) throw Cancelled("reading was stopped", {.subject = subject});
        // Nothing else interrupts; the deadline of a later read may be ahead again.
        if (live && (code == AVERROR_EXIT || (deadline && lately() >= *deadline)))
            throw Unavailable(what + ": no answer in time", {.subject = subject});
        const bool opening = live && streams.empty();
        if (live && !is_answer(errc_of(code)) && code != AVERROR_HTTP_FORBIDDEN && !(opening && code == AVERROR_INVALIDDATA))
            throw Unavailable(what + ": " + av_text(code), {.subject = subject});
        if (file && file->error() != 0) code = file->error();
        throw_av(code, what, subject);
    }

    void prepare(const Limits& limits);
    void open(const char* url, const AVInputFormat* kind, AvOptions& options, const Limits& limits);
    void describe_streams(const Limits& limits);
    void straighten(const std::filesystem::path& path, const Limits& limits);
    std::shared_ptr<const TimeMap> look_through(const std::filesystem::path& path, const Limits& limits) const;
    int read_frame(AVPacket& packet);
    bool read(AVPacket& packet);
    static std::unique_ptr<Impl> open_file(const std::filesystem::path& path, const Limits& limits, std::stop_token stop);
};

void Input::Impl::prepare(const Limits& limits) {
    format.reset(checked(avformat_alloc_context()));
    format->interrupt_callback = {&Impl::interrupted, this};
    format->probesize = limits.analysis_bytes;
    format->max_analyze_duration = limits.analysis_time.count();
    if (live) return;  // packets of the network say when they are shown
    format->flags |= AVFMT_FLAG_GENPTS;
    format->io_open = &Impl::refuse_open;
}

void Input::Impl::open(const char* url, const AVInputFormat* kind, AvOptions& options, const Limits& limits) {
    AVFormatContext* raw = format.release();   // freed by the call if it fails
    const int code = avformat_open_input(&raw, url, kind, options.out());
    if (code < 0) {
        if (!live && code == AVERROR(ENOMEM))
            throw Unsupported("the file has more streams than allowed, or needs more memory than there is",
                              {.subject = subject});
        fail(code, live ? "the camera cannot be opened" : "the file is damaged or breaks off");
    }
    format.reset(raw);
    check_limits(*format, limits, subject);   // before stream analysis, which runs decoders
}

void Input::Impl::describe_streams(const Limits& limits) {
    std::vector<AvOptions> per_stream(format->nb_streams);
    std::vector<AVDictionary*> raw;
    for (auto& options : per_stream) {
        options.set("max_pixels", limits.pixels).set("threads", std::int64_t{1});
        raw.push_back(*options.out());
    }
    const int code = avformat_find_stream_info(format.get(), raw.empty() ? nullptr : raw.data());
    for (std::size_t i = 0; i < per_stream.size(); ++i) *per_stream[i].out() = raw[i];   // the call moved them
    if (code < 0) fail(code, "its streams cannot be understood");
    if (stop.stop_requested()) fail(AVERROR_EXIT, "");
    check_limits(*format, limits, subject);
    for (unsigned i = 0; i < format->nb_streams; ++i) streams.push_back(describe(*format, *format->streams[i], live));
    if (!live && format->duration > 0 && format->duration_estimation_method != AVFMT_DURATION_FROM_BITRATE)
        duration = Duration{format->duration};
}

std::unique_ptr<Input::Impl> Input::Impl::open_file(const std::filesystem::path& path, const Limits& limits, std::stop_token stop) {
    const Quiet quiet;
    auto impl = std::make_unique<Impl>();
    impl->subject = path.native().substr(0, path.native().find('\0'));
    impl->stop = stop;
    impl->file = std::make_unique<FileIo>(open_for_reading(path), false, stop);

    const AVInputFormat* kind = nullptr;
    constexpr unsigned recognise_bytes = 1 << 20;
    const int code = av_probe_input_buffer2(impl->file->context(), &kind, "", nullptr, 0, recognise_bytes);
    if (stop.stop_requested() || impl->file->error() != 0) impl->fail(code, "the file cannot be read");
    if (code < 0 || kind == nullptr || !known_container(kind->name))
        throw Unsupported("this is no video, sound or picture file of a known kind", {.subject = impl->subject});

    impl->container = short_name(kind->name);
    impl->prepare(limits);
    impl->format->pb = impl->file->context();
    AvOptions none;
    impl->open("", kind, none, limits);
    impl->describe_streams(limits);
    return impl;
}

/// Reads every packet of the file once, to learn where its times fall back.
std::shared_ptr<const TimeMap> Input::Impl::look_through(const std::filesystem::path& path, const Limits& limits) const {
    constexpr Duration apart = std::chrono::seconds(1);   // of places to begin at in a file of sound
    Input whole(open_file(path, limits, stop));
    auto found = std::make_shared<TimeMap>(TimeMap{Times(whole.streams()), {}, -1});
    const StreamInfo* const leader = whole.video() != nullptr ? whole.video() : whole.audio();
    found->stream = leader == nullptr ? -1 : leader->index;
    while (auto packet = whole.next()) {
        found->times.correct(*packet);
        if (packet->stream != found->stream || !packet->key || packet->position < 0 || !packet->pts) continue;
        const Duration time = to_duration({*packet->pts, leader->time_base});
        if (found->keys.empty() || leader->kind == StreamKind::video || time - found->keys.back().time >= apart)
            found->keys.push_back({time, packet->position, found->times.place()});
    }
    return found;
}

void Input::Impl::straighten(const std::filesystem::path& path, const Limits& limits) {
    const TimeMaps::File id = TimeMaps::identify(file->descriptor());
    auto found = TimeMaps::find(id);
    if (!found) TimeMaps::keep(id, found = look_through(path, limits));
    if (found->times.one_stretch()) return;
    map = std::move(found);
    times = map->times.again();
    duration.reset();
    for (StreamInfo& stream : streams) {
        const auto start = map->times.start(stream.index), end = map->times.end(stream.index);
        if (!start || (stream.kind != StreamKind::video && stream.kind != StreamKind::audio)) continue;
        stream.start = from_duration(*start, stream.time_base);
        stream.duration = from_duration(*end - *start, stream.time_base);
        duration = std::max(duration.value_or(Duration{}), *end - *start);
    }
}

Input Input::open(const std::filesystem::path& path, const Limits& limits, std::stop_token stop) {
    auto impl = Impl::open_file(path, limits, std::move(stop));
    // Containers that are made to be joined end to end, whose times then begin anew, and that have no index of the whole.
    if (impl->container == "mpegts" || impl->container == "mpeg" || impl->container == "flv") impl->straighten(path, limits);
    return Input(std::move(impl));
}

Input Input::open_live(const std::string& url, const LiveOptions& options, std::stop_token stop) {
    const Quiet quiet;
    auto impl = std::make_unique<Impl>();
    auto address = rtsp::Address::parse(url);
    if (!address) throw InvalidArgument("a camera's URL begins with rtsp:// or rtsps://");
    impl->subject = address->origin();
    impl->stop = stop;
    impl->live = true;
    impl->container = "rtsp";
    impl->read_timeout = options.read_timeout;
    impl->deadline = in(options.open_timeout);
    // The library's own limit is per socket read and only stands behind `deadline`: a camera slow to answer the first
    // requests has all of open_timeout.
    const Duration longest = std::max(options.open_timeout, options.read_timeout);
    try {
        impl->session = std::make_unique<rtsp::Session>(std::move(*address), longest, AVIOInterruptCB{&Impl::interrupted, impl.get()});
    } catch (const rtsp::Broken& broken) {
        impl->fail(broken.code, std::string("the camera cannot be opened") + broken.why);
    }
    impl->prepare(options.limits);
    impl->format->fps_probe_size = 3;   // describing must not take seconds: a recorder wants the pictures

    const auto description = impl->session->description();
    impl->format->pb = description.get();
    AvOptions live;
    live.set("sdp_flags", "custom_io").set("reorder_queue_size", std::int64_t{0});   // TCP keeps their order
    impl->open("", av_find_input_format("sdp"), live, options.limits);
    impl->format->pb = impl->session->packets();
    impl->describe_streams(options.limits);
    impl->deadline.reset();
    return Input(std::move(impl));
}

Input::Input(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Input::Input(Input&&) noexcept = default;
Input& Input::operator=(Input&&) noexcept = default;
Input::~Input() = default;

const std::vector<StreamInfo>& Input::streams() const { return impl_->streams; }
const std::string& Input::container() const { return impl_->container; }
std::optional<Duration> Input::duration() const { return impl_->duration; }

const StreamInfo* Input::video() const {
    for (const auto& stream : impl_->streams)
        if (stream.kind == StreamKind::video) return &stream;
    return nullptr;
}

const StreamInfo* Input::audio() const {
    for (const auto& stream : impl_->streams)
        if (stream.kind == StreamKind::audio) return &stream;
    return nullptr;
}

/// As the library does. When a camera's connection ends it gives what it has of the frame that was on its way, as if that were all of it; here
/// such a frame is left out.
int Input::Impl::read_frame(AVPacket& packet) {
    int code = 0;
    if (rest.empty()) {
        code = av_read_frame(format.get(), &packet);
        if (code < 0 || !live || !session->has_ended()) return code;
        std::shared_ptr<AVPacket> next(new_packet());
        av_packet_move_ref(next.get(), &packet);
        do {
            rest.push_back(std::exchange(next, std::shared_ptr<AVPacket>(new_packet())));
            code = av_read_frame(format.get(), next.get());
        } while (code >= 0 && session->has_ended());
        const auto broken_off = [&](const auto& one) {
            const auto index = static_cast<std::size_t>(one->stream_index);
            return index < streams.size() && streams[index].kind == StreamKind::video && session->breaks_off(one->stream_index);
        };
        const auto last = std::find_if(rest.rbegin(), rest.rend(), broken_off);
        if (last != rest.rend()) rest.erase(std::next(last).base());
        if (code >= 0) rest.push_back(std::move(next));   // it was interrupted while it was described, and went on
        if (rest.empty()) return code;
    }
    av_packet_move_ref(&packet, rest.front().get());
    rest.pop_front();
    return 0;
}

/// False at the end. A damaged place in a file is passed over, as long as there are not too many.
bool Input::Impl::read(AVPacket& packet) {
    constexpr int most_errors = 1'000;
    for (;;) {
        const int code = read_frame(packet);
        if (code >= 0) return true;
        if (code == AVERROR_EOF && !(file && file->error() != 0)) return false;
        if (live || code != AVERROR_INVALIDDATA || ++errors > most_errors || stop.stop_requested())
            fail(code, live ? "the camera's stream broke off" : "the file cannot be read further");
        broken = true;
    }
}

std::optional<Packet> Input::next() {
    const Quiet quiet;
    if (impl_->stop.stop_requested()) impl_->fail(AVERROR_EXIT, "");
    if (impl_->live) impl_->deadline = in(impl_->read_timeout);
    std::shared_ptr<AVPacket> raw(new_packet());
    for (;;) {
        if (!impl_->read(*raw)) return std::nullopt;
        // A container may announce streams late; nobody has described those. And what was read ahead to describe the
        // streams comes out even of those not selected.
        const auto index = static_cast<std::size_t>(raw->stream_index);
        if (index < impl_->streams.size() && raw->size > 0 && impl_->format->streams[index]->discard != AVDISCARD_ALL) break;
        av_packet_unref(raw.get());
    }
    Packet packet;
    packet.data = {raw->data, static_cast<std::size_t>(raw->size)};
    packet.stream = raw->stream_index;
    if (raw->pts != AV_NOPTS_VALUE) packet.pts = raw->pts;
    if (raw->dts != AV_NOPTS_VALUE) packet.dts = raw->dts;
    packet.duration = raw->duration;
    packet.key = (raw->flags & AV_PKT_FLAG_KEY) != 0;
    packet.damaged = (raw->flags & AV_PKT_FLAG_CORRUPT) != 0 || std::exchange(impl_->broken, false);
    packet.discard = (raw->flags & AV_PKT_FLAG_DISCARD) != 0;
    packet.position = raw->pos;
    std::size_t size = 0;
    if (const auto* extra = av_packet_get_side_data(raw.get(), AV_PKT_DATA_NEW_EXTRADATA, &size); extra != nullptr)
        packet.new_extradata = {extra, size};
    if (const auto* skip = av_packet_get_side_data(raw.get(), AV_PKT_DATA_SKIP_SAMPLES, &size); skip != nullptr && size >= 8) {
        packet.skip_start = static_cast<std::int32_t>(AV_RL32(skip));
        packet.skip_end = static_cast<std::int32_t>(AV_RL32(skip + 4));
    }
    packet.owner = std::move(raw);
    if (impl_->times) impl_->times->correct(packet);
    return packet;
}

void Input::select(const std::vector<std::int32_t>& streams) {
    for (unsigned i = 0; i < impl_->format->nb_streams; ++i) impl_->format->streams[i]->discard = AVDISCARD_ALL;
    for (const auto index : streams) {
        if (index < 0 || static_cast<unsigned>(index) >= impl_->format->nb_streams)
            throw InvalidArgument("there is no such stream", {.subject = impl_->subject});
        impl_->format->streams[index]->discard = AVDISCARD_DEFAULT;
    }
}

void Input::seek(std::int32_t stream, std::int64_t ticks) {
    const Quiet quiet;
    if (impl_->live) throw Unsupported("live input cannot be wound back", {.subject = impl_->subject});
    if (stream < 0 || static_cast<std::size_t>(stream) >= impl_->streams.size())
        throw InvalidArgument("there is no such stream", {.subject = impl_->subject});
    if (impl_->map) {
        // What is shown together lies within a few seconds of the file.
        constexpr Duration interleaved = std::chrono::seconds(3);
        const Duration to = to_duration({ticks, impl_->streams[static_cast<std::size_t>(stream)].time_base});
        const TimeMap::Key* const key = impl_->map->before(stream == impl_->map->stream ? to : to - interleaved);
        const int code = avformat_seek_file(impl_->format.get(), -1, INT64_MIN, key ? key->position : 0, key ? key->position : 0, AVSEEK_FLAG_BYTE);
        if (code < 0) impl_->fail(code, "the file cannot be wound to a position");
        impl_->times->jump_to(key ? key->place : Times::Place(impl_->streams.size()));
        return;
    }
    if (av_seek_frame(impl_->format.get(), stream, ticks, AVSEEK_FLAG_BACKWARD) >= 0) return;
    // Before the first key frame, or a file without an index: from the start is always right, only slower.
    const auto& info = impl_->streams[static_cast<std::size_t>(stream)];
    const std::int64_t start = info.start ? info.start->ticks : 0;
    if (av_seek_frame(impl_->format.get(), stream, start, AVSEEK_FLAG_BACKWARD) >= 0) return;
    const int code = avformat_seek_file(impl_->format.get(), -1, INT64_MIN, 0, 0, AVSEEK_FLAG_BYTE);
    if (code < 0) impl_->fail(code, "the file cannot be wound to a position");
}

Duration origin_of(const Input& input) {
    std::optional<Duration> first;
    for (const StreamInfo* stream : {input.video(), input.audio()})
        if (stream != nullptr && stream->start) {
            const Duration start = to_duration(*stream->start);
            first = std::min(first.value_or(start), start);
        }
    return first.value_or(Duration{});
}

}  // namespace tenon::media
