#include "extras.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <exec/wait.hpp>

#include "restore.hpp"

namespace tenon::backup {
namespace {

/// Of folders within one another that are gone through: each holds a file open.
constexpr int most_extra_depth = 200;

EntryKind kind_of(unsigned mode) {
    if (S_ISDIR(mode)) return EntryKind::folder;
    if (S_ISLNK(mode)) return EntryKind::link;
    if (S_ISFIFO(mode)) return EntryKind::fifo;
    if (S_ISCHR(mode)) return EntryKind::char_device;
    if (S_ISBLK(mode)) return EntryKind::block_device;
    return S_ISSOCK(mode) ? EntryKind::socket : EntryKind::file;
}

/// A mount, which a device's number does not tell: one may be mounted twice, in itself.
using Mount = std::pair<std::uint64_t, std::uint64_t>;

struct Look {
    unsigned mode = 0;
    std::int64_t size = 0;
    Mount mount;
};

/// `name` empty: the folder itself. Empty, with errno, where it cannot be looked at.
std::optional<Look> look(const base::Fd& folder, const std::string& name) {
    struct statx st {};
    const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (name.empty() ? AT_EMPTY_PATH : 0);
    if (statx(folder.get(), name.c_str(), flags, STATX_TYPE | STATX_SIZE | STATX_MNT_ID, &st) != 0) return std::nullopt;
    const auto device = static_cast<std::uint64_t>(st.stx_dev_major) << 32 | st.stx_dev_minor;
    return Look{st.stx_mode, static_cast<std::int64_t>(st.stx_size), {device, (st.stx_mask & STATX_MNT_ID) != 0 ? st.stx_mnt_id : 0}};
}

class ExtraWalk {
public:
    ExtraWalk(ExtraWork work, const base::Fd& target, const RestorePlan& plan, const Globs& exclude, const RestoreRequest& request,
              const std::function<void(const std::string&, EntryKind, std::int64_t)>& on, const std::stop_token& stop)
        : work_(work), target_(target), plan_(plan), exclude_(exclude), request_(request), on_(on), stop_(stop) {}

