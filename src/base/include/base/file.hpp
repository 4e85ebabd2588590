#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <base/bytes.hpp>
#include <tenon/error.hpp>
#include <tenon/units.hpp>

namespace tenon::base {

/// The one table from errno to our codes.
Errc errc_of(int error) noexcept;
/// Throws what `error` means. `what`: "cannot write the index"; `subject`: which file.
[[noreturn]] void throw_errno(const std::string& what, const std::string& subject, int error);
[[noreturn]] void throw_errno(const std::string& what, const std::filesystem::path& subject);  ///< With errno.

/// An open file, closed with its owner.
class Fd {
public:
    Fd() noexcept = default;
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept;
    ~Fd() { reset(); }
    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int release() noexcept;
    void reset() noexcept;

private:
    int fd_ = -1;
};

/// open(2) with O_CLOEXEC, never interrupted.
Fd open_file(const std::filesystem::path& path, int flags, unsigned mode = 0600);

/// Opens `name` below `folder` (an open directory). Nothing leads out of it: no "..", no absolute path, no symbolic
/// link anywhere on the way, even if someone swaps one in meanwhile.
///
/// Throws    InvalidArgument when the name would leave the folder or passes a link.
Fd open_beneath(const Fd& folder, const std::filesystem::path& name, int flags, unsigned mode = 0600);

/// All of it, or an error. `subject` names the file in messages.
void write_all(const Fd& fd, ByteView bytes, const std::string& subject);
void pwrite_all(const Fd& fd, ByteView bytes, std::uint64_t offset, const std::string& subject);
/// Throws Corrupt when the file ends early.
void pread_all(const Fd& fd, ByteSpan out, std::uint64_t offset, const std::string& subject);
/// How much there was before the end of the file.
std::size_t pread_up_to(const Fd& fd, ByteSpan out, std::uint64_t offset, const std::string& subject);
std::uint64_t file_size(const Fd& fd, const std::string& subject);
/// When the content last changed, as the file system tells it, down to whole microseconds.
Time modified_at(const Fd& fd, const std::string& subject);
/// Says so. False: this file system does not let it be said.
bool set_modified_at(const Fd& fd, Time time) noexcept;
void sync_data(const Fd& fd, const std::string& subject);  ///< fdatasync
void sync_folder(const std::filesystem::path& folder);     ///< Makes names in it durable.

/// Gives a file below `folder` (AT_FDCWD: anywhere) another name, never in place of something. 0, or errno: EEXIST when
/// the name is taken. On file systems that know no such renaming, too.
[[nodiscard]] int rename_new(int folder, const char* from, const char* to) noexcept;

/// A whole file. Throws Corrupt when it is larger than `max_size`.
ByteVector read_file(const std::filesystem::path& path, std::size_t max_size);
/// After a kill or a power cut at any moment there is the old file or the new one, whole.
void write_file_atomically(const std::filesystem::path& path, ByteView bytes, unsigned mode = 0600);
/// A file that must not exist yet and appears whole, or not at all, when it is finished.
class NewFile {
public:
    explicit NewFile(std::filesystem::path path, unsigned mode = 0600);
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    ~NewFile();
    void write(ByteView bytes);
    /// Makes it durable and gives it its name. False: there is a file of that name, untouched.
    [[nodiscard]] bool finish();

private:
    std::filesystem::path path_;
    std::filesystem::path temporary_;  ///< Empty: it has no name yet.
    Fd fd_;
};

/// Writes such a file at once. False: there is one already, untouched.
[[nodiscard]] bool create_file_once(const std::filesystem::path& path, ByteView bytes, unsigned mode = 0600);

/// A lock on a file, between processes and between engines of one process. Gone with its owner, however that ends; a
/// forked child does not hold it on.
class FileLock {
public:
    enum class Kind : std::uint8_t { shared, exclusive };

    /// Makes the file when there is none. Empty: somebody else holds it.
    [[nodiscard]] static std::optional<FileLock> try_acquire(const std::filesystem::path& file,
                                                             Kind kind = Kind::exclusive);
    FileLock(FileLock&&) noexcept;
    FileLock& operator=(FileLock&&) noexcept;
    ~FileLock();

private:
    struct State;
    explicit FileLock(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace tenon::base
