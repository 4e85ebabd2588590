// Backups whose files the caller writes.
#include <backup/stream.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include <unistd.h>

#include <crypto/hash.hpp>
#include <exec/wait.hpp>

#include "browse.hpp"
#include "checkpoints.hpp"
#include "chunker.hpp"
#include "metadata.hpp"
#include "repository_impl.hpp"

namespace tenon::backup {
namespace {

constexpr std::size_t most_streams = 100'000;
constexpr std::size_t stream_buffer = 4 << 20;

/// Never that of a backup of folders: those have a list of sources in its place.
Id options_of_stream(const std::string& name) {
    cbor::Writer out;
    out.array(2).text("stream").text(name);
    return crypto::sha256(out.data());
}

/// A folder of what was written: names in the order of trees, where a file has no names below.
struct Branch {
    std::map<std::string, Branch> below{};
    const Entry* file = nullptr;
};

}  // namespace

struct StreamBackup::State {
    State(std::shared_ptr<Repository> of, StreamRequest asked, Ledger& ledger, std::stop_token token)
        : repository(std::move(of)),
          impl(repository->inside()),
          request(std::move(asked)),
          stop(std::move(token)),
          alone(impl.backup_mutex, std::try_to_lock),
          class_id(impl.keys.ring.data_class()),
          started(impl.options.clock->now()),
          meter(ledger),
          throttle(request.bytes_per_second, impl.options.clock),
          session(impl.keys, impl.super, *impl.objects, meter, throttle, impl.collections, impl.writer, impl.options.clock, impl.chain, stop,
                  impl.options.scratch),
          chunker(impl.keys.ring.of(class_id).k_cdc.bytes()) {
        if (!alone) throw Conflict("a backup of this repository is running already");
        try {
            session.begin([&] { return impl.has_newer_data_keys(); });
            for (const auto& epoch : impl.collections.read(impl.keys, *impl.objects, stop))
                if (epoch.intent_damaged)
                    throw Corrupt("nobody can read what a collection was about to drop: prune, which mends that",
                                  {.subject = gc_name(epoch.number, "intent")});
            session.use_index(impl.load_index(stop));
            lane.emplace(session, class_id);
            beats.emplace(session);
        } catch (...) {
            give_up();
            throw;
        }
    }

    ~State() {
        if (!is_finished) give_up();
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    /// What was announced and never became durable must not appear with a later flush, nor its log record be built upon.
    void give_up() noexcept {
        beats.reset();
        lane.reset();
        impl.objects->discard();
        impl.renew_writer();
    }

    void begin(const std::string& path, std::uint32_t mode) {
        const auto parts = split_path(path);
        if (parts.empty()) throw InvalidArgument("a stream has a path in the snapshot", {.subject = "path"});
        if (std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.size() > 255; }))
            throw InvalidArgument("a name takes 255 bytes at most", {.subject = "path"});
        if (files.size() >= most_streams) throw InvalidArgument("a snapshot of streams has at most 100,000 files", {.subject = "path"});
        const auto is_file = [&](const std::string& each) { return files.contains(each) || current == each; };
        const auto is_folder = [&](const std::string& each) {
            const auto next = files.lower_bound(each + '/');
            return (next != files.end() && next->first.starts_with(each + '/')) || (current && current->starts_with(each + '/'));
        };
        std::string clean;
        for (const auto& part : parts) {
            if (is_file(clean)) throw Conflict("a file was written under the name of this one's folder", {.subject = clean});
            clean = join(clean, part);
        }
        if (!is_folder_path(clean)) throw InvalidArgument("a path takes 4,095 bytes and 1,024 names at most", {.subject = "path"});
        if (is_file(clean) || is_folder(clean)) throw Conflict("this path is taken already", {.subject = path});
        complete();
        current = clean;
        entry = {};
        entry.name = parts.back();
        entry.mode = mode & 07777;
        describe(entry);
    }

    void describe(Entry& made) {
        made.uid = geteuid();
        made.gid = getegid();
        made.user = accounts.user(made.uid);
        made.group = accounts.group(made.gid);
        made.mtime = made.ctime = impl.options.clock->now().time_since_epoch().count() * 1000;
    }

    void take(ByteView bytes) {
        if (!current) throw InvalidArgument("no file is open", {.subject = "bytes"});
        while (!bytes.empty()) {
            exec::check_stop(stop);
            if (buffer.capacity() < stream_buffer) buffer.reserve(stream_buffer);
            const auto part = std::min(bytes.size(), stream_buffer - buffer.size());
            buffer.insert(buffer.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(part));
            bytes = bytes.subspan(part);
            entry.size += part;
            total += static_cast<std::int64_t>(part);
            if (buffer.size() == stream_buffer) cut(false);
        }
    }

