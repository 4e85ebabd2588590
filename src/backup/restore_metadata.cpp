#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "metadata.hpp"
#include "restore.hpp"

namespace tenon::backup {
namespace {

constexpr const char* acl_name = "system.posix_acl_access";
constexpr const char* default_acl_name = "system.posix_acl_default";

}  // namespace

// Owner first: changing it clears the set-id bits that the mode brings back. Times last.
void RestoreRun::set_metadata(const base::Fd& fd, const Entry& entry, const std::string& path) {
    if (may_chown_ && fchown(fd.get(), entry.uid, entry.gid) != 0) refused(path, "owner");
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
    for (const auto& xattr : entry.xattrs)
        if (lsetxattr(there.c_str(), xattr.name.c_str(), xattr.value.data(), xattr.value.size(), 0) != 0) refused(path, "attribute");
    if (entry.kind != EntryKind::link && fchmodat(folder.get(), name, entry.mode, 0) != 0) refused(path, "mode");
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
    RestoreRun run(impl.keys, *impl.objects, *index, impl.reload(stop), plan, request, throttle, impl.threads(), progress, stop);
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
