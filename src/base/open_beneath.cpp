#include <base/file.hpp>

#include <cerrno>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tenon::base {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void refuse(const fs::path& name) {
    throw InvalidArgument("the name leads out of its folder or through a link", {.subject = name.string()});
}

int try_openat2(int folder, const fs::path& name, int flags, unsigned mode) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    how.mode = (flags & O_CREAT) ? mode : 0;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    long fd = -1;
    // EAGAIN: something was renamed during the walk, so the kernel could not prove that it stayed below.
    for (int tries = 0; tries < 1000; ++tries) {
        fd = syscall(SYS_openat2, folder, name.c_str(), &how, sizeof how);
        if (fd >= 0 || (errno != EINTR && errno != EAGAIN)) break;
    }
    return static_cast<int>(fd);
}

// Kernels before 5.6 and sandboxes that do not know the call: each step is opened by itself, never through a link.
int walk(int folder, const fs::path& name, int flags, unsigned mode) {
    Fd holder;
    int at = folder;
    for (auto part = name.begin(); part != name.end();) {
        const auto current = *part++;
        const bool last = part == name.end();
        const int step = last ? flags | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW;
        const int fd = openat(at, current.c_str(), step | O_CLOEXEC, mode);
        if (fd < 0 || last) return fd;
        holder = Fd(fd);
        at = fd;
    }
    errno = EINVAL;
    return -1;
}

}  // namespace

Fd open_beneath(const Fd& folder, const fs::path& name, int flags, unsigned mode) {
    if (name.empty() || name.is_absolute() || name.native().find('\0') != std::string::npos) refuse(name);
    for (const auto& part : name)
        if (part == ".." || part.empty()) refuse(name);

    int fd = try_openat2(folder.get(), name, flags, mode);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) fd = walk(folder.get(), name, flags, mode);
    if (fd >= 0) return Fd(fd);
    if (errno == ELOOP || errno == EXDEV) refuse(name);
    throw_errno("cannot open the file", name);
}

}  // namespace tenon::base
