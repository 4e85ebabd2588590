#include "intake.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <exec/wait.hpp>
#include <media/probe.hpp>
#include <media/stills.hpp>
#include <media/thumbnail.hpp>
#include <render/cube.hpp>
#include <tenon/error.hpp>

namespace tenon::engine {
namespace {

constexpr std::size_t copy_step = 1 << 20;

Duration to_duration(const std::optional<Duration>& value) { return value.value_or(Duration{}); }

}  // namespace

Intake::Intake(const std::filesystem::path& source) : source_(source) {
    if (source.native().find('\0') != std::string::npos)
        throw InvalidArgument("the path holds a NUL byte", {.subject = "path"});
    // O_NONBLOCK: a named pipe must not hold the caller for ever before it is refused.
    file_ = base::open_file(source, O_RDONLY | O_NONBLOCK);
    struct stat info {};
    if (::fstat(file_.get(), &info) != 0) base::throw_errno("cannot read the file", source);
    if (!S_ISREG(info.st_mode)) throw InvalidArgument("only regular files can be imported", {.subject = source.string()});
    size_ = {info.st_size};
    if (size_.count == 0) throw Unsupported("the file is empty", {.subject = source.string()});
}

Intake::~Intake() {
    if (keep_) return;
    std::error_code ignored;
    if (!copy_.empty()) std::filesystem::remove(copy_, ignored);
    if (!thumbnail_.empty()) std::filesystem::remove(thumbnail_, ignored);
}

void Intake::copy_to(const std::filesystem::path& target, const std::stop_token& stop, const std::function<void()>& go_on) {
    const auto out = base::open_file(target, O_WRONLY | O_CREAT | O_EXCL, 0600);
    copy_ = target;
    crypto::Sha256 hash;
    std::vector<std::uint8_t> buffer(copy_step);
    std::uint64_t offset = 0;
    for (;;) {
        exec::check_stop(stop);
        const auto got = base::pread_up_to(file_, buffer, offset, source_.string());
        if (got == 0) break;
        const auto part = base::ByteView(buffer.data(), got);
        hash.update(part);
        base::write_all(out, part, target.string());
        offset += got;
        go_on();
        // Storage was held for the size seen at first; a file that grows meanwhile must not write past it.
        if (offset > static_cast<std::uint64_t>(size_.count)) break;
    }
    if (offset != static_cast<std::uint64_t>(size_.count))
        throw Conflict("the file changed while it was being read: import it when nobody writes to it",
                       {.subject = source_.string()});
    base::sync_data(out, target.string());
    sha256_ = crypto::to_hex(hash.finish());
}

void Intake::describe(Asset& asset, const std::filesystem::path& thumbnail, const std::stop_token& stop) {
    asset.path = copy_;
    asset.size = size_;
    asset.sha256 = sha256_;
    // Later a render tells by it whether somebody has touched the file; where it cannot be said, it reads the file.
    (void)base::set_modified_at(base::open_file(copy_, O_WRONLY), asset.created_at);
    std::string extension = source_.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(), [](unsigned char c) { return c < 128 ? std::tolower(c) : c; });
    if (extension != ".cube") return describe_media(asset, thumbnail, stop);
    (void)render::read_cube(copy_);
    asset.container = cube_container;
}

void Intake::describe_media(Asset& asset, const std::filesystem::path& thumbnail, const std::stop_token& stop) {
    media::Probe probe;
    try {
        probe = media::probe(copy_, {}, stop);
        if (probe.video) {
            const auto picture = media::thumbnail(copy_, {}, stop);
            thumbnail_ = thumbnail;
            base::write_file_atomically(thumbnail, picture);
            asset.thumbnail = thumbnail;
        }
    } catch (const Error& error) {
        // People know their file, not our copy of it.
        if (error.subject() == copy_.string()) throw_error(error.code(), error.what(), {.subject = source_.string()});
        throw;
    }
    asset.container = probe.container;
    asset.duration = to_duration(probe.duration);
    if (probe.video) {
        const auto& video = probe.streams.at(static_cast<std::size_t>(*probe.video));
        const auto size = media::shown_size(video);
        asset.video_codec = video.codec;
        asset.width = size.width;
        asset.height = size.height;
        asset.frame_rate = video.rate;
    }
    if (probe.audio) {
        const auto& audio = probe.streams.at(static_cast<std::size_t>(*probe.audio));
        asset.audio_codec = audio.codec;
        asset.sample_rate = audio.sample_rate;
        asset.channels = audio.channels;
    }
}

Bytes Intake::weight() const {
    std::error_code ignored;
    std::int64_t total = size_.count;
    if (!thumbnail_.empty()) {
        const auto size = std::filesystem::file_size(thumbnail_, ignored);
        if (!ignored) total += static_cast<std::int64_t>(size);
    }
    return {total};
}

}  // namespace tenon::engine
