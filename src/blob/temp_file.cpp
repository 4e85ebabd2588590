#include "temp_file.hpp"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <crypto/encoding.hpp>
#include <crypto/secret.hpp>

namespace tenon::blob {
namespace {

using base::Fd;

constexpr std::string_view temp_prefix = ".t-";

struct flock whole_file() {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

std::string proc_path(const Fd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

}  // namespace

bool try_lock(const Fd& fd) {
    auto lock = whole_file();
    return fcntl(fd.get(), F_OFD_SETLK, &lock) == 0;
}

bool locked_elsewhere(const Fd& fd) {
    auto lock = whole_file();
    if (fcntl(fd.get(), F_OFD_GETLK, &lock) != 0) base::throw_errno("cannot ask for the lock", std::string("beacon"), errno);
    return lock.l_type != F_UNLCK;
}

TempFile::TempFile(const Fd& folder) : folder_(&folder) {
    fd_ = Fd(openat(folder.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (fd_ && faccessat(AT_FDCWD, proc_path(fd_).c_str(), F_OK, 0) == 0) return;
    if (!fd_ && errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL)
        base::throw_errno("cannot make a file", std::string("store"), errno);
    make_named();
}

TempFile::TempFile(TempFile&& other) noexcept
    : folder_(other.folder_), fd_(std::move(other.fd_)), name_(std::move(other.name_)) {
    other.name_.clear();
}

TempFile::~TempFile() {
    if (!name_.empty()) unlinkat(folder_->get(), name_.c_str(), 0);
}

void TempFile::make_named() {
    for (int attempt = 0; attempt < 100; ++attempt) {
        auto name = std::string(temp_prefix) + crypto::to_hex(crypto::random_bytes(12));
        fd_ = Fd(openat(folder_->get(), name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
        if (!fd_) base::throw_errno("cannot make a file", name, errno);
        struct stat st {};
        // Between making and locking it a sweep of another process may have taken it for an orphan.
        if (try_lock(fd_) && fstat(fd_.get(), &st) == 0 && st.st_nlink == 1) {
            name_ = std::move(name);
            return;
        }
    }
    throw Unavailable("cannot make a temporary file in the store");
}

bool TempFile::publish(const std::string& path, bool create_only) {
    const int root = folder_->get();
    if (create_only) {
        int failure = 0;
        if (!name_.empty()) failure = base::rename_new(root, name_.c_str(), path.c_str());
        else if (linkat(AT_FDCWD, proc_path(fd_).c_str(), root, path.c_str(), AT_SYMLINK_FOLLOW) != 0) failure = errno;
        if (failure == EEXIST) return false;
        if (failure != 0) base::throw_errno("cannot name the object", path, failure);
        name_.clear();
        return true;
    }
    if (name_.empty()) {
        auto name = std::string(temp_prefix) + crypto::to_hex(crypto::random_bytes(12));
        if (!try_lock(fd_) || linkat(AT_FDCWD, proc_path(fd_).c_str(), root, name.c_str(), AT_SYMLINK_FOLLOW) != 0)
            base::throw_errno("cannot name the object", path, errno);
        name_ = std::move(name);
    }
    if (renameat(root, name_.c_str(), root, path.c_str()) != 0) base::throw_errno("cannot name the object", path, errno);
    name_.clear();
    return true;
}

void TempFile::sweep(const Fd& folder) {
    const int copy = openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, int (*)(DIR*)> names(copy < 0 ? nullptr : fdopendir(copy), closedir);
    if (!names) return;
    while (const dirent* entry = readdir(names.get())) {
        if (!std::string_view(entry->d_name).starts_with(temp_prefix)) continue;
        const Fd fd(openat(folder.get(), entry->d_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC));
        if (fd && try_lock(fd)) unlinkat(folder.get(), entry->d_name, 0);
    }
}

}  // namespace tenon::blob
