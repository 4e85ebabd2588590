#pragma once

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "small_disk.hpp"

namespace tenon::tests {

/// A disk that may lose power: it writes down what happens to names below a folder and what was made durable, and says then what a power cut
/// at any moment may have left. A program that wants it has TENON_LOSSY_DISK in one of its files.
///
/// A name, put or taken away, is durable once its folder was synced; before that it may be there or not, whatever became of others. Bytes
/// are durable once their file was synced; of a file that was not, nothing may be left but the name.
class LossyDisk {
public:
    /// What lies there after a power cut. There are many of these, so all is by number: of path() and of content().
    struct State {
        std::vector<std::pair<std::uint32_t, std::uint32_t>> files;   ///< What each holds, ascending.
        std::vector<std::uint32_t> folders;                           ///< Each behind the one that it is in.
        bool operator<(const State& other) const { return std::tie(files, folders) < std::tie(other.files, other.folders); }
    };

    /// `there`: folders that it has already.
    LossyDisk(std::string root, const std::vector<std::string>& there) {
        const std::lock_guard lock(mutex_);
        root_ = std::move(root);
        steps_.clear();
        paths_.clear();
        numbers_.clear();
        contents_.assign(1, "");
        for (const auto& name : there) step(Kind::folder, root_ + '/' + name);
        step(Kind::sync, root_);
        unsynced_.clear();
        watching_ = this;
        on_ = true;
    }
    ~LossyDisk() {
        on_ = false;
        watching_ = nullptr;
    }
    /// From here on nothing is written down any more.
    void stop() { on_ = false; }
    LossyDisk(const LossyDisk&) = delete;
    LossyDisk& operator=(const LossyDisk&) = delete;

    /// Called behind each name that was put or taken away, before anybody can have synced its folder.
    std::function<void(const std::string& path)> seen{};

    static std::size_t steps() {
        const std::lock_guard lock(mutex_);
        return steps_.size();
    }
    static const std::string& content(std::uint32_t number) { return contents_[number]; }
    static const std::string& path(std::uint32_t number) { return paths_[number]; }

    /// What may be left if the power goes once `count` steps were made. All of it where that is no more than `most` states; else the ones
    /// where all, nothing or one of the changes that were not durable is lost or kept, and others at random.
    static std::vector<State> after_a_cut(std::size_t count, std::size_t most, const std::function<std::uint64_t()>& random) {
        std::vector<std::size_t> loose;
        for (std::size_t i = 0; i < count; ++i)
            if (steps_[i].kind != Kind::sync && !is_durable(i, count)) loose.push_back(i);
        std::set<State> states;
        const auto add = [&](const std::function<bool(std::size_t)>& stays) {
            std::set<std::size_t> lost;
            for (std::size_t bit = 0; bit < loose.size(); ++bit)
                if (!stays(bit)) lost.insert(loose[bit]);
            states.insert(replay(count, lost));
        };
        if (loose.size() < 16 && (std::size_t{1} << loose.size()) <= most) {
            for (std::size_t choice = 0; choice < std::size_t{1} << loose.size(); ++choice)
                add([&](std::size_t bit) { return (choice >> bit) & 1; });
        } else {
            add([](std::size_t) { return true; });
            add([](std::size_t) { return false; });
            for (std::size_t one = 0; one < loose.size() && states.size() < most; ++one) {
                add([&](std::size_t bit) { return bit == one; });
                add([&](std::size_t bit) { return bit != one; });
            }
            for (std::size_t tried = 0; tried < most && states.size() < most; ++tried) add([&](std::size_t) { return random() % 2 == 0; });
        }
        return {states.begin(), states.end()};
    }

