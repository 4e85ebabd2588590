// What a restore writes lies beside its place until it is complete; here is who sweeps what a killed one left.
#include "beside.hpp"

#include <cerrno>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <crypto/encoding.hpp>
#include <crypto/secret.hpp>
#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "restore.hpp"

namespace tenon::backup {
namespace {

constexpr std::string_view beside_prefix = ".restoring-";
constexpr std::size_t run_digits = 16;
constexpr int most_depth = 256;  // of folders that a sweep goes into

using Listing = std::unique_ptr<DIR, int (*)(DIR*)>;

Listing list(const base::Fd& folder) {
    const int copy = openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return {copy < 0 ? nullptr : fdopendir(copy), closedir};
}

std::int64_t sweep_below(const base::Fd& folder, const std::string& path, int depth, const std::stop_token& stop) {
    exec::check_stop(stop);
    std::int64_t swept = sweep_folder(folder, path);
    if (depth == most_depth) return swept;
    std::vector<std::string> folders;
    {
        const auto listing = list(folder);
        if (!listing) return swept;
        while (const auto* entry = readdir(listing.get())) {
            const std::string_view name(entry->d_name);
            if (name == "." || name == ".." || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)) continue;
            folders.emplace_back(name);
        }
    }
    for (const auto& name : folders) {
        const base::Fd below(openat(folder.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (below) swept += sweep_below(below, path + '/' + name, depth + 1, stop);
    }
    return swept;
}

}  // namespace

std::string name_beside(const std::string& run, std::uint32_t number) {
    return std::string(beside_prefix) + run + '-' + std::to_string(number);
}

std::string new_run() { return crypto::to_hex(crypto::random_bytes(run_digits / 2)); }

bool is_beside(std::string_view name) {
    if (!name.starts_with(beside_prefix)) return false;
    name.remove_prefix(beside_prefix.size());
    if (name.size() < run_digits + 2 || name[run_digits] != '-') return false;
    const auto is_run = name.substr(0, run_digits).find_first_not_of("0123456789abcdef") == std::string_view::npos;
    return is_run && name.substr(run_digits + 1).find_first_not_of("0123456789") == std::string_view::npos;
}

std::int64_t sweep_folder(const base::Fd& folder, const std::string& path) {
    const auto listing = list(folder);
    if (!listing) base::throw_errno("cannot list the folder", path, errno);
    std::int64_t swept = 0;
    while (const auto* entry = readdir(listing.get()))
        if (is_beside(entry->d_name) && unlinkat(folder.get(), entry->d_name, 0) == 0) ++swept;
    return swept;
}

std::optional<TargetLock> TargetLock::try_acquire(const std::filesystem::path& folder) {
    auto fd = base::open_file(folder, O_RDONLY | O_DIRECTORY);
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return std::nullopt;
    return TargetLock(std::move(fd));
}

std::int64_t sweep_left_over(const std::filesystem::path& folder, const std::stop_token& stop) {
    return sweep_below(base::open_file(folder, O_RDONLY | O_DIRECTORY), folder.string(), 0, stop);
}

/// One restore per target at a time: what is swept must be nobody's work. Where folders cannot be locked, the worst is a
/// restore that fails because another one swept its work; no name ever gets wrong content.
void RestoreRun::lock_target() {
    // Whoever only tidies up after a restore has it for a moment.
    constexpr std::chrono::milliseconds longest{5000}, pause{10};
    for (auto waited = std::chrono::milliseconds::zero(); !(lock_ = TargetLock::try_acquire(request_.target)) && waited < longest; waited += pause) {
        exec::check_stop(stop_);
        std::this_thread::sleep_for(pause);
    }
    if (!lock_) throw Conflict("another restore writes into this folder: wait for it or cancel it", {.subject = request_.target.string()});
}

void RestoreRun::sweep_left_over() {
    TargetFolders open(target_, plan_.folders);
    for (std::uint32_t i = 0; i < plan_.folders.size(); ++i) {
        if (!plan_.folders[i].existed) continue;
        exec::check_stop(stop_);
        sweep_folder(open.open(i), plan_.folders[i].path);
    }
}

}  // namespace tenon::backup
