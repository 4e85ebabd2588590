#include <backup/rekey.hpp>

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include <base/id.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <tenon/error.hpp>

#include "collector.hpp"

namespace tenon::backup {
namespace {

constexpr std::uint64_t small_limit = 256 << 20;
constexpr std::int64_t goes_at_most = 16;
constexpr std::string_view sealed_prefixes[] = {"packs/", "index/", "snap/", "log/", "gone/", "gc/", "sess/", "checkpoint/", "past/", "book/"};
/// What is put without a beacon that could be waited for.
constexpr std::string_view unwaited_prefixes[] = {"log/", "gone/", "checkpoint/", "past/", "book/"};

/// A collection whose packs go because of their keys. Its rounds are collections like any other, to everybody else.
class Rekeying final : public Collection {
public:
    /// How far copies have followed.
    struct Copied {
        std::int64_t done = -1;    ///< What had been written anew when they were brought up to date last.
        bool is_wanted = false;    ///< They are to be, before the old keys go.
    };

    Rekeying(Repository::Impl& impl, const RekeyRequest& request, PruneTotals& of_packs, RekeyTotals& totals, Copied& copied, std::int64_t all,
             exec::ProgressSink& progress, std::stop_token stop)
        : Collection(impl, request, of_packs, progress, std::move(stop), request.bytes_per_second),
          wanted_(request),
          done_(totals),
          copied_(copied),
          all_(all) {}

    /// What lies under old keys.
    std::int64_t measure(std::span<const std::string_view> prefixes = sealed_prefixes);
    /// One batch of packs; where none is left, everything else. True: that was all. Throws LeaseLost.
    bool round();

private:
    bool is_old(const std::string& name);
    bool works_with_old_keys(const std::string& beacon, const std::set<Id16>& given_up);
    Before before_rotation();
    void drop_unfinished();
    void segments(const View& view);
    void logs(bool keeps_lease = true);
    void pieces();
    void reseal_snapshot(const std::string& prefix);
    void snapshots();
    void flags(const std::string& prefix, Kind kind);
    void graves();
    bool finish_off();
    void problem(const std::string& object, const Error& error) { done_.problems.push_back({.object = object, .message = error.what()}); }