    // What the program's calls say.
    static bool is_on() { return on_; }
    static void wrote(int fd) {
        struct stat st {};
        if (!on_ || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) return;
        const std::lock_guard lock(mutex_);
        unsynced_.insert(st.st_ino);
    }
    static void synced(int fd) {
        struct stat st {};
        if (!on_ || fstat(fd, &st) != 0) return;
        const auto path = path_of(fd, "");
        const std::lock_guard lock(mutex_);
        if (S_ISREG(st.st_mode)) unsynced_.erase(st.st_ino);
        else if (S_ISDIR(st.st_mode) && is_below(path)) step(Kind::sync, path);
    }
    static void named(int folder, const char* name) {
        const auto path = path_of(folder, name);
        struct stat st {};
        if (!on_ || !is_below(path) || is_hidden(path) || lstat(path.c_str(), &st) != 0) return;
        std::string bytes;
        if (const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC); fd >= 0) {
            bytes.resize(static_cast<std::size_t>(st.st_size));
            (void)!read(fd, bytes.data(), bytes.size());
            close(fd);
        }
        {
            const std::lock_guard lock(mutex_);
            std::uint32_t number = 0;  // of a file that was not synced nothing may be left
            if (!unsynced_.contains(st.st_ino)) {
                number = static_cast<std::uint32_t>(contents_.size());
                contents_.push_back(std::move(bytes));
            }
            step(Kind::put, path, number);
        }
        tell(path);
    }
    static void removed(int folder, const char* name) {
        const auto path = path_of(folder, name);
        if (!on_ || !is_below(path) || is_hidden(path)) return;
        {
            const std::lock_guard lock(mutex_);
            step(Kind::remove, path);
        }
        tell(path);
    }
    static void made_folder(int folder, const char* name) {
        const auto path = path_of(folder, name);
        if (!on_ || !is_below(path)) return;
        const std::lock_guard lock(mutex_);
        step(Kind::folder, path);
    }
    template <class Function> static Function real(const char* name) { return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name)); }

private:
    enum class Kind : std::uint8_t { put, remove, folder, sync };
    struct Step {
        Kind kind;
        std::uint32_t path, folder;  // and the one that it is in
        std::uint32_t content;
    };

    static std::uint32_t number_of(const std::string& path) {
        const auto [known, is_new] = numbers_.try_emplace(path, static_cast<std::uint32_t>(paths_.size()));
        if (is_new) paths_.push_back(path);
        return known->second;
    }
    /// The caller holds the mutex.
    static void step(Kind kind, const std::string& path, std::uint32_t content = 0) {
        const auto folder = number_of(parent(path));
        steps_.push_back({kind, number_of(path), folder, content});
    }

    static std::string parent(const std::string& path) { return path.substr(0, path.rfind('/')); }
    static bool is_below(const std::string& path) { return path.size() >= root_.size() && path.starts_with(root_); }
    static bool is_hidden(const std::string& path) { return path[path.rfind('/') + 1] == '.'; }
    static std::string path_of(int folder, std::string_view name) {
        if (name.starts_with('/')) return std::string(name);
        char target[4096];
        const auto link = folder == AT_FDCWD ? std::string("/proc/self/cwd") : "/proc/self/fd/" + std::to_string(folder);
        const auto size = readlink(link.c_str(), target, sizeof target);
        std::string path(target, static_cast<std::size_t>(size > 0 ? size : 0));
        if (!name.empty() && name != ".") path += '/' + std::string(name);
        return path;
    }
    static bool is_durable(std::size_t step, std::size_t count) {
        for (auto i = step + 1; i < count; ++i)
            if (steps_[i].kind == Kind::sync && steps_[i].path == steps_[step].folder) return true;
        return false;
    }
    static State replay(std::size_t count, const std::set<std::size_t>& lost) {
        std::map<std::uint32_t, std::pair<std::uint32_t, std::uint32_t>> files;  // by path: folder and content
        std::map<std::uint32_t, std::uint32_t> folders;                          // by path: the one that it is in
        for (std::size_t i = 0; i < count; ++i) {
            const auto& step = steps_[i];
            if (step.kind == Kind::sync || lost.contains(i)) continue;
            if (step.kind == Kind::put) files[step.path] = {step.folder, step.content};
            else if (step.kind == Kind::remove) files.erase(step.path);
            else folders[step.path] = step.folder;
        }
        // What lies in a folder that has no name is lost with it.
        const auto root = numbers_.at(root_);
        const auto is_there = [&](std::uint32_t folder) {
            while (folder != root) {
                const auto found = folders.find(folder);
                if (found == folders.end()) return false;
                folder = found->second;
            }
            return true;
        };
        State state;
        for (const auto& [path, folder] : folders)
            if (is_there(path)) state.folders.push_back(path);
        for (const auto& [path, file] : files)
            if (is_there(file.first)) state.files.emplace_back(path, file.second);
        return state;
    }
    static void tell(const std::string& path) {
        if (watching_ && watching_->seen) watching_->seen(path);
    }

    static inline std::mutex mutex_;
    static inline std::string root_;
    static inline std::vector<Step> steps_;              // guarded by mutex_, as the next four
    static inline std::vector<std::string> contents_, paths_;
    static inline std::map<std::string, std::uint32_t> numbers_;  // of paths_
    static inline std::set<ino_t> unsynced_;
    static inline std::atomic<bool> on_ = false;
    static inline LossyDisk* watching_ = nullptr;
};

}  // namespace tenon::tests