    /// `last`: to the end. Else as far as chunks do not depend on what comes.
    void cut(bool last) {
        std::size_t begin = 0;
        while (begin < buffer.size() && (last || buffer.size() - begin >= Chunker::max_size)) {
            exec::check_stop(stop);
            const ChunkRun run(chunker, ByteView(buffer).subspan(begin), last);
            std::array<ChunkRef, ChunkRun::most> refs;
            lane->chunks(run, refs);
            for (std::size_t i = 0; i < run.size(); ++i) list.add(refs[i], *lane);
            begin += run.bytes();
        }
        buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(begin));
        checkpoint_if_due();
    }

    void checkpoint_if_due() {
        const auto stored = session.stored_bytes();
        if (stored - checkpointed < request.checkpoint_bytes) return;
        lane->flush();
        beats->start(session.close_packs(), {});
        checkpointed = stored;
    }

    void complete() {
        if (!current) return;
        cut(true);
        list.finish(entry, *lane);
        list = {};
        describe(entry);  // as old as its last byte
        files.emplace(*std::exchange(current, std::nullopt), std::move(entry));
    }

    Id plant(const Branch& branch, std::uint64_t& bytes) {
        TreeBuilder builder(impl.keys.ring.of(class_id).k_cdc.bytes());
        for (const auto& [name, child] : branch.below) {
            if (child.file) {
                builder.add(*child.file, *lane);
                continue;
            }
            Entry folder;
            folder.name = name;
            folder.kind = EntryKind::folder;
            folder.mode = 0700;
            describe(folder);
            folder.subtree = plant(child, folder.size);
            folder.subtree_class = class_id;
            builder.add(folder, *lane);
            ++folders;
        }
        const auto root = builder.finish(*lane);
        bytes = builder.bytes();
        return root;
    }

    BackupTotals commit() {
        complete();
        Branch root;
        for (const auto& [path, file] : files) {
            auto* at = &root;
            for (const auto& part : split_path(path)) at = &at->below[part];
            at->file = &file;
        }
        SnapshotRecord snapshot;
        std::uint64_t bytes = 0;
        snapshot.root = plant(root, bytes);
        lane->flush();
        const auto bytes_new = lane->bytes_new();
        auto packs = session.close_packs();
        beats->finish();
        session.commit_packs(std::move(packs), {});
        snapshot.files = static_cast<std::int64_t>(files.size());
        snapshot.folders = folders;
        snapshot.bytes = static_cast<std::int64_t>(bytes);
        snapshot.claimed = started;
        snapshot.host = request.host;
        snapshot.tags = request.tags;
        snapshot.name = request.name;
        snapshot.options = options_of_stream(request.name);
        snapshot.cost = {.files_new = snapshot.files, .files_unchanged = 0, .bytes_read = total, .bytes_new = bytes_new,
                         .bytes_stored = meter.total_landed()};
        const auto is_firm = [&](const SnapshotRecord& taken) { return !impl.has_newer_data_keys() && impl.is_firm(taken.root, {}); };
        const auto committed = [&] {
            try {
                return session.commit_snapshot(snapshot, is_firm);
            } catch (const GivenUp&) {
                throw Unavailable("collections went on without waiting for this stream, and have taken what it relied on", {.subject = "gc/"});
            }
        }();
        // Nothing below may throw: the snapshot is there.
        is_finished = true;
        beats.reset();
        session.end();
        BackupTotals totals;
        if (!committed.logged) give_up();
        if (committed.unknown) totals.problems.push_back({"gc/", Errc::unavailable, "the store failed behind the snapshot: check it"});
        totals.snapshot = snapshot.info();
        totals.files_new = snapshot.files;
        totals.bytes_read = total;
        totals.bytes_new = bytes_new;
        totals.bytes_stored = meter.total_landed();
        return totals;
    }

    const std::shared_ptr<Repository> repository;
    Repository::Impl& impl;
    const StreamRequest request;
    const std::stop_token stop;
    const std::unique_lock<std::mutex> alone;
    const Id16 class_id;
    const Time started;
    AccountNames accounts;
    Meter meter;
    Throttle throttle;
    WriteSession session;
    const Chunker chunker;
    std::optional<Lane> lane;
    std::optional<Checkpoints> beats;
    std::map<std::string, Entry> files;  ///< Complete ones, by path.
    std::optional<std::string> current;
    Entry entry;
    ListBuilder list;
    ByteVector buffer;
    std::int64_t total = 0, folders = 0, checkpointed = 0;
    bool is_finished = false;
};

StreamBackup::StreamBackup(std::shared_ptr<Repository> repository, StreamRequest request, Ledger& ledger, std::stop_token stop)
    : state_(std::make_unique<State>(std::move(repository), std::move(request), ledger, std::move(stop))) {}
StreamBackup::~StreamBackup() = default;

void StreamBackup::open(const std::string& path, std::uint32_t mode) { state_->begin(path, mode); }
void StreamBackup::write(base::ByteView bytes) { state_->take(bytes); }
BackupTotals StreamBackup::finish() { return state_->commit(); }
std::int64_t StreamBackup::written() const { return state_->total; }

}  // namespace tenon::backup
