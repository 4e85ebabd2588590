#pragma once

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include <dlfcn.h>
#include <sys/uio.h>
#include <unistd.h>

namespace tenon::tests {

/// A disk with so much room left: writes to files whose path begins with a prefix take from it, the last one fits in part,
/// as on a real disk, and those after it fail with ENOSPC. A program that wants it has TENON_SMALL_DISK in one of its files.
class SmallDisk {
public:
    SmallDisk(std::string prefix, std::int64_t room) {
        prefix_ = std::move(prefix);
        refused_ = 0;
        room_ = room;
        full_ = true;
    }
    ~SmallDisk() { full_ = false; }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    int refused() const { return refused_; }

    /// Of `size` bytes for `fd` so many may be written; -1, with errno, if none.
    static std::int64_t grant(int fd, std::size_t size) {
        if (!full_ || size == 0 || !lies_here(fd)) return static_cast<std::int64_t>(size);
        auto left = room_.load();
        for (;;) {
            const auto take = std::min(left, static_cast<std::int64_t>(size));
            if (take <= 0) {
                ++refused_;
                errno = ENOSPC;
                return -1;
            }
            if (room_.compare_exchange_weak(left, left - take)) return take;
        }
    }
    template <class Function> static Function real(const char* name) { return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name)); }

private:
    static bool lies_here(int fd) {
        char target[4096];
        const auto link = "/proc/self/fd/" + std::to_string(fd);
        const auto size = readlink(link.c_str(), target, sizeof target);
        return size > 0 && std::string_view(target, static_cast<std::size_t>(size)).starts_with(prefix_);
    }

    static inline std::string prefix_;
    static inline std::atomic<std::int64_t> room_ = 0;
    static inline std::atomic<int> refused_ = 0;
    static inline std::atomic<bool> full_ = false;
};

}  // namespace tenon::tests

// The program's own definitions come before the C library's.
#define TENON_SMALL_DISK                                                                                             \
    extern "C" {                                                                                                     \
    __attribute__((visibility("default"))) ssize_t write(int fd, const void* data, size_t size) {                    \
        static const auto run = tenon::tests::SmallDisk::real<ssize_t (*)(int, const void*, size_t)>("write");       \
        const auto granted = tenon::tests::SmallDisk::grant(fd, size);                                               \
        return granted < 0 ? -1 : run(fd, data, static_cast<size_t>(granted));                                       \
    }                                                                                                                \
    __attribute__((visibility("default"))) ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {         \
        static const auto run = tenon::tests::SmallDisk::real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite"); \
        const auto granted = tenon::tests::SmallDisk::grant(fd, size);                                               \
        return granted < 0 ? -1 : run(fd, data, static_cast<size_t>(granted), at);                                   \
    }                                                                                                                \
    __attribute__((visibility("default"))) ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {     \
        static const auto run = tenon::tests::SmallDisk::real<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64"); \
        const auto granted = tenon::tests::SmallDisk::grant(fd, size);                                               \
        return granted < 0 ? -1 : run(fd, data, static_cast<size_t>(granted), at);                                   \
    }                                                                                                                \
    __attribute__((visibility("default"))) ssize_t writev(int fd, const struct iovec* parts, int count) {            \
        static const auto run = tenon::tests::SmallDisk::real<ssize_t (*)(int, const struct iovec*, int)>("writev");  \
        size_t size = 0;                                                                                             \
        for (int i = 0; i < count; ++i) size += parts[i].iov_len;                                                    \
        const auto granted = tenon::tests::SmallDisk::grant(fd, size);                                               \
        if (granted == static_cast<std::int64_t>(size)) return run(fd, parts, count);                                \
        return granted < 0 ? -1 : ::write(fd, parts[0].iov_base, std::min(parts[0].iov_len, static_cast<size_t>(granted))); \
    }                                                                                                                \
    }
