#include "backup_run.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <crypto/hash.hpp>
#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "beside.hpp"
#include "browse.hpp"
#include "repository_impl.hpp"
#include "superblock.hpp"

namespace tenon::backup {
namespace {

constexpr std::uint64_t small_file = 256 * 1024;
// About a frame: files that lie beside each other are compressed together.
constexpr std::size_t batch_files = 256;
constexpr std::uint64_t batch_limit = 1 << 20;
constexpr std::size_t queued_batches = 8;
constexpr std::uint64_t long_file = 8 << 20;
// Of one folder, encoded as soon as they are ready; of those that wait behind one that is not, so many at most.
constexpr std::size_t encoded_at_once = 256, waiting_entries = 16'384;

std::string clean_path(const std::string& path) {
    std::string clean;
    for (const auto& part : split_path(path)) clean = join(clean, part);
    return clean;
}

bool holds_repository(const base::Fd& fd, const NameList& names) {
    if (!names.contains("super")) return false;
    try {
        const auto file = open_quietly(fd, "super", 0);
        ByteVector front(superblock_magic.size());
        return pread(file.get(), front.data(), front.size(), 0) == static_cast<ssize_t>(front.size()) && is_superblock(front);
    } catch (const FileFailure&) {
        return false;
    }
}

/// The same where the bytes are.
Id content_of(const Entry& entry) {
    ByteVector bytes;
    for (const auto& hole : entry.holes) {
        base::append_le(bytes, hole.offset);
        base::append_le(bytes, hole.length);
    }
    for (const auto& chunk : entry.chunks) base::append(bytes, chunk.id);
    if (entry.list_root) base::append(bytes, *entry.list_root);
    return crypto::sha256(bytes);
}

}  // namespace

BackupRun::BackupRun(WriteSession& session, const BackupRequest& request, NodeSource& nodes, std::vector<Parent> parents,
                     const std::set<Id>& damaged, const Id& options, const Buffers& buffers, Time started, std::int64_t expected,
                     exec::ProgressSink& progress, std::stop_token stop)
    : session_(session),
      request_(request),
      nodes_(nodes),
      first_parents_(std::move(parents)),
      damaged_(damaged),
      options_(options),
      started_(started),
      expected_(expected),
      progress_(progress),
      stop_(std::move(stop)),
      buffers_(buffers),
      exclude_(request.exclude),
      include_(request.include),
      checkpoints_(session) {
    for (unsigned i = 0; i < buffers.threads; ++i) reading_.push_back({.size = buffers.read, .most = buffers.lent});
    for (const auto& rule : request.classes) classes_.emplace(clean_path(rule.path), session.keys().ring.class_of(rule.subject).value());
    last_checkpoint_ = std::chrono::steady_clock::now();
}

BackupRun::~BackupRun() = default;

void BackupRun::run(SnapshotRecord& snapshot, BackupTotals& totals) {
    crew_ = std::make_unique<Crew<Work>>(buffers_.threads, queued_batches, [this](unsigned worker, Work& work) { read(worker, work); },
                                         [this] { list_finished(); });
    scan_root(snapshot);
    while (!works_.empty()) close_work(*works_.begin()->second);
    crew_.reset();
    auto packs = session_.close_packs();
    checkpoints_.finish();
    session_.commit_packs(std::move(packs), {});
    snapshot.files = files_;
    snapshot.folders = folders_;
    totals_.bytes_before_compression = session_.plain_bytes();
    totals = std::move(totals_);
}

void BackupRun::scan_root(SnapshotRecord& snapshot) {
    std::vector<Ancestor> parents;
    for (const auto& parent : first_parents_) {
        try {
            auto cursor = parent.unfinished ? std::make_unique<DirCursor>(nodes_, parent.unfinished->open.front().nodes)
                                            : std::make_unique<DirCursor>(nodes_, *parent.root);
            parents.push_back({std::move(cursor), parent.started.time_since_epoch().count() * 1000, parent.unfinished, 0, !parent.unfinished});
        } catch (const Corrupt& error) {
            met(error);  // a damaged parent saves no work; this run writes what it lost anew
        }
    }

    auto sources = request_.sources;
    std::sort(sources.begin(), sources.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    const bool whole = sources.size() == 1 && sources.front().name.empty();
    auto* root = &open_folder(nullptr, nullptr, "", nullptr, {});
    for (const auto& source : sources) {
        std::shared_ptr<const base::Fd> fd;
        if (source.prepare) source.prepare();
        auto entry = open_source(source, fd);
        auto names = list_source(source, *fd);
        if (holds_repository(*fd, names))
            throw InvalidArgument("this folder holds a backup repository: back up what it protects instead", {.subject = source.path.string()});
        struct stat st {};
        if (fstat(fd->get(), &st) != 0) base::throw_errno("cannot look at the source", source.path);
        snapshot.sources.push_back({source.name, source.path.string(), entry});
        snapshot.sources.back().folder.subtree = Id{};  // only its metadata says something here
        if (whole) {
            root->fd = fd;
            scan(*root, parents, names);
            continue;
        }
        auto& slot = root->slots.emplace_back();
        auto& folder = open_folder(root, &slot, source.name, fd, std::move(entry));
        auto below_source = below(parents, source.name, folder.work.id);
        scan(folder, below_source, names);
        finish_scan();
    }
    settle();
    root->fd.reset();
    snapshot.root = root->builder.finish(root->work.lane);
    snapshot.bytes = static_cast<std::int64_t>(root->builder.bytes());
    open_.clear();
}

Entry BackupRun::open_source(const Source& source, std::shared_ptr<const base::Fd>& fd) const {
    fd = std::make_shared<const base::Fd>(base::open_file(source.path, O_RDONLY | O_DIRECTORY));
    struct stat st {};
    if (fstat(fd->get(), &st) != 0) base::throw_errno("cannot look at the source", source.path);
    AccountNames accounts;
    auto entry = entry_of(source.name.empty() ? "root" : source.name, st, accounts);
    read_xattrs(*fd, entry);
    return entry;
}

NameList BackupRun::list_source(const Source& source, const base::Fd& fd) const {
    try {
        return list_names(fd);
    } catch (const FileFailure& failure) {
        throw_error(failure.code, failure.message, {.subject = source.path.string()});
    }
}

NameList BackupRun::list_names(const base::Fd& fd) const {
    const int copy = openat(fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0) fail_file("cannot list the folder", errno);
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(fdopendir(copy), closedir);
    if (!listing) fail_file("cannot list the folder", errno);
    NameList names;
    errno = 0;
    while (const dirent* entry = readdir(listing.get())) {
        const std::string_view name(entry->d_name);
        if (name != "." && name != "..") names.add(name);
        errno = 0;
    }
    if (errno != 0) fail_file("cannot list the folder", errno);
    names.sort();
    return names;
}

BackupRun::Folder& BackupRun::open_folder(Folder* above, Slot* slot, std::string path, std::shared_ptr<const base::Fd> fd, Entry self) {
    auto& work = work_of(path, above);
    auto& folder = *open_.emplace_back(std::make_unique<Folder>(work, session_.keys().ring.of(work.id).k_cdc.bytes()));
    folder.above = above;
    folder.slot = slot;
    folder.path = std::move(path);
    folder.fd = std::move(fd);
    folder.self = std::move(self);
    return folder;
}

void BackupRun::scan(Folder& folder, std::vector<Ancestor>& parents, const NameList& names) {
    std::string name;
    for (const char* each : names) {
        exec::check_stop(stop_);
        scan_name(folder, parents, name = each);
        keep_up(folder);
    }
}

void BackupRun::scan_name(Folder& folder, std::vector<Ancestor>& parents, const std::string& name) {
    const auto path = join(folder.path, name);
    struct stat st {};
    if (fstatat(folder.fd->get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
        return report(path, base::errc_of(errno), "cannot look at it");
    if (exclude_.match(path, S_ISDIR(st.st_mode)) || !include_.match(path, S_ISDIR(st.st_mode))) return;
    if (S_ISDIR(st.st_mode)) return scan_folder(folder, parents, name);
    if (is_beside(name)) return;  // a restore's work in the making
    if (request_.keep && !request_.keep(path)) return;

    auto& slot = folder.slots.emplace_back();
    last_path_ = path;
    if (S_ISREG(st.st_mode)) {
        std::optional<Id> before;
        if (!reuse(parents, name, st, slot, before)) enqueue(folder, name, st, slot, before);
        return;
    }
    try {
        slot.entry = entry_of(name, st, accounts_);
        if (S_ISLNK(st.st_mode)) slot.entry.target = read_link(*folder.fd, name);
        read_xattrs(*folder.fd, name, slot.entry);
        slot.state = State::ready;
    } catch (const FileFailure& failure) {
        slot.state = State::omitted;
        report(path, failure.code, failure.message);
    }
}

void BackupRun::scan_folder(Folder& above, std::vector<Ancestor>& parents, const std::string& name) {
    const auto path = join(above.path, name);
    if (!is_folder_path(path)) return report(path, Errc::unsupported, "lies deeper than a snapshot can hold: it and all below it are left out");
    std::shared_ptr<const base::Fd> fd;
    NameList names;
    Entry self;
    try {
        fd = std::make_shared<const base::Fd>(open_quietly(*above.fd, name, O_DIRECTORY));
        struct stat now {};
        if (fstat(fd->get(), &now) != 0) fail_file("cannot look at the folder", errno);
        self = entry_of(name, now, accounts_);
        read_xattrs(*fd, self);
        names = list_names(*fd);
    } catch (const FileFailure& failure) {
        return report(path, failure.code, failure.message);
    }
    if (holds_repository(*fd, names)) {
        totals_.skipped_repositories.push_back(path);
        return;
    }
    auto& slot = above.slots.emplace_back();
    auto& folder = open_folder(&above, &slot, path, std::move(fd), std::move(self));
    auto below_here = below(parents, name, folder.work.id);
    scan(folder, below_here, names);
    finish_scan();
}

void BackupRun::finish_scan() {
    auto folder = std::move(open_.back());
    open_.pop_back();
    folder->fd.reset();  // files still to be read hold it on
    auto& work = folder->work;
    const bool ends_class = &work != &folder->above->work;
    unfinished_.push_back(std::move(folder));
    if (!ends_class) return;
    // There may be a class for each of ten thousand people: one that is done with holds no packs open.
    settle();
    close_work(work);
}

BackupRun::ClassWork::ClassWork(BackupRun& run, const Id16& class_id)
    : id(class_id), chunker(run.session_.keys().ring.of(class_id).k_cdc.bytes()), lane(run.session_, class_id) {
    const auto offer = [this, &run](const std::shared_ptr<ChunkJob>& job) {
        Work work{{}, {job, *this}, {}};
        if (run.crew_->offer(work)) return true;
        work.chunk.job = nullptr;  // it stays the reader's
        return false;
    };
    for (auto& buffers : run.reading_)
        readers.push_back(std::make_unique<FileReader>(run.session_, class_id, chunker, buffers, offer, run.stop_));
}

BackupRun::ClassWork& BackupRun::work_of(const std::string& path, const Folder* above) {
    const auto rule = path.empty() ? classes_.end() : classes_.find(path);
    if (rule == classes_.end() && above) return above->work;
    const auto id = rule == classes_.end() ? session_.keys().ring.data_class() : rule->second;
    auto& work = works_[id];
    if (!work) work = std::make_unique<ClassWork>(*this, id);
    return *work;
}

void BackupRun::close_work(ClassWork& work) {
    // A folder further up may have the same class: then it is still in use.
    for (const auto& folder : open_)
        if (&folder->work == &work) return;
    const auto id = work.id;
    flush(work);
    for (auto& reader : work.readers) {
        const std::lock_guard lock(totals_mutex_);
        totals_.bytes_new += reader->lane().bytes_new();
    }
    works_.erase(id);
    session_.close_class(id);
}

/// What the lanes still hold. Nobody may be reading.
void BackupRun::flush(ClassWork& work) {
    for (auto& reader : work.readers) crew_->post({{}, {}, &reader->lane()});
    work.lane.flush();
    crew_->drain();
}

std::vector<BackupRun::Ancestor> BackupRun::below(std::vector<Ancestor>& parents, const std::string& name, const Id16& class_id) {
    std::vector<Ancestor> found;
    std::erase_if(parents, [&](Ancestor& parent) {
        try {
            const auto* entry = parent.cursor->seek(name);
            if (entry && entry->subtree && entry->subtree_class != class_id) {
                // What another class stored this one cannot lean on: it may be erased by itself.
            } else if (entry && entry->subtree) {
                found.push_back({std::make_unique<DirCursor>(nodes_, *entry->subtree), parent.started_ns, nullptr, 0, parent.is_snapshot});
            } else if (const auto depth = parent.depth + 1;
                       !entry && parent.unfinished && depth < parent.unfinished->open.size() &&
                       parent.unfinished->open[depth].name == name &&
                       parent.unfinished->open[depth].class_id.value_or(session_.keys().ring.data_class()) == class_id) {
                found.push_back({std::make_unique<DirCursor>(nodes_, parent.unfinished->open[depth].nodes), parent.started_ns,
                                 parent.unfinished, depth, false});
            }
            return false;
        } catch (const Corrupt& error) {
            met(error);
            return true;
        }
    });
    return found;
}

/// Index and parents of this run still count on the pack: it ends here, and begins anew without it.
void BackupRun::met(const Corrupt& error) const {
    if (const auto pack = pack_in(error.subject()); pack && !damaged_.contains(*pack)) throw DamageMet{*pack};
}

bool BackupRun::reuse(std::vector<Ancestor>& parents, const std::string& name, const struct stat& st, Slot& slot, std::optional<Id>& before) {
    bool reused = false;
    std::int64_t counted = 0;  // of it, in what the snapshot before had
    std::erase_if(parents, [&](Ancestor& parent) {
        if (reused && !parent.is_snapshot) return false;
        try {
            const auto* known = parent.cursor->seek(name);
            if (known && parent.is_snapshot) counted = static_cast<std::int64_t>(known->size);
            if (reused || !known || !looks_unchanged(*known, st)) return false;
            if (!unchanged(*known, st, parent.started_ns)) {
                before = content_of(*known);  // only what is in it tells whether it has changed
                return false;
            }
            if (!has_all_chunks(*known)) return false;
            slot.entry = entry_of(name, st, accounts_);
            slot.entry.xattrs = known->xattrs;
            slot.entry.acl = known->acl;
            slot.entry.default_acl = known->default_acl;
            slot.entry.holes = known->holes;
            slot.entry.chunks = known->chunks;
            slot.entry.list_root = known->list_root;
            reused = true;
            return false;
        } catch (const Corrupt& error) {
            met(error);
            return true;
        }
    });
    if (expected_ > 0 && st.st_size != counted) progress_.total(expected_ += st.st_size - counted);
    if (!reused) return false;
    slot.state = State::ready;
    progress_.advance(st.st_size);
    progress_.files(1);
    const std::lock_guard lock(totals_mutex_);
    ++totals_.files_unchanged;
    return true;
}

bool BackupRun::has_all_chunks(const Entry& entry) {
    bool all = true;
    each_chunk(
        entry, nodes_, [&](const ChunkRef& ref) { all = all && session_.index().contains(ref.id); },
        [&](const Id& id, std::uint64_t) { return all = all && session_.index().contains(id); });
    return all;
}

void BackupRun::enqueue(Folder& folder, const std::string& name, const struct stat& st, Slot& slot, const std::optional<Id>& before) {
    FileTask task{folder.fd, name, join(folder.path, name), &slot, &folder.work, before};
    const auto size = static_cast<std::uint64_t>(st.st_size);
    // What waits has to be read before the next checkpoint.
    if (size >= long_file) crew_->wait_until(1);

    if (size > small_file) {
        Batch alone;
        alone.push_back(std::move(task));
        crew_->post({std::move(alone), {}, {}});
        reap();
        checkpoint_if_due();
        return;
    }
    batch_.push_back(std::move(task));
    batch_bytes_ += size;
    if (batch_.size() >= batch_files || batch_bytes_ >= batch_limit) post();
}

void BackupRun::post() {
    if (batch_.empty()) return;
    crew_->post({std::exchange(batch_, {}), {}, {}});
    batch_bytes_ = 0;
    reap();
    checkpoint_if_due();
}

void BackupRun::read(unsigned worker, Work& work) {
    if (work.lane) work.lane->flush();
    if (work.chunk.job) work.chunk.job->run(work.chunk.work->readers[worker]->lane());
    for (auto& task : work.files) {
        exec::check_stop(stop_);
        read_one(worker, task);
    }
}

void BackupRun::read_one(unsigned worker, FileTask& task) {
    try {
        auto result = task.work->readers[worker]->read(*task.folder, task.name, [&](std::int64_t bytes) { progress_.advance(bytes); });
        const bool stable = (result.entry.flags & Entry::unstable) == 0;
        const bool is_same = stable && task.before && *task.before == content_of(result.entry);
        task.slot->entry = std::move(result.entry);
        task.slot->state.store(State::ready, std::memory_order_release);
        progress_.files(1);
        if (!stable) report(task.path, Errc::conflict, "changed while it was read, twice");
        const std::lock_guard lock(totals_mutex_);
        ++(is_same ? totals_.files_unchanged : totals_.files_new);
        totals_.bytes_read += result.bytes_read;
    } catch (const FileFailure& failure) {
        task.slot->state.store(State::omitted, std::memory_order_release);
        report(task.path, failure.code, failure.message);
    }
}

void BackupRun::encode_ready(Folder& folder) {
    while (!folder.slots.empty()) {
        auto& slot = folder.slots.front();
        const auto state = slot.state.load(std::memory_order_acquire);
        if (state == State::pending) return;
        if (state == State::ready) {
            folder.builder.add(slot.entry, folder.work.lane);
            ++(slot.entry.kind == EntryKind::folder ? folders_ : files_);
        }
        folder.slots.pop_front();
    }
}

/// Nothing is posted where files are only taken over, and one long file may keep those behind it waiting: a folder of a million names
/// must not wait for its end in memory.
void BackupRun::keep_up(Folder& folder) {
    if (folder.slots.empty() || folder.slots.size() % encoded_at_once != 0) return;
    encode_ready(folder);
    if (folder.slots.size() >= waiting_entries) settle();
}

void BackupRun::reap() {
    for (auto at = unfinished_.begin(); at != unfinished_.end();) {
        auto& folder = **at;
        encode_ready(folder);
        if (!folder.slots.empty()) {
            ++at;
            continue;
        }
        folder.self.subtree = folder.builder.finish(folder.work.lane);
        folder.self.subtree_class = folder.work.id;
        folder.self.size = folder.builder.bytes();
        folder.slot->entry = std::move(folder.self);
        folder.slot->state = State::ready;
        at = unfinished_.erase(at);
    }
    for (auto& folder : open_) encode_ready(*folder);
}

void BackupRun::settle() {
    if (!batch_.empty()) {
        crew_->post({std::exchange(batch_, {}), {}, {}});
        batch_bytes_ = 0;
    }
    crew_->drain();
    reap();
}

void BackupRun::checkpoint_if_due() {
    const auto now = std::chrono::steady_clock::now();
    const auto stored = session_.stored_bytes();
    const auto chunks = session_.claims();
    if (now - last_checkpoint_ < request_.checkpoint_after && stored - checkpointed_bytes_ < request_.checkpoint_bytes &&
        chunks - checkpointed_chunks_ < buffers_.unlisted)
        return;
    settle();
    for (auto& [id, work] : works_) flush(*work);
    checkpoints_.start(session_.close_packs(), progress_record());
    last_checkpoint_ = now;
    checkpointed_bytes_ = stored;
    checkpointed_chunks_ = chunks;
}

/// A long file may go on for many checkpoints. Packs that are complete are listed meanwhile, so that a killed run's successor reads the file
/// again and stores none of them again.
void BackupRun::list_finished() {
    const auto now = std::chrono::steady_clock::now();
    const auto stored = session_.stored_bytes();
    if (now - std::max(last_checkpoint_, last_listed_) < request_.checkpoint_after &&
        stored - std::max(checkpointed_bytes_, listed_bytes_) < request_.checkpoint_bytes)
        return;
    last_listed_ = now;
    listed_bytes_ = stored;
    if (auto packs = session_.take_finished(); !packs.empty()) checkpoints_.start(std::move(packs), {});
}

ByteVector BackupRun::progress_record() const {
    cbor::Writer out;
    out.map(8).uint(1).uint(1).uint(2).bytes(session_.id()).uint(3).bytes(session_.writer()).uint(4).bytes(options_);
    out.uint(5).integer(started_.time_since_epoch().count()).uint(6).bytes(base::view_of(last_path_));
    out.uint(7).array(open_.size());
    for (const auto& folder : open_) {
        out.array(2).bytes(base::view_of(folder->self.name));
        folder->builder.save(out);
    }
    out.uint(8).array(open_.size());
    for (const auto& folder : open_) out.bytes(folder->work.id);
    return out.take();
}

void BackupRun::report(const std::string& path, Errc code, const std::string& message) {
    const std::lock_guard lock(totals_mutex_);
    totals_.problems.push_back({path, code, message});
}

}  // namespace tenon::backup
