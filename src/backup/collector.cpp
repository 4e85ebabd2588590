#include "collector.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <iterator>
#include <thread>
#include <tuple>
#include <unordered_set>

#include <base/id.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <exec/thread.hpp>
#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "parity.hpp"
#include "session.hpp"

namespace tenon::backup {
namespace {

constexpr std::uint64_t gc_object_limit = 256 << 20;
constexpr std::uint64_t beacon_limit = 64 << 10;
constexpr Duration beacon_every = std::chrono::seconds(60);
/// What a killed run had stored serves whoever goes on with it; nobody comes back after so long.
constexpr Duration unfinished_kept = std::chrono::hours(24 * 30);
constexpr std::size_t segment_entries = 131'072;  // whoever reads one has three times its 46 bytes an entry in memory
constexpr int most_looks = 100;

/// By the clock of the machine: that it looks again decides nothing.
void pause(const std::stop_token& stop, Duration time) {
    std::mutex mutex;
    std::condition_variable_any nobody;
    std::unique_lock lock(mutex);
    (void)nobody.wait_for(lock, stop, time, [] { return false; });
    exec::check_stop(stop);
}

std::string writer_of_segment(const std::string& name) { return name.substr(6, 32); }  // "index/<writer>-…"
Id hash_of_segment(const std::string& name) {
    Id hash{};
    if (const auto bytes = name.size() < 64 ? std::nullopt : crypto::from_hex(name.substr(name.size() - 64)); bytes && bytes->size() == hash.size())
        std::copy(bytes->begin(), bytes->end(), hash.begin());
    return hash;
}
std::string writer_of_session(const std::string& name) { return name.substr(5, 32); }  // "sess/<writer>/…"
bool is_progress(const std::string& name) { return name.ends_with("/progress"); }

std::optional<Id16> session_of(const std::string& beacon) {
    const auto bytes = crypto::from_hex(beacon.substr(beacon.rfind('/') + 1));
    if (!bytes || bytes->size() != sizeof(Id16)) return std::nullopt;
    Id16 id{};
    std::copy(bytes->begin(), bytes->end(), id.begin());
    return id;
}

}  // namespace

SessionWatch::State SessionWatch::look(const std::string& beacon) {
    const auto lives = store_.beacon_lives(beacon);
    if (lives == false || (!lives && !store_.head(beacon, stop_))) return State::ended;
    // Each time it is rewritten it is sealed anew: the same bytes are the same counter.
    ByteVector bytes;
    try {
        bytes = blob::get_all(store_, beacon, beacon_limit, stop_);
    } catch (const NotFound&) {
        return State::ended;
    }
    const auto now = store_.server_time(stop_);
    const auto own = clock_->monotonic();
    auto& sight = seen_[beacon];
    if (sight.looks == 0 || bytes != sight.bytes || now < sight.last) {
        sight = {.bytes = std::move(bytes), .first = now, .last = now, .first_own = own, .last_own = own, .looks = 1};
        return State::alive;
    }
    sight.last = now;
    if (own - sight.last_own >= limits_.given_up_after / std::max(limits_.given_up_looks, 1)) {
        sight.last_own = own;
        ++sight.looks;
    }
    const bool long_ago = now - sight.first >= limits_.given_up_after && own - sight.first_own >= limits_.given_up_after;
    return long_ago && sight.looks >= limits_.given_up_looks ? State::given_up : State::alive;
}

Collection::Collection(Repository::Impl& impl, const PruneRequest& request, PruneTotals& totals, exec::ProgressSink& progress,
                       std::stop_token stop, std::int64_t bytes_per_second)
    : impl_(impl),
      store_(*impl.objects),
      request_(request),
      progress_(progress),
      stop_(std::move(stop)),
      watch_(store_, impl.options.clock, request, stop_),
      meter_(free_ledger()),
      own_pace_(bytes_per_second, impl.options.clock),
      throttle_(impl.uploads_or(own_pace_)),
      totals_(totals) {
    crypto::fill_random(writer_);
    session_ = base::bytes_of(base::new_id<SnapshotId>(impl.options.clock->now()));
}

Collection::~Collection() { end(); }

void Collection::end() noexcept {
    if (!beacon_) return;
    try {
        store_.remove(beacon_name(writer_, session_), {}, {});
    } catch (const std::exception&) {
        // It goes dark now, and the next collection sweeps it.
    }
    beacon_.reset();
}

void Collection::begin() {
    started_ = store_.server_time(stop_);
    last_beat_ = impl_.options.clock->monotonic();
    beacon_ = store_.beacon(beacon_name(writer_, session_), beacon_bytes(impl_.keys, started_, ++beats_));
    // Behind the beacon, as a backup: either it shows here, or who rotated them waits for this one.
    if (impl_.has_newer_data_keys()) throw KeysChanged("the repository's data keys were rotated: open it again");
}

/// Between any two pieces of work.
void Collection::step() {
    exec::check_stop(stop_);
    const auto now = impl_.options.clock->monotonic();
    if (!beacon_ || now - last_beat_ < beacon_every) return;
    last_beat_ = now;
    try {
        beacon_->rewrite(beacon_bytes(impl_.keys, started_, ++beats_));
    } catch (const Error&) {
        // Whoever gives this collection up takes its work over.
    }
}

void Collection::put(const std::string& name, ByteView payload) {
    const auto object = seal_object(impl_.keys, Kind::collector, payload);
    blob::put_bytes(store_, name, object, {}, stop_);
    totals_.bytes_freed -= blob::weight(store_, name, object.size());
}

void Collection::record(std::string_view type, ByteView body) { totals_.bytes_freed -= append_record(impl_, type, body, stop_); }

/// What is about to be removed for good, and from every store that has it.
void Collection::bury(const std::vector<std::string>& names, blob::Burial why) { totals_.bytes_freed -= store_.bury(names, why, stop_); }

bool Collection::remove(const std::string& name) {
    const auto info = store_.head(name, stop_);
    const auto beside = info ? store_.kept_beside(name, stop_) : 0;
    if (!info || !store_.remove(name, {}, stop_)) return false;
    totals_.bytes_freed += static_cast<std::int64_t>(info->size) + beside;
    return true;
}

std::optional<Lease> Collection::read_lease() {
    try {
        return decode_lease(open_object(impl_.keys, Kind::collector, blob::get_all(store_, lease_name(), gc_object_limit, stop_), lease_name()),
                            lease_name());
    } catch (const NotFound&) {
    } catch (const Corrupt&) {
        // It says who collects. Nobody whom one could ask; what that one does is safe without it.
    }
    return std::nullopt;
}

void Collection::take_lease() {
    stage("wait", 0.05, 0, "");
    for (;;) {
        step();
        const auto there = store_.head(lease_name(), stop_);
        const auto lease = there ? read_lease() : std::nullopt;
        if (lease && watch_.look(beacon_name(lease->writer, lease->session)) == SessionWatch::State::alive) {
            // Without a beacon: that one waits for everybody who has one.
            end();
            pause(stop_, request_.look_again);
            continue;
        }
        if (!beacon_) begin();
        epoch_ = lease ? lease->epoch : 0;
        for (const auto& epoch : impl_.collections.read(impl_.keys, store_, stop_)) epoch_ = std::max(epoch_, epoch.number);
        ++epoch_;
        const auto object = seal_object(impl_.keys, Kind::collector, encode(Lease{epoch_, writer_, session_}));
        try {
            blob::put_bytes(store_, lease_name(), object, {.create_only = !there, .if_match = there ? there->tag : ""}, stop_);
        } catch (const Conflict&) {
            continue;
        }
        totals_.bytes_freed += static_cast<std::int64_t>(there ? there->size : 0) - static_cast<std::int64_t>(object.size());
        return;
    }
}

void Collection::keep_lease() {
    step();
    const auto lease = read_lease();
    if (!lease || lease->session != session_) throw LeaseLost{};
}

void Collection::run() {
    take_lease();
    settle_former();
    remove_forgotten();
    stage("mark", 0.2, 0, "");
    const auto known = before();
    {
        const auto view = look();
        const auto planned = plan(view, known);
        totals_.bytes_unused = planned.unused_left;
        if (!planned.intent.packs.empty()) collect(planned);
    }
    drop_lost(known);
    vouch();
    sweep_sessions();
    remove_retired();
    try {
        keep_books();
    } catch (const NoSpace&) {
        // It gives little back, and can wait for the next prune.
    }
    sweep_parity();
}

void Collection::rehearse() {
    stage("mark", 1, 0, "");
    const auto said = impl_.annotations.read(impl_.keys, store_, stop_);
    const auto known = before();
    View view;
    view.snapshots = impl_.snapshots(stop_);
    for (const auto& snapshot : view.snapshots) finish(snapshot);
    const auto forgotten = std::erase_if(view.snapshots, [&](const auto& snapshot) {
        const auto note = said.find(snapshot.id);
        return note != said.end() && note->second.forgotten;
    });
    set_doubted_apart(view);
    if (const auto failure = mark(view)) throw Corrupt(*failure);
    const auto planned = plan(view, known);
    totals_.snapshots_removed = static_cast<std::int64_t>(forgotten);
    totals_.packs_removed = planned.dead;
    totals_.packs_rewritten = planned.rewritten;
    totals_.bytes_freed = planned.freed;
    totals_.bytes_unused = planned.unused_left;
}

// ---- what others left ----

void Collection::settle_former() {
    for (auto& epoch : impl_.collections.read(impl_.keys, store_, stop_)) {
        if (epoch.number == epoch_) continue;
        step();
        if (epoch.has_intent() && !epoch.has_sweep()) {
            try {
                // Its holder may be asleep and wake up: it must not find that nobody has decided yet.
                put(gc_name(epoch.number, "sweep"), encode(Sweep{.is_void = true}));
                epoch.sweep = Sweep{.is_void = true};
            } catch (const Conflict&) {
                // It was not asleep. What it began is gone through like any other.
                for (auto& again : impl_.collections.read(impl_.keys, store_, stop_))
                    if (again.number == epoch.number) epoch = std::move(again);
                if (!epoch.has_sweep()) continue;  // it has come to its end
            }
        }
        if (epoch.intent && !epoch.is_void()) sweep(epoch, 0);
        else close_epoch(epoch);
    }
}

/// Flags go where nobody can have a use for them: void ones stay, for their holder may still wake up; those that name sessions
/// stay, for those have to find them.
void Collection::close_epoch(const Epoch& epoch) {
    if (epoch.has_intent()) remove(gc_name(epoch.number, "intent"));
    if (epoch.has_wait) remove(gc_name(epoch.number, "wait"));
    if (epoch.sweep && !epoch.sweep->is_void && epoch.sweep->expired.empty()) remove(gc_name(epoch.number, "sweep"));
}

void Collection::remove_forgotten() {
    const auto said = impl_.annotations.read(impl_.keys, store_, stop_);
    std::vector<std::string> forgotten;
    for (const auto& object : blob::list_all(store_, "snap/", stop_))
        if (const auto note = said.find(snapshot_id_of(object.name)); note != said.end() && note->second.forgotten) forgotten.push_back(object.name);
    for (const auto& name : forgotten) {
        step();
        try {
            finish(impl_.read_snapshot(name, stop_));
        } catch (const Corrupt&) {
        } catch (const NotFound&) {
        }
    }
    bury(forgotten, blob::Burial::at_once);
    for (const auto& name : forgotten) {
        step();
        if (remove(name)) ++totals_.snapshots_removed;
    }
}

void Collection::finish(const SnapshotRecord& snapshot) { finished_.insert(snapshot.segments.begin(), snapshot.segments.end()); }

/// Removes beacons whose sessions ended, and what killed runs left for others to go on with, once nobody will.
void Collection::sweep_sessions() {
    std::set<std::string> alive;
    std::vector<std::string> progress;
    for (const auto& object : blob::list_all(store_, "sess/", stop_)) {
        step();
        if (is_progress(object.name)) progress.push_back(object.name);
        else if (store_.beacon_lives(object.name) != false) alive.insert(writer_of_session(object.name));
        else remove(object.name);
    }
    const auto now = store_.server_time(stop_);
    for (const auto& name : progress) {
        if (alive.contains(writer_of_session(name))) continue;
        try {
            const auto raw = blob::get_all(store_, name, gc_object_limit, stop_);
            const auto record = decode_progress(open_object(impl_.keys, Kind::progress, raw, name), name);
            if (now - record.started > unfinished_kept) remove(name);
        } catch (const NotFound&) {
        } catch (const Corrupt&) {
            // The next backup removes it.
        }
    }
}

std::optional<ContainerHeader> Collection::header_of(const std::string& name) {
    blob::VectorSink head;
    try {
        store_.get(name, {.offset = 0, .length = container_header_size}, head, stop_);
        return decode_header(head.bytes, name);
    } catch (const NotFound&) {
    } catch (const Corrupt&) {
    } catch (const Unsupported&) {
    }
    return std::nullopt;
}

/// What processes left that went on with keys of before a rotation, when these had been retired: nobody can read it.
void Collection::remove_retired() {
    const auto& classes = impl_.keys.ring.classes;
    if (std::none_of(classes.begin(), classes.end(), [](const auto& each) { return each.second.dek.begin()->first > 1; })) return;
    for (const auto* prefix : {"index/", "snap/", "log/", "gone/", "gc/", "checkpoint/", "past/", "book/"})
        for (const auto& object : blob::list_all(store_, prefix, stop_)) {
            step();
            const auto header = header_of(object.name);
            if (!header || !impl_.keys.is_retired(*header)) continue;
            try {
                // As it was listed: its writer, who slept, may put it anew under keys of now.
                if (store_.remove(object.name, {.if_match = object.tag}, stop_)) totals_.bytes_freed += static_cast<std::int64_t>(object.size);
            } catch (const Conflict&) {
            }
        }
}

/// What a killed put or removal left of what was kept beside an object that is not there. One who writes puts parity first, so while
/// anybody does it stays: the next collection looks again.
void Collection::sweep_parity() {
    const auto parity = blob::list_all(store_, "par/", stop_);
    if (parity.empty() || before().any_alive) return;
    for (const auto& object : parity) {
        step();
        const auto name = protected_by(object.name);
        if (!is_protected(name) || !store_.head(name, stop_)) remove(object.name);
    }
}

// ---- mark ----

Collection::Before Collection::before() {
    Before known;
    known.packs = impl_.list_packs(stop_);
    for (const auto& object : blob::list_all(store_, "sess/", stop_)) {
        const auto writer = writer_of_session(object.name);
        if (is_progress(object.name)) {
            known.writers.insert(writer);
        } else if (writer != hex(writer_) && store_.beacon_lives(object.name) != false) {
            known.writers.insert(writer);
            known.any_alive = true;
        }
    }
    return known;
}

namespace {

/// Nobody but people can say whether it is worth more than the space.
Corrupt unknown_need(const SnapshotId& snapshot, const Corrupt& error) {
    const auto what = "what the snapshot " + snapshot.text() + " needs cannot be read, so nothing is removed: repair the repository, or forget this "
                      "snapshot by its id: ";
    return Corrupt(what + error.what(), {.subject = error.subject()});
}

}  // namespace

Collection::View Collection::look() {
    for (int looked = 1;; ++looked) {
        View view;
        // Snapshots before packs: what they need is there by then.
        const auto listed = blob::list_all(store_, "snap/", stop_);
        for (const auto& object : listed) {
            step();
            try {
                view.snapshots.push_back(impl_.read_snapshot(object.name, stop_));
                finish(view.snapshots.back());
            } catch (const NotFound&) {
                // Withdrawn, or forgotten and collected by another.
            } catch (const KeyIsRetired&) {
                // Nobody has ever seen it, nor will.
            } catch (const Corrupt& error) {
                throw unknown_need(snapshot_id_of(object.name), error);
            }
        }
        set_doubted_apart(view);
        const auto failure = mark(view);
        if (!failure) return view;
        // One that has gone since may be what was not whole any more.
        const bool all_there = std::all_of(listed.begin(), listed.end(), [&](const auto& object) { return store_.head(object.name, stop_); });
        if (all_there || looked == most_looks) throw Corrupt(*failure);
    }
}

void Collection::set_doubted_apart(View& view) {
    const auto named = impl_.named_sessions(stop_);
    if (named.empty()) return;
    const auto said = impl_.annotations.read(impl_.keys, store_, stop_);
    const auto apart = std::stable_partition(view.snapshots.begin(), view.snapshots.end(), [&](const auto& snapshot) {
        const auto note = said.find(snapshot.id);
        return !named.contains(snapshot.session) || (note != said.end() && note->second.committed);
    });
    view.doubted.assign(std::make_move_iterator(apart), std::make_move_iterator(view.snapshots.end()));
    view.snapshots.erase(apart, view.snapshots.end());
}

/// What keeps it from being done.
std::optional<Corrupt> Collection::mark(View& view) {
    std::optional<Corrupt> failure;
    for (int with_footers = 0; with_footers < 2; ++with_footers) {
        failure.reset();
        view.index = with_footers ? impl_.index_with_footers(stop_) : impl_.load_index(stop_);
        ChunkReader nodes(impl_.keys, store_, *view.index, stop_);
        nodes.keep_at_most(impl_.buffers().nodes);
        SnapshotId marked;
        view.marks.emplace(*view.index, impl_.keys.ring);
        try {
            for (const auto& snapshot : view.snapshots) {
                step();
                marked = snapshot.id;
                view.marks->add(snapshot.root, nodes, stop_);
            }
        } catch (const Corrupt& error) {
            failure = unknown_need(marked, error);
        }
        view.is_whole = !failure && view.marks->is_whole();
        // Whatever there is of these stays until somebody has decided on them.
        for (const auto& snapshot : view.doubted) {
            try {
                view.marks->add(snapshot.root, nodes, stop_);
            } catch (const Corrupt&) {
            }
        }
        // A lost segment's packs tell themselves what they hold.
        if (view.is_whole) return failure;
    }
    return failure;
}

Collection::Plan Collection::plan(const View& view, const Before& before, const Only* only) {
    struct Use {
        std::uint64_t size = 0;
        double unused = 0;
        bool any = false;
        bool left_alone = false;
        const PackInfo* info = nullptr;
        std::vector<std::uint32_t> needed{};  ///< Bytes of each frame.
    };
    const auto& index = *view.index;
    const auto& packs = index.packs();
    // A pack that two segments list stands there twice; what is needed of it counts once, wherever that is found.
    std::map<Id, Use> uses;
    for (std::uint32_t i = 0; i < packs.size(); ++i) {
        auto& use = uses[packs[i].sha];
        use.info = &packs[i];
        use.needed.resize(std::max(use.needed.size(), packs[i].frames.size()));
        index.each_of(i, [&](std::uint32_t ordinal, const Index::Entry& entry) {
            if (!view.marks->has(ordinal)) return;
            auto& bytes = use.needed[entry.place.frame];
            bytes += std::min(entry.place.length, ~bytes);  // what made-up lengths add up to, too
        });
        if (packs[i].segment == PackInfo::no_segment) continue;
        const auto& segment = index.segments()[packs[i].segment];
        // A process that has written others before goes on under the same name.
        if (before.writers.contains(writer_of_segment(segment)) && !finished_.contains(hash_of_segment(segment))) use.left_alone = true;
    }
    const auto damaged = impl_.annotations.damaged_packs(impl_.keys, store_, stop_).packs;
    const auto going = leaving(impl_.collections.read(impl_.keys, store_, stop_));

    struct Wasteful {
        Id sha{};
        std::int64_t unused = 0, size = 0;
    };
    Plan plan;
    std::vector<Wasteful> wasteful;
    std::int64_t stored_left = 0;
    const auto rewrite = [&](const Wasteful& pack) {
        plan.intent.packs.insert(pack.sha);
        ++plan.rewritten;
        plan.freed += pack.unused;
        plan.bytes += pack.size;
        plan.unused_left -= pack.unused;
        stored_left -= pack.unused;
    };
    for (const auto& [name, size] : before.packs) {
        const auto sha = pack_in(name);
        if (!sha || going.contains(*sha)) continue;
        const auto found = uses.find(*sha);
        if (found == uses.end()) {
            // Nobody's, unless somebody is about to say so. Where something is missing it may be what is missing.
            if (before.any_alive || !view.is_whole || (only && !only->is_meant(name, nullptr))) continue;
            plan.intent.packs.insert(*sha);
            ++plan.dead;
            plan.freed += static_cast<std::int64_t>(size);
            continue;
        }
        auto& use = found->second;
        if (use.left_alone || (only && !only->is_meant(name, use.info))) continue;
        const auto& frames = use.info->frames;
        const auto& of = use.needed;
        for (std::size_t f = 0; f < frames.size(); ++f) {
            use.any = use.any || of[f] > 0;
            const auto plain = std::max<double>(frames[f].plain_len, 1);
            use.unused += std::max(0.0, 1 - static_cast<double>(of[f]) / plain) * static_cast<double>(frames[f].stored());
        }
        const auto unused = static_cast<std::int64_t>(use.unused);
        if (!use.any) {
            plan.intent.packs.insert(*sha);
            ++plan.dead;
            plan.freed += static_cast<std::int64_t>(size);
            continue;
        }
        plan.unused_left += unused;
        stored_left += static_cast<std::int64_t>(size);
        if (damaged.contains(*sha)) continue;
        if (!only && unused > 0) wasteful.push_back({*sha, unused, static_cast<std::int64_t>(size)});
        if (only && plan.bytes < only->bytes) rewrite({*sha, unused, static_cast<std::int64_t>(size)});
    }
    // Those that give most for what they cost, until little enough is unused.
    std::ranges::sort(wasteful, [](const Wasteful& a, const Wasteful& b) {
        const auto one = static_cast<double>(a.unused) * static_cast<double>(b.size);
        const auto other = static_cast<double>(b.unused) * static_cast<double>(a.size);
        return one != other ? one > other : a.sha < b.sha;
    });
    for (const auto& pack : wasteful)
        if (plan.unused_left * 100 > request_.unused_percent * stored_left) rewrite(pack);
    return plan;
}

/// Packs that were lost and that segments go on to list, once nothing needs them: what was in them has been stored again. No collection took
/// them away, and none says so: who remembers a checkpoint hears of their loss all the same.
void Collection::drop_lost(const Before& before) {
    const auto lost_in = [&](const Index& index) {
        // Read in this order: a pack that a collection takes away meanwhile is leaving, or was swept.
        const auto present = impl_.list_packs(stop_);
        auto going = leaving(impl_.collections.read(impl_.keys, store_, stop_));
        going.merge(impl_.annotations.swept_packs(impl_.keys, store_, stop_));
        std::set<Id> lost;
        for (const auto& pack : index.packs()) {
            if (pack.segment == PackInfo::no_segment || present.contains(pack_name(pack.sha)) || going.contains(pack.sha)) continue;
            const auto& segment = index.segments()[pack.segment];
            if (before.writers.contains(writer_of_segment(segment)) && !finished_.contains(hash_of_segment(segment))) continue;
            lost.insert(pack.sha);
        }
        return lost;
    };
    if (lost_in(*impl_.load_index(stop_)).empty()) return;
    const auto view = look();
    if (!view.is_whole) return;  // it may be just what is missing
    const auto lost = lost_in(*view.index);
    keep_lease();
    if (!lost.empty()) replace_segments(view, lost, {});
}

// ---- intent, wait, flag ----

void Collection::collect(const Plan& plan) {
    keep_lease();
    Epoch epoch{.number = epoch_, .intent = plan.intent, .has_wait = true};
    try {
        put(gc_name(epoch_, "intent"), encode(plan.intent));
        // Only behind the intent: whoever is not in this list sees it.
        auto alive = sessions();
        put(gc_name(epoch_, "wait"), encode_wait(alive));
        stage("wait", 0.1, 0, "");
        epoch.sweep = Sweep{.expired = wait_for(std::move(alive))};
        keep_lease();
        put(gc_name(epoch_, "sweep"), encode(*epoch.sweep));
    } catch (const Conflict&) {
        throw LeaseLost{};  // another has decided what becomes of this epoch
    }
    sweep(epoch, 0.6);
}

/// Beacons of the others.
std::vector<std::string> Collection::sessions() {
    std::vector<std::string> beacons;
    const auto mine = beacon_name(writer_, session_);
    for (const auto& object : blob::list_all(store_, "sess/", stop_))
        if (!is_progress(object.name) && object.name != mine && watch_.look(object.name) != SessionWatch::State::ended)
            beacons.push_back(object.name);
    return beacons;
}

/// Those that had to be given up.
std::set<Id16> Collection::wait_for(std::vector<std::string> beacons) {
    std::set<Id16> given_up;
    for (;;) {
        std::erase_if(beacons, [&](const std::string& beacon) {
            const auto state = watch_.look(beacon);
            if (state != SessionWatch::State::given_up) return state == SessionWatch::State::ended;
            if (const auto session = session_of(beacon)) given_up.insert(*session);
            return true;
        });
        if (beacons.empty()) return given_up;
        pause(stop_, request_.look_again);
        keep_lease();
    }
}

// ---- sweep ----

void Collection::sweep(const Epoch& epoch, double share) {
    std::set<Id> stay;
    const auto before = removed_;
    for (int looked = 1; !sweep_once(epoch, share, stay); ++looked)
        if (looked == most_looks) throw Unavailable("other collections take away what this one is about to write anew", {.subject = "gc/"});
    // Tried again and again for what is damaged, it says so once.
    if (removed_ == before && !stay.empty()) return;
    cbor::Writer body;
    body.map(2).uint(1).uint(epoch.number).uint(2).array(epoch.intent->packs.size() - stay.size());
    for (const auto& pack : epoch.intent->packs)
        if (!stay.contains(pack)) body.bytes(pack);
    record("gc-sweep", body.data());
    // What cannot be written anew stays, and so does the intent: nobody builds upon it.
    if (stay.empty()) close_epoch(epoch);
}

/// False: another collection was faster, and one has to look again.
bool Collection::sweep_once(const Epoch& epoch, double share, std::set<Id>& stay) {
    keep_lease();
    // Behind the flag: what a session that was waited for has taken is seen here.
    const auto view = look();
    stay.clear();
    const auto needed = needed_of(view, epoch.intent->packs);
    std::set<Id> dead = epoch.intent->packs, rest;
    for (const auto& frame : needed) {
        const auto& sha = view.index->packs()[frame.pack].sha;
        dead.erase(sha);
        rest.insert(sha);
    }
    // On a full disk this makes the room for all that follows.
    remove_packs(dead, share * 0.2);
    totals_.packs_removed += static_cast<std::int64_t>(share > 0 ? dead.size() : 0);
    std::vector<SealedPack> fresh;
    try {
        fresh = copy(view, needed, share * 0.7, stay);
    } catch (const PackIsGone&) {
        return false;
    }
    auto gone = epoch.intent->packs;
    for (const auto& pack : stay) {
        gone.erase(pack);
        rest.erase(pack);
    }
    keep_lease();
    replace_segments(view, gone, std::move(fresh));
    keep_lease();
    remove_packs(rest, share * 0.1);
    totals_.packs_rewritten += static_cast<std::int64_t>(rest.size());
    return true;
}

/// Dead ones, too: what is in them may be needed, and lie in others that have just come.
void Collection::remove_packs(const std::set<Id>& packs, double share) {
    if (share > 0) stage("remove", share, static_cast<std::int64_t>(packs.size()), "packs");
    std::vector<std::string> names;
    for (const auto& pack : packs) names.push_back(pack_name(pack));
    bury(names, blob::Burial::behind_copies);
    for (const auto& pack : packs) {
        step();
        if (remove(pack_name(pack))) ++removed_;
        if (share > 0) progress_.advance(1);
    }
}

/// What of these packs is needed and nowhere else that stays, by pack and frame.
std::vector<Collection::Needed> Collection::needed_of(const View& view, const std::set<Id>& packs) const {
    const auto& index = *view.index;
    std::map<std::pair<std::uint32_t, std::uint16_t>, std::vector<Index::Entry>> frames;
    std::unordered_set<Id, IdHash> taken;
    std::vector<bool> ours(index.packs().size());
    for (std::size_t i = 0; i < ours.size(); ++i) ours[i] = packs.contains(index.packs()[i].sha);
    const auto present = impl_.list_packs(stop_);
    for (std::size_t i = 0; i < ours.size(); ++i) ours[i] = ours[i] && present.contains(pack_name(index.packs()[i].sha));
    for (std::uint32_t pack = 0; pack < ours.size(); ++pack) {
        if (!ours[pack]) continue;
        index.each_of(pack, [&](std::uint32_t, const Index::Entry& entry) {
            const auto at = index.ordinal(entry.id);
            if (at && view.marks->has(*at) && index.is_shaky(*at) && taken.insert(entry.id).second)
                frames[{pack, entry.place.frame}].push_back(entry);
        });
    }
    std::vector<Needed> needed;
    for (auto& [place, chunks] : frames) {
        std::sort(chunks.begin(), chunks.end(), [](const auto& a, const auto& b) { return a.place.offset < b.place.offset; });
        needed.push_back({place.first, place.second, std::move(chunks)});
    }
    return needed;
}

PackWriter& Collection::writer_for(const PackInfo& pack) {
    const std::lock_guard lock(writers_mutex_);
    auto& writer = writers_[{pack.header.kind, pack.header.class_id}];
    if (!writer)
        writer = std::make_unique<PackWriter>(impl_.keys, store_, meter_, throttle_, pack.header.kind, pack.header.class_id,
                                              impl_.super.pack_size(), false, impl_.buffers().sealed);
    return *writer;
}

std::vector<SealedPack> Collection::copy(const View& view, const std::vector<Needed>& needed, double share, std::set<Id>& stay) {
    std::int64_t total = 0;
    for (const auto& frame : needed) total += static_cast<std::int64_t>(view.index->packs()[frame.pack].frames[frame.frame].stored());
    if (share > 0) stage("rewrite", share, total, "bytes");
    writers_.clear();
    std::atomic<std::size_t> next{0};
    std::atomic<bool> failed{false};
    std::mutex stay_mutex;
    std::vector<std::exception_ptr> failures(std::min<std::size_t>(impl_.threads(), needed.size()));
    {
        std::vector<std::jthread> threads;
        for (auto& failure : failures)
            threads.push_back(exec::start_thread("prune", [&] {
                try {
                    ChunkReader reader(impl_.keys, store_, *view.index, stop_);
                    const FramePacker packer;
                    std::map<PackWriter*, FrameBuilder> frames;
                    ByteVector stored, scratch;
                    for (auto at = next++; at < needed.size() && !failed; at = next++) {
                        exec::check_stop(stop_);
                        const auto& info = view.index->packs()[needed[at].pack];
                        try {
                            copy_frame(view, needed[at], reader, frames, packer, stored, scratch);
                        } catch (const PackIsGone&) {
                            throw;
                        } catch (const Corrupt& error) {
                            const std::lock_guard lock(stay_mutex);
                            stay.insert(info.sha);
                            totals_.problems.push_back({.object = pack_name(info.sha), .message = error.what()});
                        }
                        if (share > 0) progress_.advance(static_cast<std::int64_t>(info.frames[needed[at].frame].stored()));
                    }
                    for (auto& [writer, frame] : frames)
                        if (!frame.empty()) writer->add(frame, packer, scratch, stop_);
                } catch (...) {
                    failed = true;
                    failure = std::current_exception();
                }
            }));
    }
    for (const auto& failure : failures)
        if (failure) std::rethrow_exception(failure);
    std::vector<SealedPack> fresh;
    for (auto& [key, writer] : writers_) {
        writer->close();
        for (auto& pack : writer->take_finished()) fresh.push_back(std::move(pack));
    }
    writers_.clear();
    for (const auto& pack : fresh) {
        totals_.bytes_freed -= blob::weight(store_, pack_name(pack.info.sha), pack.info.size);
        totals_.bytes_rewritten += static_cast<std::int64_t>(pack.info.size);
    }
    if (!stay.empty()) totals_.bytes_freed -= note_packs(impl_, stay, {}, stop_);
    return fresh;
}

void Collection::copy_frame(const View& view, const Needed& needed, ChunkReader& reader, std::map<PackWriter*, FrameBuilder>& frames,
                            const FramePacker& packer, ByteVector& stored, ByteVector& scratch) {
    const auto& info = view.index->packs()[needed.pack];
    reader.fetch(needed.pack, needed.frame, needed.frame, stored);
    const auto content = reader.open_or_mend(needed.pack, needed.frame, stored);
    const auto type = info.header.kind == Kind::tree ? ChunkType::node : ChunkType::data;
    // All of them before any goes on: what is written has been verified, and a damaged frame leaves nothing behind.
    for (const auto& chunk : needed.chunks)
        reader.verify(chunk.id, type, content.plain.subspan(chunk.place.offset, chunk.place.length), chunk.place);
    auto& writer = writer_for(info);
    auto& frame = frames[&writer];
    for (const auto& chunk : needed.chunks) {
        const auto bytes = content.plain.subspan(chunk.place.offset, chunk.place.length);
        if (bytes.size() > frame_target && !frame.empty()) writer.add(frame, packer, scratch, stop_);
        frame.add(chunk.id, bytes);
        if (frame.full()) writer.add(frame, packer, scratch, stop_);
    }
}

/// Puts segments in the place of those that list what goes, then removes these.
void Collection::replace_segments(const View& view, const std::set<Id>& gone, std::vector<SealedPack> fresh, std::set<std::string> touched) {
    const auto& index = *view.index;
    for (const auto& pack : index.packs())
        if (pack.segment != PackInfo::no_segment && gone.contains(pack.sha)) touched.insert(index.segments()[pack.segment]);
    std::set<Id> replaced, listed;
    for (const auto* snapshots : {&view.snapshots, &view.doubted})
        for (const auto& snapshot : *snapshots)
            for (const auto& segment : snapshot.segments)
                if (index.replaced().contains(segment)) replaced.insert(segment);
    std::vector<SealedPack> packs = std::move(fresh);
    std::size_t entries = 0;
    for (const auto& name : touched) {
        step();
        ByteVector raw;
        try {
            raw = blob::get_all(store_, name, max_small_object, stop_);
        } catch (const NotFound&) {
            continue;  // another collection has put one in its place
        }
        std::set<Id> stands_for;  // what those stood for is in the index's list
        auto rows = decode_segment(open_object(impl_.keys, Kind::index, raw, name), name, stands_for);
        replaced.insert(crypto::sha256(raw));
        for (auto& row : rows) {
            if (gone.contains(row.info.sha) || !listed.insert(row.info.sha).second) continue;
            entries += row.chunks.size();
            packs.push_back(std::move(row));
        }
        if (entries < segment_entries) continue;
        put_segment(packs, {});
        packs.clear();
        entries = 0;
    }
    if (touched.empty() && packs.empty()) return;
    put_segment(packs, replaced);
    bury({touched.begin(), touched.end()}, blob::Burial::behind_copies);
    for (const auto& name : touched) {
        step();
        remove(name);
    }
}

void Collection::put_segment(const std::vector<SealedPack>& packs, const std::set<Id>& replaced) {
    const auto object = seal_object(impl_.keys, Kind::index, encode_segment(packs, replaced));
    const auto name = "index/" + hex(writer_) + '-' + sequence_text(segments_++) + '-' + hex(crypto::sha256(object));
    blob::put_bytes(store_, name, object, {}, stop_);
    totals_.bytes_freed -= blob::weight(store_, name, object.size());
}

/// Snapshots of sessions that were given up count once somebody has looked at them behind everything that could have taken
/// something from them. One that is not whole was never seen by anybody; it goes once its writer cannot mend it any more.
void Collection::vouch() {
    const auto doubted = impl_.named_sessions(stop_);
    if (doubted.empty()) return;
    const auto snapshots = impl_.snapshots(stop_);
    const auto said = impl_.annotations.read(impl_.keys, store_, stop_);
    for (const auto& snapshot : snapshots) {
        const auto note = said.find(snapshot.id);
        if (!doubted.contains(snapshot.session) || (note != said.end() && note->second.committed)) continue;
        step();
        if (impl_.is_firm(snapshot.root, stop_)) {
            record("commit", commit_body(snapshot.id));
        } else if (watch_.look(beacon_name(snapshot.writer, snapshot.session)) == SessionWatch::State::ended) {
            const auto text = snapshot.id.text().substr(std::string_view(SnapshotId::prefix()).size());
            for (const auto& object : blob::list_all(store_, "snap/" + text + '-', stop_)) {
                bury({object.name}, blob::Burial::at_once);
                remove(object.name);
            }
        }
    }
}

PruneTotals prune(Repository& repository, const PruneRequest& request, exec::ProgressSink& progress, std::stop_token stop) {
    constexpr int most_lost = 100;
    if (request.unused_percent < 0 || request.unused_percent > 100)
        throw InvalidArgument("a share is 0 to 100 percent", {.subject = "unused_percent"});
    auto& impl = repository.inside();
    PruneTotals totals;
    if (request.dry_run) {
        Collection(impl, request, totals, progress, stop).rehearse();
        return totals;
    }
    bool released = false;
    for (int lost = 0;;) {
        try {
            Collection(impl, request, totals, progress, stop).run();
            return totals;
        } catch (const LeaseLost&) {
            if (++lost == most_lost) throw Unavailable("other collections take the lease again and again", {.subject = lease_name()});
        } catch (const NoSpace&) {
            if (std::exchange(released, true) || !request.release_space || !request.release_space()) throw;
        }
    }
}

}  // namespace tenon::backup