    ExtraTotals run() {
        const auto root = look(target_, "");
        if (!root) base::throw_errno("cannot look at the target", request_.target.string(), errno);
        mount_ = root->mount;
        note_names();
        TargetFolders folders(target_, plan_.folders);
        for (std::uint32_t i = 0; i < plan_.folders.size(); ++i) {
            const auto& folder = plan_.folders[i];
            if (!folder.existed || !folder.has_entry) continue;
            const auto& fd = folders.open(i);
            // A copy: what follows may ask for other folders.
            const base::Fd own(openat(fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
            if (!own) {
                refused(folder.path, "cannot look into the folder");
                continue;
            }
            const auto about = look(own, "");
            bool is_foreign = !about || about->mount != mount_;
            for (const auto& name : names_in(own, folder.path)) {
                if (is_beside(name) || is_planned(i, name)) continue;
                ++totals_.beside;
                if (work_ == ExtraWork::count) continue;
                if (std::exchange(is_foreign, false)) {
                    problem(folder.path, "lies on another mount than the target: what is extra in it stays");
                    break;
                }
                (void)goes(own, join(folder.path, name), name, 0);
            }
        }
        return std::move(totals_);
    }

private:
    void problem(const std::string& path, const char* what) { totals_.problems.push_back({path, Errc::conflict, what}); }
    void refused(const std::string& path, const char* what) {
        totals_.problems.push_back({path, base::errc_of(errno), std::string(what) + ": " + std::strerror(errno)});
    }

    // Names by their hash, 16 bytes each, as there may be a million in a folder: should two ever share one, something extra stays.
    static std::uint64_t hash_of(std::string_view name) { return std::hash<std::string_view>{}(name); }

    void note_names() {
        planned_.reserve(plan_.files.size() + plan_.others.size() + plan_.folders.size());
        for (const auto& file : plan_.files) planned_.emplace_back(file.folder, hash_of(file.name()));
        for (const auto& other : plan_.others) planned_.emplace_back(other.folder, hash_of(other.entry.name));
        std::map<std::string_view, std::uint32_t> numbers;
        for (std::uint32_t i = 0; i < plan_.folders.size(); ++i) numbers.emplace(plan_.folders[i].path, i);
        const auto add = [&](const std::string& path) {
            if (path.empty()) return;
            const auto slash = path.rfind('/');
            const auto above = numbers.find(slash == std::string::npos ? std::string_view() : std::string_view(path).substr(0, slash));
            if (above != numbers.end()) planned_.emplace_back(above->second, hash_of(std::string_view(path).substr(slash + 1)));
        };
        for (const auto& folder : plan_.folders) add(folder.path);
        // The snapshot had it, and what was in it nobody knows any more.
        for (const auto& path : plan_.erased) add(path);
        std::sort(planned_.begin(), planned_.end());
    }

    bool is_planned(std::uint32_t folder, const std::string& name) const {
        return std::binary_search(planned_.begin(), planned_.end(), std::pair(folder, hash_of(name)));
    }

    std::vector<std::string> names_in(const base::Fd& folder, const std::string& path) {
        std::vector<std::string> names;
        const int copy = openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        const std::unique_ptr<DIR, int (*)(DIR*)> listing(copy < 0 ? nullptr : fdopendir(copy), closedir);
        if (!listing) {
            refused(path, "cannot look into the folder");
            return names;
        }
        while (const dirent* entry = readdir(listing.get()))
            if (const std::string_view name(entry->d_name); name != "." && name != "..") names.emplace_back(name);
        std::sort(names.begin(), names.end());
        return names;
    }

    bool may_go(const std::string& path, bool is_folder) { return !request_.may_delete || request_.may_delete(path, is_folder); }

    /// Whether it has gone, with what is in it, or would.
    bool goes(const base::Fd& folder, const std::string& path, const std::string& name, int depth) {
        exec::check_stop(stop_);
        const auto about = look(folder, name);
        if (!about) {
            if (errno == ENOENT) return true;
            refused(path, "cannot look at what is extra");
            return false;
        }
        const bool is_folder = S_ISDIR(about->mode);
        if (exclude_.match(path, is_folder)) return false;
        if (about->mount != mount_) {
            problem(path, "something is mounted here, and stays");
            return false;
        }
        if (is_folder && !empties(folder, path, name, depth)) return false;
        if (!may_go(path, is_folder)) return false;
        if (work_ == ExtraWork::remove && unlinkat(folder.get(), name.c_str(), is_folder ? AT_REMOVEDIR : 0) != 0) {
            if (errno == ENOENT) return true;
            // Somebody has put something into it meanwhile: that is his.
            if (!is_folder || (errno != ENOTEMPTY && errno != EEXIST)) refused(path, "cannot delete what is extra");
            return false;
        }
        ++totals_.deleted;
        on_(path, kind_of(about->mode), S_ISREG(about->mode) ? about->size : 0);
        return true;
    }

    bool empties(const base::Fd& folder, const std::string& path, const std::string& name, int depth) {
        if (depth == most_extra_depth) {
            problem(path, "lies too deep to be deleted");
            return false;
        }
        const base::Fd below(openat(folder.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!below) {
            refused(path, "cannot look into the folder");
            return false;
        }
        // Another one may have been put in its place.
        const auto about = look(below, "");
        if (!about || about->mount != mount_) {
            problem(path, "something is mounted here, and stays");
            return false;
        }
        bool all = true;
        for (const auto& each : names_in(below, path)) all = goes(below, join(path, each), each, depth + 1) && all;
        return all;
    }

    const ExtraWork work_;
    const base::Fd& target_;
    const RestorePlan& plan_;
    const Globs& exclude_;
    const RestoreRequest& request_;
    const std::function<void(const std::string&, EntryKind, std::int64_t)>& on_;
    const std::stop_token& stop_;
    Mount mount_;
    std::vector<std::pair<std::uint32_t, std::uint64_t>> planned_;  // folder, name; sorted
    ExtraTotals totals_;
};

}  // namespace

ExtraTotals treat_extras(ExtraWork work, const base::Fd& target, const RestorePlan& plan, const Globs& exclude, const RestoreRequest& request,
                         const std::function<void(const std::string&, EntryKind, std::int64_t)>& on, const std::stop_token& stop) {
    return ExtraWalk(work, target, plan, exclude, request, on, stop).run();
}

}  // namespace tenon::backup
