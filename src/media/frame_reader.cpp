#include <media/frame_reader.hpp>

#include <algorithm>
#include <set>
#include <utility>

#include <media/deinterlace.hpp>
#include <tenon/error.hpp>

#include "frame_box.hpp"

namespace tenon::media {
namespace {

constexpr Duration decode_on_up_to = std::chrono::seconds(4);   // nearer than this, decoding on is cheaper than seeking
constexpr Duration step_back = std::chrono::seconds(10);        // when a seek lands behind its target
constexpr Duration slip = std::chrono::milliseconds(500);       // further back than this is no slip of one stamp
constexpr Duration longest_hold = std::chrono::seconds(1);      // of the picture before damage

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
    bool untimed = false;     // pictures have no times of their own: only counting from the start gives them one

    Damages damages{};
    std::multiset<std::int64_t> awaited{};        // times of packets whose picture has not come out
    std::int64_t refused = 0;                     // packets that were damaged, as far as pictures have told
    std::optional<std::int64_t> damaged_from{};   // set: what comes out was made from damaged pictures
    std::int64_t held_until = 0;
    std::int64_t packets_end = 0;                 // the latest end of a packet
    bool any = false;                             // a picture was given since reading began
    bool needs_key = false;                       // what lies before the first key picture behind a seek has no base

    Duration position(std::int64_t ticks) const { return to_duration({ticks, stream.time_base}) - origin; }
    void report(std::int64_t from, std::int64_t to) { add(damages, {std::max(Duration{}, position(from)), position(to)}); }
    std::int64_t in_ticks(Duration span) const { return rescale(span.count(), {1, 1'000'000}, stream.time_base, Rounding::up); }

    /// What the decoder gives next, at its time.
    std::optional<VideoFrame> decoded() {
        for (;;) {
            if (auto frame = decoder.receive()) {
                if (!frame->pts() && !from_start) untimed = true;
                place(*frame);
                return frame;
            }
            if (at_end) return std::nullopt;
            if (const auto packet = input.next()) {
                if (packet->pts && !packet->discard) {
                    awaited.insert(*packet->pts);
                    packets_end = std::max(packets_end, *packet->pts + packet->duration);
                }
                decoder.send(*packet);
            } else {
                at_end = true;
                decoder.finish();
            }
        }
    }

    /// Missing times are rebuilt from the rate. One that does not advance would hide a picture: a small step back is a
    /// slip of one stamp, a large one a new beginning.
    void place(VideoFrame& frame) {
        if (!frame.pts()) frame.set_pts(last_pts ? *last_pts + frame_ticks : stream.start ? stream.start->ticks : 0);
        else if (last_pts && *frame.pts() <= *last_pts)
            frame.set_pts(*last_pts + (*last_pts - *frame.pts() < in_ticks(slip) ? 1 : frame_ticks));
        last_pts = frame.pts();
    }

    /// The next picture to be shown. Damage is kept from the eye: the picture before it stays until the next key picture,
    /// but no longer than a second behind what is broken itself.
    std::optional<VideoFrame> decode() {
        while (auto frame = decoded()) {
            const AVFrame& raw = *frame->box().raw;
            if (needs_key && raw.key_frame == 0) continue;
            const bool shown = judge(*frame, raw.best_effort_timestamp, raw.key_frame != 0);
            needs_key = false;
            if (!shown && (any || !from_start)) continue;
            any = true;
            return raw.interlaced_frame != 0 ? deinterlaced(*std::move(frame)) : std::move(frame);
        }
        const bool lost = decoder.damaged_packets() != refused && !awaited.empty();
        if (damaged_from || lost)
            report(std::min(damaged_from.value_or(INT64_MAX), lost ? *awaited.begin() : INT64_MAX), std::max(packets_end, last_pts.value_or(0)));
        return std::nullopt;
    }

    /// Whether a picture may be shown.
    bool judge(const VideoFrame& frame, std::int64_t told, bool key) {
        const std::int64_t pts = *frame.pts(), count = decoder.damaged_packets();
        // What a container calls broken counts only once a decoder agrees: a joint of two recordings looks broken to it too.
        const bool fresh = !needs_key && (frame.damaged() || count != refused);
        std::int64_t from = pts;
        if (fresh && !awaited.empty()) from = std::min(from, *awaited.begin());
        refused = count;
        if (told != AV_NOPTS_VALUE) awaited.erase(awaited.begin(), awaited.upper_bound(told));
        if (fresh) {
            damaged_from = std::min(damaged_from.value_or(from), from);
            held_until = pts + in_ticks(longest_hold);
        }
        if (!damaged_from) return true;
        const bool whole = key && !frame.damaged();
        report(*damaged_from, whole ? pts : pts + frame_ticks);
        if (whole) damaged_from.reset();
        return whole || pts >= held_until;
    }

    void restart(std::int64_t ticks) {
        const std::int64_t start = stream.start ? stream.start->ticks : 0;
        from_start = first = untimed || ticks <= start;
        input.seek(stream.index, from_start ? start : ticks);
        decoder.reset();
        current.reset();
        following.reset();
        last_pts.reset();
        awaited.clear();
        damaged_from.reset();
        refused = decoder.damaged_packets();
        at_end = any = false;
        needs_key = !from_start;
    }

    /// Makes `current` the first picture after a seek to `ticks` or, if that lies behind it, after one further back.
    void locate(std::int64_t ticks, std::int64_t wanted) {
        std::int64_t back = in_ticks(step_back);
        for (std::int64_t from = ticks;; from -= back, back *= 2) {
            restart(from);
            current = decode();
            if (from_start || (!untimed && current && *current->pts() <= wanted)) return;
        }
    }

    /// A file that ends before its header says so has lost what is missing.
    void report_end(std::int64_t ticks) {
        if (!at_end || !stream.duration) return;
        const std::int64_t told = (stream.start ? stream.start->ticks : 0) + stream.duration->ticks;
        const std::int64_t there = std::max(packets_end, last_pts.value_or(0) + 1);
        if (ticks > there && told - there > 2 * frame_ticks) report(there, told);
    }

    bool must_seek(std::int64_t ticks, std::int64_t wanted) const {
        const std::int64_t near = untimed ? INT64_MAX / 4 : in_ticks(decode_on_up_to);
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
const Damages& FrameReader::damages() const { return impl_->damages; }

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
        if (!impl.following) impl.report_end(ticks);
        if (!impl.following || *impl.following->pts() > wanted) return *impl.current;
        impl.current = std::exchange(impl.following, std::nullopt);
        impl.first = false;
    }
}

std::optional<VideoFrame> FrameReader::next() {
    Impl& impl = *impl_;
    const bool begins = !impl.current;
    if (!impl.following) impl.following = impl.decode();
    if (!impl.following) return std::nullopt;
    impl.current = std::exchange(impl.following, std::nullopt);
    impl.first = begins && impl.from_start;
    return impl.current;
}

Duration FrameReader::time_of(const VideoFrame& frame) const {
    return frame.pts() ? std::max(Duration{}, impl_->position(*frame.pts())) : Duration{};
}

std::optional<Duration> FrameReader::end_of_last() const {
    const Impl& impl = *impl_;
    if (!impl.at_end || impl.following || !impl.current) return std::nullopt;
    return impl.position(std::max(impl.packets_end, *impl.current->pts() + impl.frame_ticks));
}

}  // namespace tenon::media
