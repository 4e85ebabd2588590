#include <algorithm>
#include <cerrno>
#include <string_view>

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "metadata.hpp"
#include "restore.hpp"

namespace tenon::backup {
namespace {

/// What a restore takes away where the snapshot lacks it: what people set, and what grants rights. The labels of the system
/// itself (SELinux, IMA, EVM, overlays) are not the backup's to judge.
bool is_ours(std::string_view name) {
    return name.starts_with("user.") || name == acl_name || name == default_acl_name || name == "security.capability";
}

/// Also of what was made a moment ago: a folder's default access list is handed down to whatever is made in it.
template <class List, class Remove> bool remove_others(const Entry& entry, List list, Remove remove) {
    std::string names(1024, '\0');
    auto size = list(names.data(), names.size());
    if (size < 0 && errno == ERANGE) {
        names.resize(XATTR_LIST_MAX);
        size = list(names.data(), names.size());
    }
    if (size <= 0) return true;  // none, or a file system without them
    names.resize(static_cast<std::size_t>(size));
    bool all = true;
    for (std::size_t at = 0; at < names.size();) {
        const std::string name(names.c_str() + at);
        at += name.size() + 1;
        if (!is_ours(name)) continue;
        const bool kept = name == acl_name           ? !entry.acl.empty()
                          : name == default_acl_name ? !entry.default_acl.empty()
                                                     : std::any_of(entry.xattrs.begin(), entry.xattrs.end(),
                                                                   [&](const auto& xattr) { return xattr.name == name; });
        if (!kept && remove(name.c_str()) != 0 && errno != ENODATA) all = false;
    }
    return all;
}

}  // namespace

// Owner first: changing it clears the set-id bits that the mode brings back, and capabilities. What the snapshot lacks goes
// before the mode is set: while there is an access list, the mode's group bits are its mask. Times last.
void RestoreRun::set_metadata(const base::Fd& fd, const Entry& entry, const std::string& path) {
    if (may_chown_ && fchown(fd.get(), entry.uid, entry.gid) != 0) refused(path, "owner");
    if (!remove_others(
            entry, [&](char* to, std::size_t size) { return flistxattr(fd.get(), to, size); },
            [&](const char* name) { return fremovexattr(fd.get(), name); }))
        refused(path, "attribute that the snapshot lacks");
    const auto attribute = [&](const char* name, ByteView value) {
        if (fsetxattr(fd.get(), name, value.data(), value.size(), 0) != 0) refused(path, name);
    };
    for (const auto& xattr : entry.xattrs) attribute(xattr.name.c_str(), xattr.value);
    if (fchmod(fd.get(), entry.mode) != 0) refused(path, "mode");
    if (!entry.acl.empty()) attribute(acl_name, entry.acl);
    if (!entry.default_acl.empty()) attribute(default_acl_name, entry.default_acl);
    const timespec times[] = {timespec_of(entry.mtime), timespec_of(entry.mtime)};
    if (futimens(fd.get(), times) != 0) refused(path, "times");
}

void RestoreRun::set_metadata_at(const base::Fd& folder, const std::string& beside, const Entry& entry, const std::string& path) {
    const auto* name = beside.c_str();
    if (may_chown_ && fchownat(folder.get(), name, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0) refused(path, "owner");
    const auto there = "/proc/self/fd/" + std::to_string(folder.get()) + '/' + beside;
    if (!remove_others(
            entry, [&](char* to, std::size_t size) { return llistxattr(there.c_str(), to, size); },
            [&](const char* key) { return lremovexattr(there.c_str(), key); }))
        refused(path, "attribute that the snapshot lacks");
    const auto attribute = [&](const char* key, ByteView value) {
        if (lsetxattr(there.c_str(), key, value.data(), value.size(), 0) != 0) refused(path, key);
    };
    for (const auto& xattr : entry.xattrs) attribute(xattr.name.c_str(), xattr.value);
    if (entry.kind != EntryKind::link && fchmodat(folder.get(), name, entry.mode, 0) != 0) refused(path, "mode");
    // Links have none; all else does, whatever it is.
    if (entry.kind != EntryKind::link && !entry.acl.empty()) attribute(acl_name, entry.acl);
    const timespec times[] = {timespec_of(entry.mtime), timespec_of(entry.mtime)};
    if (utimensat(folder.get(), name, times, AT_SYMLINK_NOFOLLOW) != 0) refused(path, "times");
}

void RestoreRun::make_others() {
    TargetFolders folders(target_, plan_.folders);
    auto number = static_cast<std::uint32_t>(plan_.files.size());
    for (const auto& other : plan_.others) {
        exec::check_stop(stop_);
        const auto beside = name_beside(run_, ++number);
        try {
            make_other(folders, other, beside);
        } catch (...) {
            unlinkat(folders.open(other.folder).get(), beside.c_str(), 0);
            throw;
        }
    }
}

void RestoreRun::make_other(TargetFolders& folders, const PlannedOther& other, const std::string& beside) {
    const auto& entry = other.entry;
    const auto path = path_of(other.folder, entry.name);
    const auto* name = beside.c_str();
    if (other.same_as) {
        // The cache may close the first folder while it opens the second.
        const base::Fd from(openat(folders.open(other.same_as->folder).get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (linkat(from.get(), other.same_as->name().c_str(), folders.open(other.folder).get(), name, 0) != 0)
            base::throw_errno("cannot make the link", path, errno);
        return publish(folders.open(other.folder), beside, entry.name, other.existed, path);
    }
    const auto& folder = folders.open(other.folder);
    int made = -1;
    switch (entry.kind) {
    case EntryKind::link: made = symlinkat(entry.target.c_str(), folder.get(), name); break;
    case EntryKind::fifo: made = mkfifoat(folder.get(), name, 0600); break;
    case EntryKind::char_device: made = mknodat(folder.get(), name, S_IFCHR | 0600, entry.device); break;
    case EntryKind::block_device: made = mknodat(folder.get(), name, S_IFBLK | 0600, entry.device); break;
    case EntryKind::socket: made = mknodat(folder.get(), name, S_IFSOCK | 0600, 0); break;
    default: return;
    }
    if (made == 0) {
        set_metadata_at(folder, beside, entry, path);
        return publish(folder, beside, entry.name, other.existed, path);
    }
    const bool device = entry.kind == EntryKind::char_device || entry.kind == EntryKind::block_device;
    if (device && errno == EPERM) return refused(path, "device");
    base::throw_errno("cannot make it", path, errno);
}

void RestoreRun::finish_folders() {
    TargetFolders open(target_, plan_.folders);
    // Children before parents: writing a child's metadata would touch its parent's times.
    for (auto number = plan_.folders.size(); number-- > 0;) {
        const auto& folder = plan_.folders[number];
        // A target that was there before keeps what it is.
        if (folder.path.empty() && folder.existed) continue;
        if (folder.has_entry)
            set_metadata(open.open(static_cast<std::uint32_t>(number)), folder.entry, folder.path);
        else if (!folder.existed)
            static_cast<void>(fchmod(open.open(static_cast<std::uint32_t>(number)).get(), 0755));
    }
}

namespace {

RestoreTotals restore_from(Repository::Impl& impl, const SnapshotRecord& snapshot, const RestoreRequest& request, const Globs& exclude,
                           exec::ProgressSink& progress, const std::stop_token& stop) {
    auto [index, plan] = plan_restore(impl, snapshot, request.paths, exclude, request.salvage, stop);
    Throttle throttle(request.bytes_per_second, impl.options.clock);
    RestoreRun run(impl.keys, *impl.objects, *index, impl.reload(stop), plan, request, exclude, throttle, impl.threads(), progress, stop);
    auto totals = run.run();
    // Who backs up again after this must not build upon these.
    if (!run.damaged_packs().empty()) {
        try {
            note_packs(impl, run.damaged_packs(), {}, {});
        } catch (const std::exception&) {
            // A check finds them as well.
        }
    }
    return totals;
}

}  // namespace

RestoreTotals Repository::restore(const SnapshotId& id, const RestoreRequest& request, exec::ProgressSink& progress,
                                  std::stop_token stop) const {
    if (request.target.empty()) throw InvalidArgument("a restore needs a target", {.subject = "target"});
    if (request.bytes_per_second < 0) throw InvalidArgument("a limit is not negative", {.subject = "bytes_per_second"});
    if (request.delete_extra && request.salvage)
        throw InvalidArgument("what is lost of a snapshot would be taken for extra: salvage first", {.subject = "delete_extra"});
    if (request.delete_extra && !request.overwrite) throw InvalidArgument("nothing may lie in the target then", {.subject = "delete_extra"});
    const Globs exclude(request.exclude);
    const auto snapshot = impl_->snapshot(id, stop);
    try {
        return restore_from(*impl_, snapshot, request, exclude, progress, stop);
    } catch (const Corrupt& error) {
        (void)impl_->snapshot(id, {});  // NotFound: it was forgotten and collected under this restore
        // Who backs up again after this must not build upon that pack.
        try {
            if (const auto pack = pack_in(error.subject())) note_packs(*impl_, {*pack}, {}, {});
        } catch (const std::exception&) {
            // A check finds it as well.
        }
        throw;
    }
}

}  // namespace tenon::backup
