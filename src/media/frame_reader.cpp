#include <media/frame_reader.hpp>

#include <algorithm>
#include <utility>

#include <tenon/error.hpp>

namespace tenon::media {
namespace {

constexpr Duration decode_on_up_to = std::chrono::seconds(4);   // nearer than this, decoding on is cheaper than seeking
constexpr Duration step_back = std::chrono::seconds(10);        // when a seek lands behind its target

}  // namespace

struct FrameReader::Impl {
    std::string subject;
    Input input;
    StreamInfo stream;
    VideoDecoder decoder;
    Duration origin{};
    std::int64_t tolerance = 0;
    std::int64_t frame_ticks = 1;
    std::optional<VideoFrame> current{}, following{};
    std::optional<std::int64_t> last_pts{};
    bool at_end = false;
    bool from_start = true;   // reading began at the file's start, not at a seek
    bool first = true;        // `current` is the first picture of the file

    std::optional<VideoFrame> decode() {
        for (;;) {
            if (auto frame = decoder.receive()) {
                // Missing times are rebuilt from the rate; times that do not advance would hide a picture.
                if (!frame->pts() || (last_pts && *frame->pts() <= *last_pts))
                    frame->set_pts(last_pts ? *last_pts + frame_ticks : stream.start ? stream.start->ticks : 0);
                last_pts = frame->pts();
                return frame;
            }
            if (at_end) return std::nullopt;
            if (const auto packet = input.next()) {
                decoder.send(*packet);
            } else {
                at_end = true;
                decoder.finish();
            }
        }
    }

    void restart(std::int64_t ticks) {
        const std::int64_t start = stream.start ? stream.start->ticks : 0;
        from_start = first = ticks <= start;
        input.seek(stream.index, std::max(ticks, start));
        decoder.reset();
        current.reset();
        following.reset();
        last_pts.reset();
        at_end = false;
    }

    /// Makes `current` the first picture after a seek to `ticks` or, if that lies behind it, after one further back.
    void locate(std::int64_t ticks, std::int64_t wanted) {
        std::int64_t back = rescale(step_back.count(), {1, 1'000'000}, stream.time_base, Rounding::up);
        for (std::int64_t from = ticks;; from -= back, back *= 2) {
            restart(from);
            current = decode();
            if (from_start || (current && *current->pts() <= wanted)) return;
        }
    }

    bool must_seek(std::int64_t ticks, std::int64_t wanted) const {
        const std::int64_t near = rescale(decode_on_up_to.count(), {1, 1'000'000}, stream.time_base, Rounding::up);
        if (!current) return !from_start || at_end || ticks - (stream.start ? stream.start->ticks : 0) > near;
        if (*current->pts() > wanted) return !first;
        if (at_end || (following && *following->pts() > wanted)) return false;
        return *current->pts() + near < ticks;
    }
};

namespace {

StreamInfo video_of(const Input& input, const std::string& subject) {
    if (input.video() == nullptr) throw Unsupported("the file has no pictures", {.subject = subject});
    return *input.video();
}

}  // namespace

FrameReader::FrameReader(const std::filesystem::path& path, const Limits& limits, const DecoderOptions& options,
                         std::stop_token stop) {
    Input input = Input::open(path, limits, std::move(stop));
    const StreamInfo stream = video_of(input, path.native());
    const Duration origin = origin_of(input);
    input.select({stream.index});
    impl_.reset(new Impl{path.native(), std::move(input), stream, VideoDecoder(stream, options), origin});
    impl_->tolerance = rescale(1, {1, 1'000}, stream.time_base, Rounding::down);
    if (stream.rate.num > 0) {
        impl_->frame_ticks = std::max<std::int64_t>(1, rescale(1, {stream.rate.den, stream.rate.num}, stream.time_base, Rounding::nearest));
        impl_->tolerance = std::min(impl_->tolerance, impl_->frame_ticks / 2);
    }
}
FrameReader::FrameReader(FrameReader&&) noexcept = default;
FrameReader& FrameReader::operator=(FrameReader&&) noexcept = default;
FrameReader::~FrameReader() = default;

const StreamInfo& FrameReader::stream() const { return impl_->stream; }
Duration FrameReader::origin() const { return impl_->origin; }
std::int64_t FrameReader::damaged_packets() const { return impl_->decoder.damaged_packets(); }

std::optional<Duration> FrameReader::duration() const {
    if (impl_->stream.duration) return to_duration(*impl_->stream.duration);
    return impl_->input.duration();
}

VideoFrame FrameReader::at(Duration position) {
    return at(rescale((impl_->origin + position).count(), {1, 1'000'000}, impl_->stream.time_base, Rounding::nearest));
}

VideoFrame FrameReader::at(std::int64_t ticks) {
    Impl& impl = *impl_;
    const std::int64_t wanted = ticks + impl.tolerance;
    if (impl.must_seek(ticks, wanted)) impl.locate(ticks, wanted);
    if (!impl.current) impl.current = impl.decode();
    if (!impl.current) throw Corrupt("no picture of this file can be decoded", {.subject = impl.subject});
    for (;;) {
        if (!impl.following) impl.following = impl.decode();
        if (!impl.following || *impl.following->pts() > wanted) return *impl.current;
        impl.current = std::exchange(impl.following, std::nullopt);
        impl.first = false;
    }
}

}  // namespace tenon::media
