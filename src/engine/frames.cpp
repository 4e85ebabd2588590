#include "frames.hpp"

#include <algorithm>
#include <utility>

#include <media/frame_reader.hpp>
#include <media/scaler.hpp>
#include <media/stills.hpp>
#include <tenon/asset.hpp>
#include <tenon/exports.hpp>

namespace tenon::engine {
namespace {

constexpr std::int32_t widest = 16'384;
constexpr std::int32_t stream_threads = 2;  // as a render's decoders: a picture is decoded while the one before is looked at
constexpr Duration longest = std::chrono::hours(24 * 366);

void check_time(const char* field, Duration time) {
    if (time < Duration::zero()) throw InvalidArgument("must be 0 or more", {.subject = field});
}

void check_shape(const std::optional<PixelFormat>& format, std::int32_t width) {
    if (format && (*format < PixelFormat::yuv420p || *format > PixelFormat::rgb24))
        throw InvalidArgument("frames are yuv420p, yuv420p10, gray or rgb24", {.subject = "format"});
    if (width != 0 && (width < 2 || width > widest)) throw InvalidArgument("must be 0, or 2 to 16384", {.subject = "width"});
}

media::PixelFormat format_of(const std::optional<PixelFormat>& asked, const media::StreamInfo& stream) {
    if (!asked) return stream.bit_depth > 8 ? media::PixelFormat::yuv420p10 : media::PixelFormat::yuv420p;
    switch (*asked) {
        case PixelFormat::yuv420p10: return media::PixelFormat::yuv420p10;
        case PixelFormat::gray: return media::PixelFormat::gray;
        case PixelFormat::rgb24: return media::PixelFormat::rgb24;
        default: return media::PixelFormat::yuv420p;
    }
}

PixelFormat public_format(media::PixelFormat format) {
    switch (format) {
        case media::PixelFormat::yuv420p10: return PixelFormat::yuv420p10;
        case media::PixelFormat::gray: return PixelFormat::gray;
        case media::PixelFormat::rgb24: return PixelFormat::rgb24;
        default: return PixelFormat::yuv420p;
    }
}

/// A file's frames as they were asked for.
class Film {
public:
    Film(const Subject& subject, const std::optional<PixelFormat>& format, std::int32_t width, std::int32_t threads, std::stop_token stop)
        : reader_(subject.path, {}, {.threads = threads}, std::move(stop)), format_(format_of(format, reader_.stream())),
          size_(media::shown_size(reader_.stream())) {
        if (width == 0) return;
        const auto height = (std::int64_t{size_.height} * width + size_.width / 2) / size_.width;
        size_ = {width, static_cast<std::int32_t>(std::clamp<std::int64_t>(height, 1, widest))};
    }

    media::FrameReader& reader() { return reader_; }
    Taken taken(const media::VideoFrame& frame) {
        return {media::shown(frame, scaler_, reader_.stream().rotation, size_, format_), reader_.time_of(frame)};
    }

private:
    media::FrameReader reader_;
    media::Scaler scaler_;
    const media::PixelFormat format_;
    media::Size size_;
};

}  // namespace

Taken take_frame(const SessionImpl& session, const Subject& subject, const FrameOptions& options) {
    check_time("at", options.at);
    check_shape(options.format, options.width);
    return named(session, subject, [&](const std::stop_token& stop) {
        Film film(subject, options.format, options.width, 1, stop);
        return film.taken(film.reader().at(std::min(options.at, longest)));
    });
}

}  // namespace tenon::engine

TENON_BEGIN

struct FrameImpl {
    media::VideoFrame picture;
    PixelFormat format;
    Duration time;
};

struct PlaneImpl {
    media::VideoFrame picture;  // keeps the memory
    media::Plane plane;
    std::int32_t channels, bytes_per_sample;
};

/// The frames that are still to come.
struct FrameStreamImpl {
    FrameStreamImpl(std::shared_ptr<SessionImpl> s, engine::Permission p, engine::Subject from, const FramesOptions& o)
        : session(std::move(s)), permission(p), subject(std::move(from)), options(o) {}

    const std::shared_ptr<SessionImpl> session;
    const engine::Permission permission;
    const engine::Subject subject;
    const FramesOptions options;

    std::stop_source stop;
    std::mutex mutex;
    std::optional<engine::Film> film;  // all below under mutex; empty: let go of
    std::int64_t given = 0;
    bool done = false;

    void open() {
        film.emplace(subject, options.format, options.width, engine::stream_threads, stop.get_token());
    }

    /// Runs `work` so that closing the stream, the session's engine or both ends it.
    template <class Work> auto guarded(Work&& work) {
        const std::stop_callback closing(session->engine->stopping.get_token(), [this] { stop.request_stop(); });
        const struct Release {
            FrameStreamImpl& my;
            ~Release() {
                if (my.stop.stop_requested()) my.film.reset();
            }
        } release{*this};
        if (stop.stop_requested()) throw Closed("the stream is closed");
        try {
            return engine::named(*session, subject, [&](const std::stop_token&) { return work(); });
        } catch (const Cancelled&) {
            throw Closed("the stream was closed meanwhile");
        }
    }

    std::optional<media::VideoFrame> following();
};

/// The next frame of the range, if there is one.
std::optional<media::VideoFrame> FrameStreamImpl::following() {
    auto& reader = film->reader();
    const bool every = options.step == Duration::zero();
    if (every && given > 0) {
        auto frame = reader.next();
        return frame && (!options.end || reader.time_of(*frame) < *options.end) ? frame : std::nullopt;
    }
    const Duration at = options.start + options.step * given;
    if (options.end && at >= *options.end) return std::nullopt;
    auto frame = reader.at(at);
    const auto end = reader.end_of_last();
    if (end && at >= *end) return std::nullopt;
    if (options.end && reader.time_of(frame) >= *options.end) return std::nullopt;  // pictures begin behind the range
    return frame;
}

