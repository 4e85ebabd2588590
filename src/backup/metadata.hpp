#pragma once

#include <map>
#include <string>

#include <sys/stat.h>

#include <base/file.hpp>

#include "tree.hpp"

namespace tenon::backup {

/// The attributes that the kernel shows access lists as.
constexpr const char* acl_name = "system.posix_acl_access";
constexpr const char* default_acl_name = "system.posix_acl_default";

/// What went wrong with one file; the backup goes on without it.
struct FileFailure {
    Errc code;
    std::string message;
};
[[noreturn]] void fail_file(const char* what, int error);

std::int64_t nanoseconds(const timespec& time);
timespec timespec_of(std::int64_t ns);

/// Names of users and groups, asked for once each. One thread at a time.
class AccountNames {
public:
    const std::string& user(std::uint32_t uid);
    const std::string& group(std::uint32_t gid);

private:
    std::map<std::uint32_t, std::string> users_, groups_;
};

EntryKind kind_of(const struct stat& st);
/// All that stat says. A folder's size stays 0.
Entry entry_of(const std::string& name, const struct stat& st, AccountNames& accounts);

/// Extended attributes and access lists, of an open file or, for what cannot be opened, by path without following.
void read_xattrs(const base::Fd& fd, Entry& entry);
void read_xattrs(const base::Fd& folder, const std::string& name, Entry& entry);

/// The parts of a file that occupy nothing. Empty when there are too many to be worth a record.
std::vector<Extent> find_holes(const base::Fd& fd, std::uint64_t size);

std::string read_link(const base::Fd& folder, const std::string& name);

/// Whether a file looks as it did when the parent's entry was made, so that its content need not be read. `parent_start`
/// is when that scan began: what changed in the same moment could have changed after it was read.
bool unchanged(const Entry& parent, const struct stat& st, std::int64_t parent_start_ns);
/// The same but for that moment: nothing says that it has changed.
bool looks_unchanged(const Entry& parent, const struct stat& st);

/// Two looks at a file that nobody touched between them.
bool same_state(const struct stat& a, const struct stat& b);

}  // namespace tenon::backup
