#include <blob/file_store.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <mutex>
#include <set>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <base/clock.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "temp_file.hpp"

namespace tenon::blob {
namespace {

using base::Fd;

constexpr std::size_t copy_size = 256 * 1024;
// Open files of deferred puts are bounded: past this many the oldest batch is flushed early.
constexpr std::size_t max_deferred = 64;

std::string tag_of(const struct stat& st) {
    std::array<std::uint8_t, 32> raw{};
    base::store_le(raw.data(), static_cast<std::uint64_t>(st.st_ino));
    base::store_le(raw.data() + 8, static_cast<std::uint64_t>(st.st_size));
    base::store_le(raw.data() + 16, static_cast<std::int64_t>(st.st_ctim.tv_sec));
    base::store_le(raw.data() + 24, static_cast<std::int64_t>(st.st_ctim.tv_nsec));
    return crypto::to_hex(crypto::sha256(raw)).substr(0, 32);
}

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? std::string(".") : path.substr(0, slash);
}

class FileSpool final : public Spool {
public:
    explicit FileSpool(TempFile file) : file_(std::move(file)) {}
    void append(ByteView bytes) override {
        base::pwrite_all(file_.fd(), bytes, size_, "spool");
        // Writing back early spreads the disk's work, so that the flush at the end finds little left to do.
        sync_file_range(file_.fd().get(), static_cast<off_t>(size_), static_cast<off_t>(bytes.size()), SYNC_FILE_RANGE_WRITE);
        size_ += bytes.size();
    }
    std::uint64_t size() const override { return size_; }
    std::size_t read(ByteSpan into) override {
        const auto count = base::pread_up_to(file_.fd(), into, at_, "spool");
        at_ += count;
        return count;
    }
    bool rewind() override {
        at_ = 0;
        return true;
    }
    TempFile& file() { return file_; }

private:
    TempFile file_;
    std::uint64_t size_ = 0;
    std::uint64_t at_ = 0;
};

class FileBeacon final : public Beacon {
public:
    FileBeacon(Fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
    void rewrite(ByteView bytes) override {
        base::pwrite_all(fd_, bytes, 0, name_);
        if (ftruncate(fd_.get(), static_cast<off_t>(bytes.size())) != 0)
            base::throw_errno("cannot rewrite the beacon", name_, errno);
    }

private:
    Fd fd_;
    std::string name_;
};

}  // namespace

struct FileStore::Impl {
    struct Deferred {
        TempFile file;
        std::string path;
    };

    std::filesystem::path root;
    std::shared_ptr<const base::Clock> clock;
    Fd folder;
    std::mutex mutex;
    std::deque<Deferred> deferred;  // guarded by mutex
    std::mutex swap_mutex;          // one conditional replacement at a time in this process; between processes a lock file

    Fd open(const std::string& path, int flags) const {
        return Fd(openat(folder.get(), path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW));
    }

