#include "metadata.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <base/text.hpp>
#include <tenon/error.hpp>

namespace tenon::backup {
namespace {

constexpr std::size_t max_holes = 1024;
constexpr std::uint64_t least_hole = 4096;
// The kernel stamps files with a coarse clock, which lags behind the one that a scan's start is read from.
constexpr std::int64_t clock_lag_ns = 20'000'000;

template <class Record, class Lookup> std::string account_name(std::uint32_t id, Lookup lookup, char* Record::*name) {
    std::array<char, 4096> buffer;
    Record record{};
    Record* found = nullptr;
    if (lookup(id, &record, buffer.data(), buffer.size(), &found) != 0 || !found) return {};
    std::string text = found->*name;
    return base::is_utf8(text) ? text : std::string();
}

using ListNames = std::function<ssize_t(char*, std::size_t)>;
using ReadValue = std::function<ssize_t(const char*, void*, std::size_t)>;

void collect_xattrs(Entry& entry, const ListNames& list, const ReadValue& read) {
    const auto size = list(nullptr, 0);
    if (size <= 0) return;  // none, or a file system without them
    std::string names(static_cast<std::size_t>(size) + 256, '\0');
    const auto got = list(names.data(), names.size());
    if (got <= 0) return;
    names.resize(static_cast<std::size_t>(got));
    for (std::size_t at = 0; at < names.size();) {
        const std::string name(names.c_str() + at);
        at += name.size() + 1;
        const auto length = read(name.c_str(), nullptr, 0);
        if (length < 0) continue;
        ByteVector value(static_cast<std::size_t>(length));
        const auto filled = length == 0 ? 0 : read(name.c_str(), value.data(), value.size());
        if (filled < 0) continue;
        value.resize(static_cast<std::size_t>(filled));
        if (name == acl_name) entry.acl = std::move(value);
        else if (name == default_acl_name) entry.default_acl = std::move(value);
        else entry.xattrs.push_back({name, std::move(value)});
    }
    std::sort(entry.xattrs.begin(), entry.xattrs.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
}

}  // namespace

void fail_file(const char* what, int error) {
    throw FileFailure{base::errc_of(error), std::string(what) + ": " + std::strerror(error)};
}

std::int64_t nanoseconds(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

timespec timespec_of(std::int64_t ns) {
    auto seconds = ns / 1'000'000'000, rest = ns % 1'000'000'000;
    if (rest < 0) --seconds, rest += 1'000'000'000;
    return {.tv_sec = seconds, .tv_nsec = rest};
}

const std::string& AccountNames::user(std::uint32_t uid) {
    const auto [found, is_new] = users_.try_emplace(uid);
    if (is_new) found->second = account_name(uid, getpwuid_r, &passwd::pw_name);
    return found->second;
}

const std::string& AccountNames::group(std::uint32_t gid) {
    const auto [found, is_new] = groups_.try_emplace(gid);
    if (is_new) found->second = account_name(gid, getgrgid_r, &group::gr_name);
    return found->second;
}

EntryKind kind_of(const struct stat& st) {
    switch (st.st_mode & S_IFMT) {
        case S_IFDIR: return EntryKind::folder;
        case S_IFLNK: return EntryKind::link;
        case S_IFIFO: return EntryKind::fifo;
        case S_IFCHR: return EntryKind::char_device;
        case S_IFBLK: return EntryKind::block_device;
        case S_IFSOCK: return EntryKind::socket;
        default: return EntryKind::file;
    }
}

Entry entry_of(const std::string& name, const struct stat& st, AccountNames& accounts) {
    Entry entry;
    entry.name = name;
    entry.kind = kind_of(st);
    entry.mode = st.st_mode & 07777;
    entry.uid = st.st_uid;
    entry.gid = st.st_gid;
    entry.user = accounts.user(st.st_uid);
    entry.group = accounts.group(st.st_gid);
    if (entry.kind == EntryKind::file) entry.size = static_cast<std::uint64_t>(st.st_size);
    entry.mtime = nanoseconds(st.st_mtim);
    entry.ctime = nanoseconds(st.st_ctim);
    if (entry.kind != EntryKind::folder && st.st_nlink > 1) entry.link_key = Extent{st.st_dev, st.st_ino};
    else if (entry.kind == EntryKind::file) entry.inode = st.st_ino;
    if (entry.kind == EntryKind::char_device || entry.kind == EntryKind::block_device) entry.device = st.st_rdev;
    return entry;
}

void read_xattrs(const base::Fd& fd, Entry& entry) {
    collect_xattrs(
        entry, [&](char* to, std::size_t size) { return flistxattr(fd.get(), to, size); },
        [&](const char* name, void* to, std::size_t size) { return fgetxattr(fd.get(), name, to, size); });
}

void read_xattrs(const base::Fd& folder, const std::string& name, Entry& entry) {
    const auto path = "/proc/self/fd/" + std::to_string(folder.get()) + '/' + name;
    collect_xattrs(
        entry, [&](char* to, std::size_t size) { return llistxattr(path.c_str(), to, size); },
        [&](const char* key, void* to, std::size_t size) { return lgetxattr(path.c_str(), key, to, size); });
}

std::vector<Extent> find_holes(const base::Fd& fd, std::uint64_t size) {
    std::vector<Extent> holes;
    for (std::uint64_t at = 0; at < size;) {
        const auto hole = lseek(fd.get(), static_cast<off_t>(at), SEEK_HOLE);
        if (hole < 0 || static_cast<std::uint64_t>(hole) >= size) break;
        const auto data = lseek(fd.get(), hole, SEEK_DATA);
        const auto start = static_cast<std::uint64_t>(hole);
        at = data < 0 ? size : std::min(static_cast<std::uint64_t>(data), size);
        if (at - start >= least_hole) holes.push_back({start, at - start});
        if (holes.size() > max_holes) return {};
    }
    return holes;
}

std::string read_link(const base::Fd& folder, const std::string& name) {
    std::string target(4096, '\0');
    const auto size = readlinkat(folder.get(), name.c_str(), target.data(), target.size());
    if (size < 0) fail_file("cannot read the link", errno);
    target.resize(static_cast<std::size_t>(size));
    return target;
}

bool unchanged(const Entry& parent, const struct stat& st, std::int64_t parent_start_ns) {
    return looks_unchanged(parent, st) && std::max(nanoseconds(st.st_mtim), nanoseconds(st.st_ctim)) < parent_start_ns - clock_lag_ns;
}

bool looks_unchanged(const Entry& parent, const struct stat& st) {
    const auto inode = parent.link_key ? parent.link_key->length : parent.inode;
    return parent.kind == EntryKind::file && S_ISREG(st.st_mode) && parent.flags == 0 && inode == st.st_ino &&
           parent.size == static_cast<std::uint64_t>(st.st_size) && parent.mtime == nanoseconds(st.st_mtim) &&
           parent.ctime == nanoseconds(st.st_ctim);
}

bool same_state(const struct stat& a, const struct stat& b) {
    return a.st_size == b.st_size && a.st_ino == b.st_ino && nanoseconds(a.st_mtim) == nanoseconds(b.st_mtim) &&
           nanoseconds(a.st_ctim) == nanoseconds(b.st_ctim);
}

}  // namespace tenon::backup