    const RekeyRequest& wanted_;
    RekeyTotals& done_;
    Copied& copied_;
    const std::int64_t all_;
};

/// What is damaged where it would say so may be of these keys, and somebody may have it whole: that is found out, and told, by opening it.
bool Rekeying::is_old(const std::string& name) {
    if (const auto header = header_of(name)) return impl_.keys.is_old(*header);
    constexpr std::string_view read_whole[] = {"book/", "checkpoint/", "index/", "log/", "past/", "snap/"};
    return std::ranges::any_of(read_whole, [&](auto prefix) { return name.starts_with(prefix); }) && store_.head(name, stop_);
}

std::int64_t Rekeying::measure(std::span<const std::string_view> prefixes) {
    std::int64_t bytes = 0;
    const auto given_up = impl_.named_sessions(stop_);
    for (const auto prefix : prefixes)
        for (const auto& object : blob::list_all(store_, prefix, stop_)) {
            step();
            if (!is_old(object.name)) continue;
            // One who sleeps holds on to his beacon, which says nothing but when he began. It goes with him.
            if (object.name.starts_with("sess/") && store_.beacon_lives(object.name) == true && !works_with_old_keys(object.name, given_up)) continue;
            bytes += static_cast<std::int64_t>(object.size);
        }
    return bytes;
}

bool Rekeying::works_with_old_keys(const std::string& beacon, const std::set<Id16>& given_up) {
    const auto header = header_of(beacon);
    // One that cannot be read is being rewritten this moment.
    if (header && !impl_.keys.is_old(*header)) return false;
    const auto bytes = crypto::from_hex(beacon.substr(beacon.rfind('/') + 1));
    Id16 session{};
    if (bytes && bytes->size() == session.size()) std::copy(bytes->begin(), bytes->end(), session.begin());
    return !given_up.contains(session);
}

/// A session that began behind the rotation has nothing under old keys, so what it may be about to say concerns none of these packs.
Collection::Before Rekeying::before_rotation() {
    Before known;
    known.packs = impl_.list_packs(stop_);
    const auto given_up = impl_.named_sessions(stop_);
    for (const auto& object : blob::list_all(store_, "sess/", stop_)) {
        const auto& name = object.name;
        if (name.ends_with("/progress") || name == beacon_name(writer_, session_) || store_.beacon_lives(name) == false) continue;
        if (!works_with_old_keys(name, given_up)) continue;
        known.writers.insert(name.substr(5, 32));
        known.any_alive = true;
    }
    return known;
}

/// How far killed backups had come. Their packs are under old keys and nothing that counts needs them, so the next run of theirs reads
/// again what they had read.
void Rekeying::drop_unfinished() {
    std::set<std::string> alive;
    std::vector<std::string> progress;
    for (const auto& object : blob::list_all(store_, "sess/", stop_)) {
        if (object.name.ends_with("/progress")) progress.push_back(object.name);
        else if (store_.beacon_lives(object.name) != false) alive.insert(object.name.substr(5, 32));
    }
    for (const auto& name : progress)
        if (!alive.contains(name.substr(5, 32)) && is_old(name)) remove(name);
}

bool Rekeying::round() {
    take_lease();
    settle_former();
    remove_forgotten();
    remove_retired();
    drop_unfinished();
    const auto known = before_rotation();
    const auto view = look();
    const auto is_meant = [this](const std::string& name, const PackInfo* pack) { return pack ? impl_.keys.is_old(pack->header) : is_old(name); };
    const Only old{.is_meant = is_meant, .bytes = std::max(wanted_.batch, all_ / goes_at_most)};
    const auto planned = plan(view, known, &old);
    if (!planned.intent.packs.empty() || known.any_alive) {
        scale_ = all_ > 0 ? std::min(1.0, static_cast<double>(planned.bytes) / static_cast<double>(all_)) : 0;
        const auto before = removed_;
        collect(planned);
        done_.packs += removed_ - before;
        return false;
    }
    stage("seal", 0.05, 0, "");
    vouch();
    segments(look());
    logs();
    snapshots();
    flags("gc/", Kind::collector);
    flags("checkpoint/", Kind::checkpoint);
    pieces();
    graves();
    sweep_sessions();
    return finish_off();
}

// ---- the small ones ----

void Rekeying::segments(const View& view) {
    std::set<std::string> touched;
    for (const auto& object : blob::list_all(store_, "index/", stop_)) {
        step();
        if (!is_old(object.name)) continue;
        try {
            (void)open_object(impl_.keys, Kind::index, blob::get_all(store_, object.name, max_small_object, stop_), object.name);
            touched.insert(object.name);
        } catch (const NotFound&) {
        } catch (const Corrupt& error) {
            problem(object.name, error);
        }
    }
    if (touched.empty()) return;
    done_.objects += static_cast<std::int64_t>(touched.size());
    replace_segments(view, {}, {}, std::move(touched));
}

/// Records name the object before them by its hash, so they cannot be sealed anew one by one: they go into a book, and old books into new ones.
void Rekeying::logs(bool keeps_lease) {
    OldKeys old{.is_old = [this](const std::string& name) { return is_old(name); },
                .cannot = [this](const std::string& name, const Error& error) { problem(name, error); }, .keeps_lease = keeps_lease};
    keep_books(&old);
    done_.objects += old.written;
}

/// The snapshot whose objects' names begin so. An object under an old key goes once there is one under the new one.
void Rekeying::reseal_snapshot(const std::string& prefix) {
    bool found = false;
    std::vector<std::string> old;
    for (const auto& object : blob::list_all(store_, prefix, stop_)) {
        if (is_old(object.name)) old.push_back(object.name);
        else found = true;
    }
    for (const auto& name : old) {
        if (!found) {
            const auto payload = open_object(impl_.keys, Kind::snapshot, blob::get_all(store_, name, max_small_object, stop_), name);
            const auto record = decode_snapshot(payload, name);
            if (record.id != snapshot_id_of(name)) throw Corrupt("a snapshot lies under another one's name", {.subject = name});
            const auto object = seal_object(impl_.keys, Kind::snapshot, payload);
            blob::put_bytes(store_, snapshot_name(record.id, object), object, {}, stop_);
            found = true;
            ++done_.objects;
        }
        bury({name}, blob::Burial::behind_copies);
        remove(name);
    }
}

void Rekeying::snapshots() {
    for (const auto& object : blob::list_all(store_, "snap/", stop_)) {
        step();
        if (!is_old(object.name)) continue;
        try {
            if (snapshot_id_of(object.name).is_nil()) throw Corrupt("no snapshot has such a name", {.subject = object.name});
            reseal_snapshot(object.name.substr(0, object.name.rfind('-') + 1));
        } catch (const NotFound&) {
            // Forgotten and collected, or sealed anew by another.
        } catch (const Corrupt& error) {
            problem(object.name, error);
        }
    }
}

/// What former collections have left for ever: a flag is replaced in one step by itself under another key. Checkpoints as well.
void Rekeying::flags(const std::string& prefix, Kind kind) {
    for (const auto& object : blob::list_all(store_, prefix, stop_)) {
        step();
        if (object.name == lease_name() || !is_old(object.name)) continue;
        try {
            const auto there = store_.head(object.name, stop_);
            if (!there) continue;
            const auto payload = open_object(impl_.keys, kind, blob::get_all(store_, object.name, small_limit, stop_), object.name);
            const auto sealed = seal_object(impl_.keys, kind, payload);
            blob::put_bytes(store_, object.name, sealed, {.create_only = false, .if_match = there->tag}, stop_);
            ++done_.objects;
        } catch (const NotFound&) {
        } catch (const Conflict&) {
        } catch (const Corrupt& error) {
            problem(object.name, error);
        }
    }
}

/// What checkpoints say no longer: under its new name before the old one goes.
void Rekeying::pieces() {
    for (const auto& object : blob::list_all(store_, "past/", stop_)) {
        step();
        if (!is_old(object.name)) continue;
        try {
            const auto raw = blob::get_all(store_, object.name, small_limit, stop_);
            if (!is_past_piece(impl_.keys, raw, object.name)) throw Corrupt("a piece of the past cannot be read", {.subject = object.name});
            // A second one beside another's, where two do this at once, does no harm.
            const auto sealed = seal_object(impl_.keys, Kind::past, open_object(impl_.keys, Kind::past, raw, object.name));
            blob::put_bytes(store_, object.name.substr(0, object.name.size() - 64) + hex(crypto::sha256(sealed)), sealed, {}, stop_);
            ++done_.objects;
        } catch (const NotFound&) {
            continue;
        } catch (const KeyIsRetired&) {
            continue;  // a collection removes it
        } catch (const Corrupt& error) {
            problem(object.name, error);
            continue;
        }
        bury({object.name}, blob::Burial::behind_copies);
        remove(object.name);
    }
}

/// What is dead stays dead: each grave is there under the new key before the old one goes, and be it an empty one, which says that there
/// are copies somewhere.
void Rekeying::graves() {
    for (const auto& object : blob::list_all(store_, "gone/", stop_)) {
        step();
        try {
            // One that cannot be read may be of these keys: what it says must not be lost with them.
            const auto raw = blob::get_all(store_, object.name, small_limit, stop_);
            if (!impl_.keys.is_old(decode_header(raw, object.name))) continue;
            const auto sealed = seal_object(impl_.keys, Kind::collector, open_object(impl_.keys, Kind::collector, raw, object.name));
            blob::put_bytes(store_, "gone/" + hex(crypto::sha256(sealed)), sealed, {}, stop_);
            ++done_.objects;
        } catch (const NotFound&) {
            continue;
        } catch (const KeyIsRetired&) {
            // Whoever put it has done so again under newer keys.
        } catch (const Corrupt& error) {
            problem(object.name, error);
            continue;
        }
        remove(object.name);
    }
}

/// Only what was looked at behind the last session with old keys lets these go. False: something has come in between, so once more.
bool Rekeying::finish_off() {
    sweep_parity();  // a copy without its object would keep what nobody looks for any more
    keep_lease();
    done_.bytes_left = measure();
    if (done_.bytes_left > 0 || !done_.problems.empty() || !totals_.problems.empty()) return true;
    copied_.is_wanted = wanted_.before_retiring && copied_.done != done_.packs + done_.objects;
    if (copied_.is_wanted) return true;
    bool is_retired = false;
    const auto retire = [&] {
        // Whoever slept through the rotation with a record in his hands may have put it since.
        if (measure(unwaited_prefixes) > 0) return;
        impl_.retire_data_keys();
        is_retired = true;
    };
    if (wanted_.with_keys) wanted_.with_keys(retire);
    else retire();
    if (!is_retired) return false;
    done_.is_done = true;
    // And for the last time: until the keys went, others may have seen such a record, and a checkpoint may name it.
    logs(false);
    flags("checkpoint/", Kind::checkpoint);
    cbor::Writer body;
    body.map(1).uint(1).map(impl_.keys.ring.classes.size());
    for (const auto& [id, keys] : impl_.keys.ring.classes) body.bytes(id).uint(keys.current());
    record("rotate", body.data());
    return true;
}

}  // namespace

RekeyTotals rekey(Repository& repository, const RekeyRequest& request, exec::ProgressSink& progress, std::stop_token stop) {
    constexpr int most_lost = 100;
    auto& impl = repository.inside();
    RekeyTotals totals;
    if (impl.has_newer_data_keys()) throw KeysChanged("the repository's data keys were rotated: open it again");
    if (!impl.newest_keys()->ring.has_old_data_keys()) {
        totals.is_done = true;
        return totals;
    }
    PruneTotals of_packs;
    progress.stage("mark", 0.05, 0, "");
    Rekeying::Copied copied;
    const auto all = Rekeying(impl, request, of_packs, totals, copied, 0, progress, stop).measure();
    bool released = false;
    for (int lost = 0;;) {
        try {
            // What one of them could not do the next one says again, if it is so still.
            of_packs.problems.clear();
            totals.problems.clear();
            copied.is_wanted = false;
            if (!Rekeying(impl, request, of_packs, totals, copied, all, progress, stop).round()) continue;
            if (!copied.is_wanted) break;
            // Without lease and beacon: that may take long.
            request.before_retiring();
            copied.done = totals.packs + totals.objects;
        } catch (const LeaseLost&) {
            if (++lost == most_lost) throw Unavailable("other collections take the lease again and again", {.subject = lease_name()});
        } catch (const NoSpace&) {
            if (std::exchange(released, true) || !request.release_space || !request.release_space()) throw;
        }
    }
    totals.bytes_rewritten = of_packs.bytes_rewritten;
    for (auto& each : of_packs.problems) totals.problems.push_back(std::move(each));
    return totals;
}

}  // namespace tenon::backup
