#include "file_io.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tenon::media {
namespace {

constexpr int buffer_size = 256 << 10;

}  // namespace

base::Fd open_for_reading(const std::filesystem::path& path) {
    const std::string& name = path.native();
    if (name.empty() || name.find('\0') != std::string::npos)
        throw InvalidArgument("a file needs a name without zero bytes", {.subject = name.substr(0, name.find('\0'))});
    // Non-blocking, or opening a pipe that nobody writes to would wait for ever.
    base::Fd fd(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (fd.get() < 0) throw_av(AVERROR(errno), "the file cannot be opened", name.substr(0, 256));
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0) throw_av(AVERROR(errno), "the file cannot be read", name);
    if (!S_ISREG(status.st_mode)) throw Unsupported("only regular files hold media", {.subject = name});
    if (status.st_size == 0) throw Unsupported("the file is empty", {.subject = name});
    return fd;
}

FileIo::FileIo(base::Fd fd, bool writable, std::stop_token stop) : fd_(std::move(fd)), stop_(std::move(stop)) {
    auto* buffer = static_cast<std::uint8_t*>(checked(av_malloc(buffer_size)));   // the context owns and may replace it
    context_.reset(avio_alloc_context(buffer, buffer_size, writable ? 1 : 0, this, &FileIo::read,
                                      writable ? &FileIo::write : nullptr, &FileIo::seek));
    if (!context_) {
        av_free(buffer);
        checked(context_.get());
    }
}

std::int64_t FileIo::size() const {
    struct stat status{};
    return ::fstat(fd_.get(), &status) == 0 ? status.st_size : AVERROR(errno);
}

int FileIo::read(void* self, std::uint8_t* buffer, int size) {
    auto& io = *static_cast<FileIo*>(self);
    if (io.stop_.stop_requested()) return AVERROR_EXIT;
    ssize_t n;
    do n = ::pread(io.fd_.get(), buffer, static_cast<std::size_t>(size), io.position_);
    while (n < 0 && errno == EINTR);
    if (n == 0) return AVERROR_EOF;
    if (n < 0) return io.error_ = AVERROR(errno);
    io.position_ += n;
    return static_cast<int>(n);
}

int FileIo::write(void* self, std::uint8_t* buffer, int size) {
    auto& io = *static_cast<FileIo*>(self);
    if (io.error_ != 0) return io.error_;
    if (io.stop_.stop_requested()) return io.error_ = AVERROR_EXIT;
    for (int done = 0; done < size;) {
        const ssize_t n = ::pwrite(io.fd_.get(), buffer + done, static_cast<std::size_t>(size - done), io.position_);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return io.error_ = AVERROR(errno);
        done += static_cast<int>(n);
        io.position_ += n;
    }
    return size;
}

std::int64_t FileIo::seek(void* self, std::int64_t offset, int whence) {
    auto& io = *static_cast<FileIo*>(self);
    switch (whence & ~AVSEEK_FORCE) {
        case AVSEEK_SIZE: return io.size();
        case SEEK_SET: break;
        case SEEK_CUR: offset += io.position_; break;
        case SEEK_END: offset += io.size(); break;
        default: return AVERROR(EINVAL);
    }
    if (offset < 0) return AVERROR(EINVAL);
    return io.position_ = offset;
}

}  // namespace tenon::media
