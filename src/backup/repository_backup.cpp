#include <algorithm>
#include <set>

#include <base/text.hpp>
#include <exec/thread.hpp>
#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "backup_run.hpp"
#include "expected.hpp"
#include "repository_impl.hpp"

namespace tenon::backup {
namespace {

constexpr std::size_t most_unfinished = 4;
constexpr std::uint64_t progress_limit = std::uint64_t{256} << 20;

void check_request(const BackupRequest& request) {
    if (request.sources.empty()) throw InvalidArgument("there is nothing to back up", {.subject = "sources"});
    std::set<std::string> names;
    for (const auto& source : request.sources) {
        const bool alone = source.name.empty() && request.sources.size() == 1;
        if (!alone && (source.name.empty() || source.name == "." || source.name == ".." || source.name.find('/') != std::string::npos ||
                       !base::is_utf8(source.name)))
            throw InvalidArgument("a source's name is a single component", {.subject = "sources"});
        if (!names.insert(source.name).second) throw InvalidArgument("two sources have one name", {.subject = "sources"});
    }
    if (!base::is_utf8(request.name) || !base::is_utf8(request.host) || !base::is_utf8(request.run))
        throw InvalidArgument("not UTF-8", {.subject = "name"});
    (void)Globs(request.exclude);
    (void)Includes(request.include);
    if (request.bytes_per_second < 0) throw InvalidArgument("a limit is not negative", {.subject = "bytes_per_second"});
    for (const auto& tag : request.tags)
        if (!base::is_utf8(tag.key) || !base::is_utf8(tag.value)) throw InvalidArgument("not UTF-8", {.subject = "tags"});
}

/// Of everything that shapes the tree: runs with the same hash continue each other.
Id options_hash(const BackupRequest& request) {
    auto sources = request.sources;
    std::erase_if(sources, [](const auto& source) { return static_cast<bool>(source.prepare); });
    std::sort(sources.begin(), sources.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    cbor::Writer out;
    out.array(request.include.empty() ? 3 : 4).array(sources.size());
    for (const auto& source : sources) out.array(2).text(source.name).bytes(base::view_of(source.path.string()));
    out.array(request.exclude.size());
    for (const auto& pattern : request.exclude) out.bytes(base::view_of(pattern));
    out.uint(1);
    if (!request.include.empty()) {
        out.array(request.include.size());
        for (const auto& path : request.include) out.bytes(base::view_of(path));
    }
    return crypto::sha256(out.data());
}

/// Sessions whose writers are gone, as far as the store can tell.
struct EndedSessions {
    std::vector<ProgressRecord> records;  ///< Of the same options, newest first.
    std::vector<std::string> objects;     ///< Theirs and the beacons of the others: to be removed after success.
};

EndedSessions find_ended(const Keys& keys, blob::Store& store, const Id& options, const std::stop_token& stop) {
    EndedSessions ended;
    std::set<std::string> alive;
    std::vector<std::string> progress;
    for (const auto& object : blob::list_all(store, "sess/", stop)) {
        const auto writer = object.name.substr(0, object.name.rfind('/'));
        if (object.name.ends_with("/progress")) progress.push_back(object.name);
        else if (store.beacon_lives(object.name) != false) alive.insert(writer);
        else ended.objects.push_back(object.name);
    }
    for (const auto& name : progress) {
        if (alive.contains(name.substr(0, name.rfind('/')))) continue;
        try {
            auto record = decode_progress(open_object(keys, Kind::progress, blob::get_all(store, name, progress_limit, stop), name), name);
            if (record.options != options || record.open.empty()) continue;
            ended.records.push_back(std::move(record));
            ended.objects.push_back(name);
        } catch (const NotFound&) {
        } catch (const Corrupt&) {
            ended.objects.push_back(name);  // it helps nobody any more
        }
    }
    std::sort(ended.records.begin(), ended.records.end(), [](const auto& a, const auto& b) { return a.started > b.started; });
    if (ended.records.size() > most_unfinished) ended.records.resize(most_unfinished);
    return ended;
}

/// Throws DamageMet.
BackupTotals back_up_once(Repository::Impl& impl, const BackupRequest& request, Ledger& ledger, exec::ProgressSink& progress,
                          const std::stop_token& stop) {
    auto& store = *impl.objects;
    const auto started = impl.options.clock->now();
    const auto options = options_hash(request);

    Meter meter(ledger);
    Throttle own_pace(request.bytes_per_second, impl.options.clock);
    const auto buffers = impl.buffers();
    WriteSession session(impl.keys, impl.super, store, meter, impl.uploads_or(own_pace), impl.collections, impl.writer, impl.options.clock,
                         impl.chain, stop, impl.options.scratch, true, buffers.sealed);
    try {
        session.begin([&] { return impl.has_newer_data_keys(); });
        // Behind the beacon: either this sees what a collection is about to drop, or that collection waits for this session.
        for (const auto& epoch : impl.collections.read(impl.keys, store, stop))
            if (epoch.intent_damaged)
                throw Corrupt("nobody can read what a collection was about to drop: prune, which mends that",
                              {.subject = gc_name(epoch.number, "intent")});
        const auto index = impl.load_index(stop);
        const auto damaged = impl.annotations.damaged_packs(impl.keys, store, stop).packs;
        session.use_index(index);
        ChunkReader nodes(impl.keys, store, *index, stop);
        nodes.keep_at_most(buffers.nodes);
        const auto ended = find_ended(impl.keys, store, options, stop);

        SnapshotRecord snapshot;
        std::vector<Parent> parents;
        for (const auto& record : ended.records) parents.push_back({.unfinished = &record, .started = record.started});
        std::int64_t expected = 0;
        for (const auto& before : impl.snapshots(stop)) {
            if (before.options != options) continue;
            parents.push_back({.root = before.root, .started = before.claimed});
            snapshot.parents = {before.id};
            expected = before.bytes;
            break;
        }
        progress.stage("backup", 1.0, expected, "bytes");

        BackupTotals totals;
        {
            // Nobody knows yet how much there is: so that a first backup says how long it takes, it is counted beside the work. Of one that
            // is over by then nobody asks it.
            std::jthread counting;
            if (expected == 0)
                counting = exec::start_thread("count", [&](const std::stop_token& enough) {
                    if (exec::sleep_for(base::system_clock(), enough, std::chrono::seconds(1))) return;
                    const auto total = expected_bytes(request, enough);
                    if (!enough.stop_requested()) progress.total(total);
                });
            BackupRun run(session, request, nodes, std::move(parents), damaged, options, buffers, started, expected, progress, stop);
            run.run(snapshot, totals);
        }
        snapshot.claimed = started;
        snapshot.host = request.host;
        snapshot.tags = request.tags;
        snapshot.name = request.name;
        snapshot.options = options;
        snapshot.run = request.run;
        snapshot.cost = {.files_new = totals.files_new, .files_unchanged = totals.files_unchanged, .bytes_read = totals.bytes_read,
                         .bytes_new = totals.bytes_new, .bytes_stored = meter.total_landed()};
        // Given up, and its keys are not the newest: they may be retired before anybody sees what it has put.
        const auto is_firm = [&](const SnapshotRecord& taken) { return !impl.has_newer_data_keys() && impl.is_firm(taken.root, {}); };
        const auto committed = session.commit_snapshot(snapshot, is_firm);
        // Nothing below may throw: the snapshot is there.
        session.end();
        if (!committed.logged) {
            store.discard();
            impl.renew_writer();
        }
        if (committed.unknown)
            totals.problems.push_back({"gc/", Errc::unavailable, "the store failed behind the snapshot: check it"});
        for (const auto& name : ended.objects) {
            try {
                store.remove(name, {}, {});
            } catch (const std::exception&) {
                // Left for the next run.
            }
        }
        totals.snapshot = snapshot.info();
        totals.bytes_stored = meter.total_landed();
        totals.resumed = !ended.records.empty();
        return totals;
    } catch (...) {
        // What was announced but never became durable must not appear with a later flush, nor its log record be built upon.
        store.discard();
        impl.renew_writer();
        throw;
    }
}

/// Folders that lie behind the damage are not read any more, and what the run writes of them anew would be taken for what is there
/// already. So every pack of folders is hashed: they are small beside what they speak of.
std::set<Id> damaged_trees(Repository::Impl& impl, const std::stop_token& stop) {
    std::set<Id> damaged;
    const auto index = impl.load_index(stop);
    for (const auto& pack : index->packs()) {
        if (pack.header.kind != Kind::tree) continue;
        try {
            if (crypto::sha256(blob::get_all(*impl.objects, pack_name(pack.sha), pack.size, stop)) != pack.sha) damaged.insert(pack.sha);
        } catch (const NotFound&) {
            // The index does not count on a pack that is not there.
        } catch (const Corrupt&) {
            damaged.insert(pack.sha);
        }
    }
    return damaged;
}

}  // namespace

BackupTotals Repository::backup(const BackupRequest& request, Ledger& ledger, exec::ProgressSink& progress, std::stop_token stop) {
    constexpr int most_begun_anew = 100;  // each time another pack is found damaged, or a collection did not wait
    check_request(request);
    for (const auto& rule : request.classes) {
        if (impl_->keys.ring.class_of(rule.subject)) continue;
        if (!is_current()) throw KeysChanged("the repository's keys were changed: open it again");
        throw NotFound("there are no keys for this subject: they are added first", {.subject = rule.subject});
    }
    exec::check_stop(stop);
    // One through a store at a time: what it puts off until a flush is its own.
    const std::unique_lock one((impl_->original ? impl_->original : impl_)->backup_mutex, std::try_to_lock);
    if (!one) throw Conflict("a backup of this repository is running already");
    for (int begun_anew = 0;; ++begun_anew) {
        try {
            return back_up_once(*impl_, request, ledger, progress, stop);
        } catch (const GivenUp&) {
            if (begun_anew == most_begun_anew) throw Unavailable("collections went on without waiting for this backup", {.subject = "gc/"});
        } catch (const DamageMet& met) {
            if (begun_anew == most_begun_anew)
                throw Corrupt("too many packs of this repository are damaged: check it", {.subject = pack_name(met.pack)});
            auto damaged = damaged_trees(*impl_, stop);
            damaged.insert(met.pack);
            note_packs(*impl_, damaged, {}, stop);
        }
    }
}

}  // namespace tenon::backup