const char* to_string(PixelFormat format) noexcept {
    switch (format) {
        case PixelFormat::yuv420p: return "yuv420p";
        case PixelFormat::yuv420p10: return "yuv420p10";
        case PixelFormat::gray: return "gray";
        case PixelFormat::rgb24: return "rgb24";
    }
    return "unknown";
}

Plane::Plane(std::shared_ptr<PlaneImpl> impl) : impl_(std::move(impl)) {}
std::int32_t Plane::width() const noexcept { return impl_->plane.width; }
std::int32_t Plane::height() const noexcept { return impl_->plane.height; }
std::int32_t Plane::channels() const noexcept { return impl_->channels; }
std::int32_t Plane::bytes_per_sample() const noexcept { return impl_->bytes_per_sample; }
std::int64_t Plane::stride() const noexcept { return impl_->plane.stride; }
const std::uint8_t* Plane::data() const noexcept { return impl_->plane.data; }
std::int64_t Plane::size() const noexcept {
    const auto& plane = impl_->plane;
    return plane.stride * (plane.height - 1) + std::int64_t{plane.width} * impl_->channels * impl_->bytes_per_sample;
}

Frame::Frame(std::shared_ptr<FrameImpl> impl) : impl_(std::move(impl)) {}
std::int32_t Frame::width() const noexcept { return impl_->picture.width(); }
std::int32_t Frame::height() const noexcept { return impl_->picture.height(); }
PixelFormat Frame::format() const noexcept { return impl_->format; }
Duration Frame::time() const noexcept { return impl_->time; }
std::int32_t Frame::planes() const noexcept { return media::is_yuv(impl_->picture.format()) ? 3 : 1; }
Bytes Frame::size() const noexcept { return {impl_->picture.bytes()}; }

Plane Frame::plane(std::int32_t index) const {
    if (index < 0 || index >= planes())
        throw InvalidArgument("the frame has planes 0 to " + std::to_string(planes() - 1), {.subject = "index"});
    const bool rgb = impl_->format == PixelFormat::rgb24;
    return Internal::make<Plane>(std::make_shared<PlaneImpl>(
        PlaneImpl{impl_->picture, impl_->picture.plane(index), rgb ? 3 : 1, impl_->format == PixelFormat::yuv420p10 ? 2 : 1}));
}

FrameStream::FrameStream(std::shared_ptr<FrameStreamImpl> impl) : impl_(std::move(impl)) {}

std::optional<Frame> FrameStream::next() {
    auto& my = *impl_;
    const auto pass = my.subject.project ? my.session->enter(my.permission, *my.subject.project) : my.session->enter(my.permission);
    const std::lock_guard lock(my.mutex);
    return my.guarded([&]() -> std::optional<Frame> {
        if (!my.done) {
            if (auto frame = my.following()) {
                ++my.given;
                return engine::make_frame(my.film->taken(*frame));
            }
            my.done = true;
            my.film.reset();
        }
        return std::nullopt;
    });
}

void FrameStream::close() noexcept {
    impl_->stop.request_stop();
    // Whoever is in next() lets go of the film himself.
    if (const std::unique_lock lock(impl_->mutex, std::try_to_lock); lock.owns_lock()) impl_->film.reset();
}

Frame Assets::frame(const AssetId& id, const FrameOptions& options) const {
    const auto pass = impl_->enter_somewhere(engine::Permission::asset_read);
    return engine::make_frame(engine::take_frame(*impl_, engine::asset_subject(*impl_, id), options));
}

FrameStream Assets::frames(const AssetId& id, const FramesOptions& options) const {
    const auto pass = impl_->enter_somewhere(engine::Permission::asset_read);
    return engine::make_frames(impl_, engine::Permission::asset_read, engine::asset_subject(*impl_, id), options);
}

Frame Exports::frame(const std::string& name, const FrameOptions& options) const {
    const auto pass = impl_->enter_somewhere(engine::Permission::export_read);
    return engine::make_frame(engine::take_frame(*impl_, engine::export_subject(*impl_, name), options));
}

FrameStream Exports::frames(const std::string& name, const FramesOptions& options) const {
    const auto pass = impl_->enter_somewhere(engine::Permission::export_read);
    return engine::make_frames(impl_, engine::Permission::export_read, engine::export_subject(*impl_, name), options);
}

TENON_END

namespace tenon::engine {

Frame make_frame(Taken taken) {
    const auto format = public_format(taken.picture.format());
    return Internal::make<Frame>(std::make_shared<FrameImpl>(FrameImpl{std::move(taken.picture), format, taken.time}));
}

FrameStream make_frames(std::shared_ptr<SessionImpl> session, Permission permission, Subject subject, const FramesOptions& options) {
    check_time("start", options.start);
    check_time("step", options.step);
    if (options.end && *options.end <= options.start) throw InvalidArgument("must lie after the start", {.subject = "end"});
    check_shape(options.format, options.width);
    FramesOptions asked = options;
    asked.start = std::min(asked.start, longest);
    asked.step = std::min(asked.step, longest);
    auto impl = std::make_shared<FrameStreamImpl>(std::move(session), permission, std::move(subject), asked);
    impl->guarded([&] { impl->open(); });
    return Internal::make<FrameStream>(std::move(impl));
}

}  // namespace tenon::engine