    std::optional<struct stat> stat_of(const std::string& path) const {
        struct stat st {};
        if (fstatat(folder.get(), path.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
            base::throw_errno("cannot look at the object", path, errno);
        }
        if (!S_ISREG(st.st_mode)) return std::nullopt;
        return st;
    }

    void sync_folder(const std::string& path) const {
        const Fd fd = open(path, O_RDONLY | O_DIRECTORY);
        if (!fd && errno == ENOENT && path != ".") return sync_folder(folder_of(path));  // another has left it empty since
        if (!fd || fsync(fd.get()) != 0) base::throw_errno("cannot make the folder durable", path, errno);
    }

    /// Makes the folders on the way to `path`; those that gained a name are added to `changed`.
    void make_folders(const std::string& path, std::set<std::string>& changed) const {
        const auto parent = folder_of(path);
        if (parent == "." || faccessat(folder.get(), parent.c_str(), F_OK, 0) == 0) return;
        make_folders(parent, changed);
        if (mkdirat(folder.get(), parent.c_str(), 0700) != 0 && errno != EEXIST)
            base::throw_errno("cannot make a folder", parent, errno);
        changed.insert(folder_of(parent));
    }

    /// Names the file. Who leaves a folder empty takes it away, perhaps between these two.
    bool publish(TempFile& file, const std::string& path, bool create_only, std::set<std::string>& changed) const {
        constexpr int most_tries = 100;
        for (int tried = 1;; ++tried) {
            try {
                make_folders(path, changed);
                return file.publish(path, create_only);
            } catch (const NotFound&) {
                if (tried == most_tries) throw;
            }
        }
    }

    /// Those of writers that come and go, which have long names, would be more and more, and each is looked into by whoever lists. Others stay:
    /// one who finds such a folder there must be able to rely on its being durable, whoever made it. Where a power cut brings one back, it is empty.
    void drop_empty(const std::string& path) const {
        constexpr std::size_t long_name = 32;
        const auto slash = path.rfind('/');
        if (slash != std::string::npos && path.size() - slash > long_name) (void)unlinkat(folder.get(), path.c_str(), AT_REMOVEDIR);
    }

    TempFile copy(ByteSource& source, const PutOptions& options, const std::string& path, const std::stop_token& stop) {
        TempFile file(folder);
        ByteVector buffer(std::min<std::uint64_t>(copy_size, std::max<std::uint64_t>(source.size(), 1)));
        crypto::Sha256 hash;
        std::uint64_t at = 0;
        while (const auto count = source.read(buffer)) {
            exec::check_stop(stop);
            const ByteView piece(buffer.data(), count);
            if (options.sha256) hash.update(piece);
            base::pwrite_all(file.fd(), piece, at, path);
            at += count;
        }
        if (at != source.size()) throw Corrupt("the object's source ended early", {.subject = path});
        if (options.sha256 && hash.finish() != *options.sha256)
            throw Corrupt("the bytes to store are not those announced", {.subject = path});
        return file;
    }

    void publish_all(std::deque<Deferred>& batch) {
        std::set<std::string> folders;
        for (const auto& put : batch) base::sync_data(put.file.fd(), put.path);
        std::string taken;
        for (auto& put : batch) {
            if (publish(put.file, put.path, true, folders)) folders.insert(folder_of(put.path));
            else taken = put.path;
        }
        for (const auto& path : folders) sync_folder(path);
        if (!taken.empty()) throw Conflict("an object of this name exists", {.subject = taken});
    }

    std::string tag_at(const std::string& path) const {
        const auto st = stat_of(path);
        return st ? tag_of(*st) : std::string();
    }

    /// Between a look at the tag and the change nobody else may change the object.
    template <class Change> void if_matches(const std::string& path, const std::string& tag, Change change) {
        const std::lock_guard lock(swap_mutex);
        const Fd guard(openat(folder.get(), ".swap", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
        struct flock whole {};
        whole.l_type = F_WRLCK;
        whole.l_whence = SEEK_SET;
        if (!guard || fcntl(guard.get(), F_OFD_SETLKW, &whole) != 0) base::throw_errno("cannot lock the store", path, errno);
        if (tag_at(path) != tag) throw Conflict("the object has changed", {.subject = path});
        change();
    }

    /// Folders end with a slash.
    std::vector<std::string> names_in(const std::string& path, std::string_view prefix, std::string_view after) const;
    void list_folder(const std::string& path, std::string_view prefix, std::string_view after, std::size_t limit,
                     std::vector<ObjectInfo>& out) const;
};

std::vector<std::string> FileStore::Impl::names_in(const std::string& path, std::string_view prefix, std::string_view after) const {
    Fd fd = open(path.empty() ? "." : path, O_RDONLY | O_DIRECTORY);
    if (!fd) {
        if (errno == ENOENT || errno == ENOTDIR) return {};
        base::throw_errno("cannot list the folder", path, errno);
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> names(fdopendir(fd.get()), closedir);
    if (!names) base::throw_errno("cannot list the folder", path, errno);
    fd.release();

    // A folder sorts as "name/", which keeps the whole list in byte order of full names.
    std::vector<std::string> found;
    while (const dirent* entry = readdir(names.get())) {
        if (entry->d_name[0] == '.') continue;
        auto full = path.empty() ? std::string(entry->d_name) : path + '/' + entry->d_name;
        bool is_folder = entry->d_type == DT_DIR;
        if (entry->d_type == DT_UNKNOWN) {
            struct stat st {};
            is_folder = fstatat(folder.get(), full.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
        }
        if (is_folder) full += '/';
        const bool leads_on = is_folder && (full.starts_with(prefix) || prefix.starts_with(full));
        const bool passed = is_folder ? full < after && !after.starts_with(full) : full <= after;
        if (!passed && (leads_on || (!is_folder && full.starts_with(prefix)))) found.push_back(std::move(full));
    }
    std::sort(found.begin(), found.end());
    return found;
}

void FileStore::Impl::list_folder(const std::string& path, std::string_view prefix, std::string_view after,
                                  std::size_t limit, std::vector<ObjectInfo>& out) const {
    constexpr int most_looks = 10;
    const auto before = out.size();
    for (int looked = 1;; ++looked) {
        bool gone = false;
        for (auto& name : names_in(path, prefix, after)) {
            if (out.size() >= limit) break;
            if (name.back() == '/') {
                name.pop_back();
                list_folder(name, prefix, after, limit, out);
            } else if (const auto st = stat_of(name)) {
                out.push_back({.name = name, .size = static_cast<std::uint64_t>(st->st_size), .tag = tag_of(*st)});
            } else {
                gone = true;
            }
        }
        // What went since may have another in its place, which came behind the names: a list shows one of the two.
        if (!gone || looked == most_looks) return;
        out.resize(before);
    }
}

FileStore::FileStore(std::filesystem::path root, std::shared_ptr<const base::Clock> clock) : impl_(new Impl) {
    impl_->root = std::move(root);
    impl_->clock = std::move(clock);
    std::error_code error;
    if (std::filesystem::create_directories(impl_->root, error) && !error)
        std::filesystem::permissions(impl_->root, std::filesystem::perms::owner_all, error);
    if (error) base::throw_errno("cannot make the store's folder", impl_->root.string(), error.value());
    impl_->folder = base::open_file(impl_->root, O_RDONLY | O_DIRECTORY);
    TempFile::sweep(impl_->folder);
}

FileStore::~FileStore() = default;

PutInfo FileStore::put(const Name& name, ByteSource& source, const PutOptions& options, std::stop_token stop) {
    exec::check_stop(stop);
    const auto& path = name.text();
    if (options.create_only && impl_->stat_of(path)) throw Conflict("an object of this name exists", {.subject = path});

    auto* spool = options.sha256 ? nullptr : dynamic_cast<FileSpool*>(&source);
    TempFile file = spool ? std::move(spool->file()) : impl_->copy(source, options, path, stop);
    if (options.deferred && options.create_only) {
        std::deque<Impl::Deferred> early;
        const std::lock_guard lock(impl_->mutex);
        impl_->deferred.push_back({std::move(file), path});
        if (impl_->deferred.size() > max_deferred) {
            early.swap(impl_->deferred);
            impl_->publish_all(early);
        }
        return {};
    }
    if (options.create_only) {
        std::deque<Impl::Deferred> one;
        one.push_back({std::move(file), path});
        impl_->publish_all(one);
        return {.tag = impl_->tag_at(path)};
    }
    base::sync_data(file.fd(), path);
    std::set<std::string> folders{folder_of(path)};
    const auto replace = [&] { static_cast<void>(impl_->publish(file, path, false, folders)); };
    if (options.if_match.empty()) replace();
    else impl_->if_matches(path, options.if_match, replace);
    for (const auto& folder : folders) impl_->sync_folder(folder);
    return {.tag = impl_->tag_at(path)};
}

void FileStore::get(const Name& name, Range range, ByteSink& sink, std::stop_token stop) {
    const Fd fd = impl_->open(name.text(), O_RDONLY);
    if (!fd) {
        if (errno == ENOENT || errno == ENOTDIR) throw NotFound("there is no such object", {.subject = name.text()});
        base::throw_errno("cannot open the object", name.text(), errno);
    }
    const auto size = base::file_size(fd, name.text());
    if (range.offset >= size) return;
    auto left = std::min(range.length, size - range.offset);
    ByteVector buffer;
    for (auto at = range.offset; left > 0;) {
        exec::check_stop(stop);
        auto room = sink.room();
        const bool copies = room.empty();
        if (copies) {
            buffer.resize(std::min<std::uint64_t>(left, copy_size * 4));
            room = buffer;
        }
        const auto count = base::pread_up_to(fd, room.first(std::min<std::uint64_t>({left, room.size(), copy_size * 64})), at, name.text());
        if (count == 0) return;
        if (copies) sink.write(room.first(count));
        else sink.filled(count);
        at += count;
        left -= count;
    }
}

std::optional<ObjectInfo> FileStore::head(const Name& name, std::stop_token stop) {
    exec::check_stop(stop);
    const auto st = impl_->stat_of(name.text());
    if (!st) return std::nullopt;
    return ObjectInfo{.name = name.text(), .size = static_cast<std::uint64_t>(st->st_size), .tag = tag_of(*st)};
}

Page FileStore::list(std::string_view prefix, std::string_view after, int limit, std::stop_token stop) {
    exec::check_stop(stop);
    Page page;
    const auto slash = prefix.rfind('/');
    const auto start = slash == std::string_view::npos ? std::string() : std::string(prefix.substr(0, slash));
    const auto wanted = static_cast<std::size_t>(std::max(limit, 1));
    if (!start.empty()) static_cast<void>(Name(start));
    impl_->list_folder(start, prefix, after, wanted + 1, page.objects);
    page.more = page.objects.size() > wanted;
    if (page.more) page.objects.resize(wanted);
    return page;
}

bool FileStore::remove(const Name& name, const RemoveOptions& options, std::stop_token stop) {
    exec::check_stop(stop);
    const auto& path = name.text();
    bool removed = false;
    const auto unlink_it = [&] {
        if (unlinkat(impl_->folder.get(), path.c_str(), 0) == 0) removed = true;
        else if (errno != ENOENT && errno != ENOTDIR) base::throw_errno("cannot remove the object", path, errno);
    };
    if (options.if_match.empty()) unlink_it();
    else if (impl_->stat_of(path)) impl_->if_matches(path, options.if_match, unlink_it);
    if (removed) {
        impl_->sync_folder(folder_of(path));
        impl_->drop_empty(folder_of(path));
    }
    return removed;
}

Capabilities FileStore::capabilities() const {
    Capabilities can{.conditional_put = true, .swap = true, .strong_list = true, .real_deletion = true};
    struct statvfs fs {};
    if (fstatvfs(impl_->folder.get(), &fs) == 0) can.free = std::uint64_t{fs.f_bavail} * fs.f_frsize;
    return can;
}

Time FileStore::server_time(std::stop_token) { return impl_->clock->now(); }

void FileStore::flush(std::stop_token stop) {
    exec::check_stop(stop);
    std::deque<Impl::Deferred> batch;
    {
        const std::lock_guard lock(impl_->mutex);
        batch.swap(impl_->deferred);
    }
    impl_->publish_all(batch);
}

/// Bytes are durable before they have a name; the name is so with its folder.
void FileStore::make_durable(const std::vector<std::string>& names, std::stop_token stop) {
    std::set<std::string> folders;
    for (const auto& name : names)
        for (auto at = name.rfind('/'); at != std::string::npos; at = name.rfind('/', at - 1)) folders.insert(name.substr(0, at));
    folders.insert(".");
    for (const auto& path : folders) {
        exec::check_stop(stop);
        const Fd fd = impl_->open(path, O_RDONLY | O_DIRECTORY);
        if (!fd && (errno == ENOENT || errno == ENOTDIR)) continue;  // its parent is synced
        if (!fd || fsync(fd.get()) != 0) base::throw_errno("cannot make the folder durable", path, errno);
    }
}

void FileStore::discard() noexcept {
    const std::lock_guard lock(impl_->mutex);
    impl_->deferred.clear();
}

std::unique_ptr<Spool> FileStore::spool() { return std::make_unique<FileSpool>(TempFile(impl_->folder)); }

std::unique_ptr<Beacon> FileStore::beacon(const Name& name, ByteView bytes) {
    std::set<std::string> changed;
    TempFile file(impl_->folder);
    base::pwrite_all(file.fd(), bytes, 0, name.text());
    // Locked before it has a name: nobody ever sees it without its lock. A fork between the two would keep the lock
    // alive, which delays a collector and harms nothing.
    if (!try_lock(file.fd()) || !impl_->publish(file, name.text(), true, changed))
        throw Conflict("a beacon of this name exists", {.subject = name.text()});
    return std::make_unique<FileBeacon>(file.release_fd(), name.text());
}

std::optional<bool> FileStore::beacon_lives(const Name& name) {
    const Fd fd = impl_->open(name.text(), O_RDWR);
    if (!fd) return false;
    return locked_elsewhere(fd);
}

}  // namespace tenon::blob
