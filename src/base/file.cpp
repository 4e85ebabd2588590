#include <base/file.hpp>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tenon::base {
namespace fs = std::filesystem;
namespace {

template <class Call> auto uninterrupted(Call call) {
    decltype(call()) result;
    do result = call();
    while (result < 0 && errno == EINTR);
    return result;
}

fs::path folder_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

// A name beside `path` that no other writer uses: O_EXCL decides, the counter only makes a clash rare.
Fd open_temporary(const fs::path& path, unsigned mode, fs::path& name) {
    static std::atomic<unsigned> counter{0};
    for (int tries = 0; tries < 100; ++tries) {
        name = path;
        name += ".tmp-" + std::to_string(getpid()) + "-" + std::to_string(counter++);
        const int fd = uninterrupted([&] { return open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode); });
        if (fd >= 0) return Fd(fd);
        if (errno != EEXIST) throw_errno("cannot create the file", path);
    }
    throw Unavailable("cannot find a free temporary name", {.subject = path.string()});
}

// Removes a temporary file unless it has become the real one.
struct Temporary {
    fs::path name;
    ~Temporary() {
        if (!name.empty()) unlink(name.c_str());
    }
};

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
    if (this != &other) {
        reset();
        fd_ = other.release();
    }
    return *this;
}

int Fd::release() noexcept { return std::exchange(fd_, -1); }

void Fd::reset() noexcept {
    // Not repeated after EINTR: Linux has closed the descriptor by then and the number may be someone else's.
    if (fd_ >= 0) close(release());
}

Fd open_file(const fs::path& path, int flags, unsigned mode) {
    // The kernel would open what stands before it.
    if (path.native().find('\0') != std::string::npos) throw InvalidArgument("a file name holds NUL", {.subject = "path"});
    const int fd = uninterrupted([&] { return open(path.c_str(), flags | O_CLOEXEC, mode); });
    if (fd < 0) throw_errno("cannot open the file", path);
    return Fd(fd);
}