#define TENON_REAL(name, ...) static const auto run = tenon::tests::LossyDisk::real<__VA_ARGS__>(#name)
#define TENON_LOSSY_WRITE(name, offset)                                                                      \
    __attribute__((visibility("default"))) ssize_t name(int fd, const void* data, size_t size, offset at) {  \
        TENON_REAL(name, ssize_t (*)(int, const void*, size_t, offset));                                     \
        const auto granted = tenon::tests::SmallDisk::grant(fd, size);                                       \
        if (granted < 0) return -1;                                                                          \
        tenon::tests::LossyDisk::wrote(fd);                                                                  \
        return run(fd, data, static_cast<size_t>(granted), at);                                              \
    }
#define TENON_LOSSY_SYNC(name)                                          \
    __attribute__((visibility("default"))) int name(int fd) {           \
        TENON_REAL(name, int (*)(int));                                 \
        const int result = run(fd);                                     \
        if (result == 0) tenon::tests::LossyDisk::synced(fd);           \
        return result;                                                  \
    }

// The program's own definitions come before the C library's. With room for SmallDisk in them.
#define TENON_LOSSY_DISK                                                                                                      \
    extern "C" {                                                                                                              \
    TENON_LOSSY_WRITE(pwrite, off_t)                                                                                          \
    TENON_LOSSY_WRITE(pwrite64, off64_t)                                                                                      \
    TENON_LOSSY_SYNC(fsync)                                                                                                   \
    TENON_LOSSY_SYNC(fdatasync)                                                                                               \
    __attribute__((visibility("default"))) int linkat(int from, const char* old, int to, const char* name, int flags) {       \
        TENON_REAL(linkat, int (*)(int, const char*, int, const char*, int));                                                 \
        const int result = run(from, old, to, name, flags);                                                                   \
        if (result == 0) tenon::tests::LossyDisk::named(to, name);                                                            \
        return result;                                                                                                        \
    }                                                                                                                         \
    __attribute__((visibility("default"))) int renameat(int from, const char* old, int to, const char* name) {                \
        TENON_REAL(renameat, int (*)(int, const char*, int, const char*));                                                    \
        const int result = run(from, old, to, name);                                                                          \
        if (result == 0) tenon::tests::LossyDisk::named(to, name);                                                            \
        return result;                                                                                                        \
    }                                                                                                                         \
    __attribute__((visibility("default"))) int renameat2(int from, const char* old, int to, const char* name, unsigned how) { \
        TENON_REAL(renameat2, int (*)(int, const char*, int, const char*, unsigned));                                         \
        const int result = run(from, old, to, name, how);                                                                     \
        if (result == 0) tenon::tests::LossyDisk::named(to, name);                                                            \
        return result;                                                                                                        \
    }                                                                                                                         \
    __attribute__((visibility("default"))) int unlinkat(int folder, const char* name, int flags) {                            \
        TENON_REAL(unlinkat, int (*)(int, const char*, int));                                                                 \
        const int result = run(folder, name, flags);                                                                          \
        if (result == 0) tenon::tests::LossyDisk::removed(folder, name);                                                      \
        return result;                                                                                                        \
    }                                                                                                                         \
    __attribute__((visibility("default"))) int mkdirat(int folder, const char* name, mode_t mode) {                           \
        TENON_REAL(mkdirat, int (*)(int, const char*, mode_t));                                                               \
        const int result = run(folder, name, mode);                                                                           \
        if (result == 0) tenon::tests::LossyDisk::made_folder(folder, name);                                                  \
        return result;                                                                                                        \
    }                                                                                                                         \
    }