void write_all(const Fd& fd, ByteView bytes, const std::string& subject) {
    while (!bytes.empty()) {
        const auto n = uninterrupted([&] { return write(fd.get(), bytes.data(), bytes.size()); });
        if (n < 0) throw_errno("cannot write", subject, errno);
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
}

void pwrite_all(const Fd& fd, ByteView bytes, std::uint64_t offset, const std::string& subject) {
    while (!bytes.empty()) {
        const auto n = uninterrupted(
            [&] { return pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
        if (n < 0) throw_errno("cannot write", subject, errno);
        bytes = bytes.subspan(static_cast<std::size_t>(n));
        offset += static_cast<std::uint64_t>(n);
    }
}

std::size_t pread_up_to(const Fd& fd, ByteSpan out, std::uint64_t offset, const std::string& subject) {
    std::size_t done = 0;
    while (done < out.size()) {
        const auto n = uninterrupted(
            [&] { return pread(fd.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done)); });
        if (n < 0) throw_errno("cannot read", subject, errno);
        if (n == 0) break;
        done += static_cast<std::size_t>(n);
    }
    return done;
}

void pread_all(const Fd& fd, ByteSpan out, std::uint64_t offset, const std::string& subject) {
    if (pread_up_to(fd, out, offset, subject) != out.size())
        throw Corrupt("the file ends too early", {.subject = subject});
}

std::uint64_t file_size(const Fd& fd, const std::string& subject) {
    struct stat st{};
    if (fstat(fd.get(), &st) != 0) throw_errno("cannot examine the file", subject, errno);
    return static_cast<std::uint64_t>(st.st_size);
}

Time modified_at(const Fd& fd, const std::string& subject) {
    struct stat st {};
    if (fstat(fd.get(), &st) != 0) throw_errno("cannot examine the file", subject, errno);
    return Time{std::chrono::seconds(st.st_mtim.tv_sec) + std::chrono::microseconds(st.st_mtim.tv_nsec / 1'000)};
}

bool set_modified_at(const Fd& fd, Time time) noexcept {
    const auto whole = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch());
    const Duration rest = time.time_since_epoch() - whole;
    const timespec times[] = {{0, UTIME_OMIT}, {static_cast<time_t>(whole.count()), static_cast<long>(rest.count() * 1'000)}};
    return futimens(fd.get(), times) == 0;
}

void sync_data(const Fd& fd, const std::string& subject) {
    if (uninterrupted([&] { return fdatasync(fd.get()); }) != 0) throw_errno("cannot make durable", subject, errno);
}

void sync_folder(const fs::path& folder) {
    const auto fd = open_file(folder, O_RDONLY | O_DIRECTORY);
    if (uninterrupted([&] { return fsync(fd.get()); }) != 0) throw_errno("cannot make durable", folder);
}

int rename_new(int folder, const char* from, const char* to) noexcept {
    if (renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return errno;
    // Linking does not replace either.
    if (linkat(folder, from, folder, to, 0) != 0) return errno;
    unlinkat(folder, from, 0);
    return 0;
}

ByteVector read_file(const fs::path& path, std::size_t max_size) {
    const auto fd = open_file(path, O_RDONLY);
    // Some files state no size (/proc), others grow while they are read: the end of the file alone counts.
    ByteVector bytes;
    const auto stated = file_size(fd, path.string());
    if (stated > max_size) throw Corrupt("the file is larger than it can be", {.subject = path.string()});
    bytes.resize(static_cast<std::size_t>(stated) + 1);
    std::size_t size = 0;
    while (true) {
        const auto room = ByteSpan(bytes).subspan(size);
        const auto n = pread_up_to(fd, room, size, path.string());
        size += n;
        if (size > max_size) throw Corrupt("the file is larger than it can be", {.subject = path.string()});
        if (n < room.size()) break;
        bytes.resize(bytes.size() * 2);
    }
    bytes.resize(size);
    return bytes;
}

void write_file_atomically(const fs::path& path, ByteView bytes, unsigned mode) {
    Temporary temporary;
    auto fd = open_temporary(path, mode, temporary.name);
    write_all(fd, bytes, path.string());
    sync_data(fd, path.string());
    fd.reset();
    if (rename(temporary.name.c_str(), path.c_str()) != 0) throw_errno("cannot replace the file", path);
    temporary.name.clear();
    sync_folder(folder_of(path));
}

NewFile::NewFile(fs::path path, unsigned mode) : path_(std::move(path)) {
    // An unnamed file vanishes with its process, so a kill leaves nothing. Where the file system has none, a
    // temporary name serves.
    fd_ = Fd(uninterrupted([&] { return open(folder_of(path_).c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, mode); }));
    if (!fd_) fd_ = open_temporary(path_, mode, temporary_);
}

NewFile::~NewFile() {
    if (!temporary_.empty()) unlink(temporary_.c_str());
}

void NewFile::write(ByteView bytes) { write_all(fd_, bytes, path_.string()); }

bool NewFile::finish() {
    if (uninterrupted([&] { return fsync(fd_.get()); }) != 0) throw_errno("cannot make durable", path_);
    const auto from = temporary_.empty() ? "/proc/self/fd/" + std::to_string(fd_.get()) : temporary_.string();
    if (linkat(AT_FDCWD, from.c_str(), AT_FDCWD, path_.c_str(), AT_SYMLINK_FOLLOW) != 0) {
        if (errno == EEXIST) return false;
        // FAT, as on most media that are carried about, has no links, and each file system says so in its own way.
        if ((errno != EPERM && errno != ENOSYS && errno != EOPNOTSUPP) || temporary_.empty()) throw_errno("cannot create the file", path_);
        const int error = rename_new(AT_FDCWD, temporary_.c_str(), path_.c_str());
        if (error == EEXIST) return false;
        // exFAT by FUSE is one of these.
        if (error == EPERM || error == ENOSYS || error == EOPNOTSUPP)
            throw Unsupported("this file system gives no file its name without the risk of replacing another", {.subject = path_.string()});
        if (error != 0) throw_errno("cannot create the file", path_.string(), error);
        temporary_.clear();
    }
    sync_folder(folder_of(path_));
    return true;
}

bool create_file_once(const fs::path& path, ByteView bytes, unsigned mode) {
    NewFile file(path, mode);
    file.write(bytes);
    return file.finish();
}

}  // namespace tenon::base
