// How other stores come to the state of the home's own.
#include <blob/many_stores.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include <crypto/hash.hpp>
#include <exec/thread.hpp>
#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "many_stores_impl.hpp"

namespace tenon::blob {
namespace {

using Listing = std::map<std::string, std::uint64_t>;  // sizes

constexpr std::uint64_t grave_limit = std::uint64_t{256} << 20;
constexpr std::uint64_t accept_limit = std::uint64_t{256} << 20;

/// Whatever something needs comes before it, so that a copy that was begun is a repository of its own as far as it goes.
int turn_of(std::string_view name) {
    if (name.starts_with("packs/")) return 0;
    if (name.starts_with("index/")) return 1;
    if (name.starts_with("snap/")) return 2;
    if (name.starts_with(checkpoint_prefix)) return 4;
    if (name == "super" || name == "super.1") return 5;
    return 3;
}

std::vector<std::string> in_order(std::vector<std::string> names) {
    std::stable_sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return turn_of(a) < turn_of(b); });
    return names;
}

class Pass {
public:
    Pass(ManyStores::Impl& impl, const CatchUpRequest& request, exec::ProgressSink& progress)
        : impl_(impl), request_(request), progress_(progress) {}

    void heal_home(StoreState& home, bool lost, const std::stop_token& stop);
    void verify_home(StoreState& home, const std::stop_token& stop);
    /// Before whatever is listed for the copies: all that it vouches for is listed then, or has gone for a reason.
    void look_at_checkpoint(const std::stop_token& stop) { newest_ = newest_checkpoint(*impl_.home_timed, stop); }
    void run(ManyStores::Impl::Other& other, StoreState& state, const std::stop_token& stop);
    Listing list_home(const std::stop_token& stop);
    std::int64_t mended() const { return static_cast<std::int64_t>(mended_.size()); }  ///< Once all have ended.

private:
    struct Mark {
        std::string name;
        ByteVector bytes;
    };

    Listing list(TimedStore& store, const std::stop_token& stop, std::set<std::string>* graves = nullptr);
    /// What this store knows to be dead. It hears of what else is only once it has all that replaced it.
    void take_graves(TimedStore& store, const std::set<std::string>& there, const std::stop_token& stop);
    void give_graves(TimedStore& store, const std::set<std::string>& given, std::set<std::string>& there, Burial how, const std::stop_token& stop);
    Graves::Taken hand_over(TimedStore& from, const std::string& object, TimedStore& to, bool replaces, const std::stop_token& stop);
    std::set<std::string> graves_here(const std::stop_token& stop);
    struct Burials {
        std::set<std::string> objects;  ///< That the home's own store has.
        std::uint64_t count = 0;
    };
    Burials burials(const std::stop_token& stop);
    void let_go(TimedStore& store, StoreState& state, Listing& there, std::set<std::string>& graves, const Burials& known, Burial how,
                const std::stop_token& stop);
    bool follow(TimedStore& store, StoreState& state, Listing& there, std::set<std::string>& graves, const std::stop_token& stop);
    void check_same(TimedStore& store, const Listing& there, const std::stop_token& stop);
    void evict(TimedStore& store, StoreState& state, const std::stop_token& stop);
    std::vector<std::string> checkpoints(TimedStore& store, const std::stop_token& stop);
    std::optional<Mark> newest_checkpoint(TimedStore& store, const std::stop_token& stop);
    [[nodiscard]] bool accepts(const std::string& name, ByteView bytes) const { return !request_.accept || request_.accept(name, bytes); }
    void heal_checkpoint(StoreState& home, bool lost, const std::stop_token& stop);
    std::string contradiction(TimedStore& store, const std::stop_token& stop);
    void copy_checkpoint(TimedStore& store, StoreState& state, const std::stop_token& stop);
    bool copy(TimedStore& from, const std::string& name, std::uint64_t size, TimedStore& to, bool replaces, const std::stop_token& stop);
    static void pay(const std::shared_ptr<exec::Throttle>& throttle, std::uint64_t bytes, const std::stop_token& stop) {
        if (throttle) throttle->spend(static_cast<std::int64_t>(bytes), stop);
    }
    void more(std::int64_t bytes) {
        const std::lock_guard lock(mutex_);
        progress_.total(total_ += bytes);
    }
    void note_mended(const std::string& name) {
        const std::lock_guard lock(mutex_);
        mended_.insert(name);
    }

    ManyStores::Impl& impl_;
    const CatchUpRequest& request_;
    exec::ProgressSink& progress_;
    std::mutex mutex_;
    std::int64_t total_ = 0;         // guarded by mutex_
    std::set<std::string> mended_;   // guarded by mutex_: of the home's own store, met damaged on their way to others
    std::optional<Mark> newest_;  // of the home's own store, when it was looked at
};

Listing Pass::list(TimedStore& store, const std::stop_token& stop, std::set<std::string>* graves) {
    Listing all;
    for (auto& object : store.list_all("", impl_.patience.last, stop)) {
        if (object.name.starts_with(grave_prefix)) {
            if (graves) graves->insert(object.name);
        } else if (is_copied(object.name)) {
            all.emplace(std::move(object.name), object.size);
        }
    }
    return all;
}

/// Packs and indexes once more behind the snapshots, books behind the logs: what these need, or what has taken their place, is there by then.
Listing Pass::list_home(const std::stop_token& stop) {
    auto all = list(*impl_.home_timed, stop);
    for (const auto* prefix : {"index/", "packs/", "book/"})
        for (auto& object : impl_.home_timed->list_all(prefix, impl_.patience.last, stop)) all.insert_or_assign(std::move(object.name), object.size);
    return all;
}

bool Pass::copy(TimedStore& from, const std::string& name, std::uint64_t size, TimedStore& to, bool replaces, const std::stop_token& stop) {
    // It is this thread that waits, between two pieces: nobody takes the store for one that does not answer.
    const auto& throttle = &to == impl_.home_timed.get() ? request_.downloads : request_.uploads;
    CopySource source(from, name, size, impl_.patience, stop, [&](std::int64_t bytes) {
        progress_.advance(bytes);
        pay(throttle, static_cast<std::uint64_t>(bytes), stop);
    });
    try {
        to.put(name, source, {.create_only = !replaces, .sha256 = hash_in(name)}, impl_.patience.last, stop);
        return true;
    } catch (const Conflict&) {
        return false;  // somebody else has copied it meanwhile
    }
}

void Pass::check_same(TimedStore& store, const Listing& there, const std::stop_token& stop) {
    bool differ = false;
    for (const auto* name : {"super", "super.1"}) {
        if (!there.contains(name) || !impl_.home_timed->head(name, impl_.patience.last, stop)) continue;
        const auto its = store.get_all(name, accept_limit, impl_.patience.last, stop);
        const auto ours = impl_.home_timed->get_all(name, accept_limit, impl_.patience.last, stop);
        if (its == ours) return;
        differ = true;
    }
    if (differ) throw Conflict("another repository lies in this store", {.subject = store.name()});
}

Graves::Taken Pass::hand_over(TimedStore& from, const std::string& object, TimedStore& to, bool replaces, const std::stop_token& stop) {
    using Taken = Graves::Taken;
    const auto& within = impl_.patience.last;
    ByteVector bytes;
    try {
        bytes = from.get_all(object, grave_limit, within, stop);
    } catch (const NotFound&) {
        return Taken::old;  // it was sealed anew since the list, and goes with the next catch-up
    }
    // What takes the place of one that the home lists by this hash is what the home had.
    const bool believes_old = replaces || impl_.believes_old_of(from);
    const auto taken = hash_in(object) == crypto::sha256(bytes) ? impl_.graves.add(object, bytes, believes_old) : Taken::no;
    if (taken != Taken::yes || request_.dry_run) return taken;
    ViewSource source(bytes);
    try {
        to.put(object, source, {.create_only = !replaces}, within, stop);
    } catch (const Conflict&) {
    }
    return taken;
}

std::set<std::string> Pass::graves_here(const std::stop_token& stop) {
    std::set<std::string> here;
    for (auto& object : impl_.home_timed->list_all(std::string(grave_prefix), impl_.patience.last, stop)) here.insert(std::move(object.name));
    return here;
}

void Pass::take_graves(TimedStore& store, const std::set<std::string>& there, const std::stop_token& stop) {
    auto& home = *impl_.home_timed;
    const auto here = graves_here(stop);
    for (const auto& object : there) {
        if (!here.contains(object)) {
            // What nobody can open any more was sealed under keys that were retired, or is somebody's who never had any.
            const bool is_void = hand_over(store, object, home, false, stop) == Graves::Taken::no;
            if (is_void && !request_.dry_run && !impl_.without_home) store.remove(object, impl_.patience.last, stop);
        } else if (!impl_.graves.knows(object) || (request_.verify && !impl_.is_whole(home, object, {}, stop))) {
            (void)hand_over(store, object, home, true, stop);  // the home's own is damaged
        }
    }
}

void Pass::give_graves(TimedStore& store, const std::set<std::string>& given, std::set<std::string>& there, Burial how, const std::stop_token& stop) {
    for (const auto& object : given) {
        if (!impl_.graves.is(object, how)) continue;
        if (!there.contains(object)) {
            (void)hand_over(*impl_.home_timed, object, store, false, stop);
            there.insert(object);
        } else if (request_.verify) {
            const bool whole = impl_.is_whole(store, object, {}, stop);
            if (!whole) (void)hand_over(*impl_.home_timed, object, store, true, stop);
        }
    }
}

void Pass::evict(TimedStore& store, StoreState& state, const std::stop_token& stop) {
    state.problem = "data of this tenant's region must not lie in this store";
    for (const auto& object : store.list_all("", impl_.patience.last, stop)) {
        if (!request_.dry_run && store.remove(object.name, impl_.patience.last, stop)) {
            ++state.removed_objects;
        } else {
            ++state.objects;
            state.bytes += static_cast<std::int64_t>(object.size);
        }
    }
    state.reached = true;
}

// ---- checkpoints ----

/// Newest first.
std::vector<std::string> Pass::checkpoints(TimedStore& store, const std::stop_token& stop) {
    std::set<std::string, std::greater<>> names;
    for (auto& object : store.list_all(std::string(checkpoint_prefix), impl_.patience.last, stop)) names.insert(std::move(object.name));
    return {names.begin(), names.end()};
}

/// Of those that are accepted.
std::optional<Pass::Mark> Pass::newest_checkpoint(TimedStore& store, const std::stop_token& stop) {
    for (auto& name : checkpoints(store, stop)) {
        try {
            auto bytes = store.get_all(name, accept_limit, impl_.patience.last, stop);
            if (accepts(name, bytes)) return Mark{std::move(name), std::move(bytes)};
        } catch (const NotFound&) {
            // A newer one is there.
        } catch (const Corrupt&) {
        }
    }
    return std::nullopt;
}

/// Once all is back that it vouches for.
void Pass::heal_checkpoint(StoreState& home, bool lost, const std::stop_token& stop) {
    auto newest = newest_checkpoint(*impl_.home_timed, stop);
    bool is_behind = false;
    for (const auto& other : impl_.others) {
        if (!other.allowed) continue;
        try {
            auto its = newest_checkpoint(*other.store, stop);
            if (!its || (newest && its->name <= newest->name)) continue;
            newest = std::move(its);
            is_behind = true;
        } catch (const Unavailable&) {
            if (lost) throw;
        }
    }
    if (!is_behind) return;
    if (request_.dry_run) {
        ++home.missing_objects;
        home.missing_bytes += static_cast<std::int64_t>(newest->bytes.size());
        return;
    }
    ViewSource source(newest->bytes);
    impl_.home_timed->put(newest->name, source, {.create_only = false}, impl_.patience.last, stop);
    ++home.healed_objects;
}

/// What was written to this store by itself, beside what the home's own store has.
std::string Pass::contradiction(TimedStore& store, const std::stop_token& stop) {
    if (!newest_ || !request_.contradicts) return {};
    for (const auto& name : checkpoints(store, stop)) {
        try {
            const auto bytes = store.get_all(name, accept_limit, impl_.patience.last, stop);
            if (name == newest_->name && bytes == newest_->bytes) continue;
            if (auto why = request_.contradicts(name, bytes); !why.empty()) return why;
        } catch (const NotFound&) {
        } catch (const Corrupt&) {
        }
    }
    return {};
}

void Pass::copy_checkpoint(TimedStore& store, StoreState& state, const std::stop_token& stop) {
    const auto& within = impl_.patience.last;
    std::vector<std::string> older;
    bool is_there = false;
    for (const auto& name : checkpoints(store, stop)) {
        if (newest_ && name < newest_->name) {
            older.push_back(name);
            continue;
        }
        ByteVector bytes;
        try {
            bytes = store.get_all(name, accept_limit, within, stop);
        } catch (const NotFound&) {
            continue;
        } catch (const Corrupt&) {
        }
        if (newest_ && name == newest_->name) {
            is_there = bytes == newest_->bytes;  // else damaged, or written anew under newer keys
        } else if (!accepts(name, bytes)) {
            if (!request_.dry_run) store.remove(name, within, stop);
        } else if (impl_.home_timed->head(name, within, stop)) {
            return;  // somebody has taken a newer one meanwhile, and brings it
        } else {
            state.problem = "has a later checkpoint than the home's own store, which has lost something: bring it back (heal)";
            return;
        }
    }
    if (!newest_) return;
    if (!is_there) {
        if (request_.dry_run) {
            ++state.missing_objects;
            state.missing_bytes += static_cast<std::int64_t>(newest_->bytes.size());
            return;
        }
        ViewSource source(newest_->bytes);
        store.put(newest_->name, source, {.create_only = false}, within, stop);
        ++state.copied_objects;
        state.copied_bytes += static_cast<std::int64_t>(newest_->bytes.size());
    }
    if (request_.dry_run) return;
    for (const auto& name : older) store.remove(name, within, stop);
}

void Pass::heal_home(StoreState& home, bool lost, const std::stop_token& stop) {
    if (lost) impl_.without_home = true;
    struct Found {
        std::vector<TimedStore*> stores;
        std::uint64_t size = 0;
    };
    std::map<std::string, Found> found;
    for (const auto& other : impl_.others) {
        if (!other.allowed) continue;
        try {
            std::set<std::string> graves;
            const auto there = list(*other.store, stop, &graves);
            check_same(*other.store, there, stop);
            take_graves(*other.store, graves, stop);
            for (const auto& [name, size] : there) {
                auto& place = found[name];
                place.stores.push_back(other.store.get());
                place.size = std::max(place.size, size);
            }
        } catch (const Cancelled&) {
            throw;
        } catch (const Error& error) {
            if (lost)
                throw Unavailable(std::string("the home's own store is lost, and comes back only once all others answer: ") + error.what(),
                                  {.subject = other.store->name(), .retryable = true});
        }
    }
    // In this order: what is not here by now and not buried by then was lost.
    const auto here = list_home(stop);
    impl_.read_graves(stop);
    std::vector<std::string> missing;
    for (const auto& [name, place] : found) {
        if (here.contains(name) || impl_.graves.has(name)) continue;
        missing.push_back(name);
        more(static_cast<std::int64_t>(place.size));
    }
    bool is_checkpoint_back = false;
    for (const auto& name : in_order(std::move(missing))) {
        if (turn_of(name) > turn_of(checkpoint_prefix) && !std::exchange(is_checkpoint_back, true)) heal_checkpoint(home, lost, stop);
        for (auto* store : found[name].stores) {
            try {
                const auto info = store->head(name, impl_.patience.last, stop);
                if (!info) continue;
                if (request_.accept && turn_of(name) != 0 &&
                    !request_.accept(name, store->get_all(name, accept_limit, impl_.patience.last, stop)))
                    continue;
                if (request_.dry_run) {
                    ++home.missing_objects;
                    home.missing_bytes += static_cast<std::int64_t>(info->size);
                    break;
                }
                if (copy(*store, name, info->size, *impl_.home_timed, false, stop)) ++home.healed_objects;
                break;
            } catch (const Corrupt&) {
                // Another store may have it whole.
            } catch (const NotFound&) {
            } catch (const Unavailable&) {
                if (lost) throw;
            }
        }
    }
    if (!is_checkpoint_back) heal_checkpoint(home, lost, stop);
    if (request_.dry_run) return;
    impl_.read_graves(stop);
    for (const auto& [name, size] : list(*impl_.home_timed, stop))
        if (impl_.graves.has(name)) impl_.home_timed->remove(name, impl_.patience.last, stop);
    if (lost) impl_.without_home = false;  // from here on it is asked again
}

void Pass::verify_home(StoreState& home, const std::stop_token& stop) {
    for (const auto& [name, size] : list_home(stop)) {
        if (!hash_in(name)) continue;
        more(static_cast<std::int64_t>(size));
        const bool whole = impl_.is_whole(*impl_.home_timed, name, {}, stop);
        progress_.advance(static_cast<std::int64_t>(size));
        pay(request_.downloads, size, stop);
        if (whole || impl_.is_dead(name, ManyStores::Impl::Ask::all, stop)) continue;
        if (request_.dry_run || !impl_.mend(name, {}, stop)) {
            ++home.missing_objects;
            home.missing_bytes += static_cast<std::int64_t>(size);
            home.problem = "damaged, and no store has it whole: " + name;
        } else {
            ++home.healed_objects;
        }
    }
}

Pass::Burials Pass::burials(const std::stop_token& stop) {
    impl_.read_graves(stop);
    Burials known;
    known.objects = graves_here(stop);
    known.count = impl_.graves.count();
    return known;
}

/// Tells this store what is dead, and removes it there.
void Pass::let_go(TimedStore& store, StoreState& state, Listing& there, std::set<std::string>& graves, const Burials& known, Burial how,
                  const std::stop_token& stop) {
    const auto remove = [&] {
        for (auto at = there.begin(); at != there.end();) {
            if (!impl_.graves.has_died(at->first, known.count, how)) {
                ++at;
                continue;
            }
            if (!request_.dry_run && store.remove(at->first, impl_.patience.last, stop)) ++state.removed_objects;
            at = there.erase(at);
        }
    };
    try {
        give_graves(store, known.objects, graves, how, stop);
    } catch (const NoSpace&) {
        remove();  // which makes room
        give_graves(store, known.objects, graves, how, stop);
    }
    remove();
}

/// One pass. False: not all that the home's own store listed was still there to be copied.
bool Pass::follow(TimedStore& store, StoreState& state, Listing& there, std::set<std::string>& graves, const std::stop_token& stop) {
    auto& home = *impl_.home_timed;
    const auto& within = impl_.patience.last;
    state.missing_objects = state.missing_bytes = 0;
    state.problem.clear();
    const auto known = burials(stop);
    // What nobody is to have any more waits for nothing.
    let_go(store, state, there, graves, known, Burial::at_once, stop);
    // Behind the graves: what those that are dead by then are not needed for any more is listed. It is there before they go, so that one of the
    // two is if the home's own store is lost meanwhile. What is buried from here on goes with the next pass.
    const auto here = list_home(stop);
    bool has_let_go = false, has_missed = false, has_gone = false;
    std::vector<std::string> missing, damaged, differing;
    for (const auto& [name, size] : here) {
        const auto copied = there.find(name);
        if (impl_.graves.has(name)) {
            const bool had_died = impl_.graves.has_died(name, known.count, Burial::at_once) ||
                                  impl_.graves.has_died(name, known.count, Burial::behind_copies);
            has_gone = has_gone || (!had_died && copied == there.end());
            continue;
        }
        if (copied == there.end()) {
            missing.push_back(name);
            more(static_cast<std::int64_t>(size));
        } else if (request_.verify && hash_in(name)) {
            more(static_cast<std::int64_t>(size));
            const bool whole = impl_.is_whole(store, name, {}, stop);
            progress_.advance(static_cast<std::int64_t>(size));
            pay(request_.downloads, size, stop);
            if (!whole) damaged.push_back(name);
        } else if (copied->second != size) {
            (hash_in(name) ? damaged : differing).push_back(name);
        }
    }
    const auto is_missing = [&](const std::string& name, const std::string& why) {
        has_missed = true;
        ++state.missing_objects;
        state.missing_bytes += static_cast<std::int64_t>(here.at(name));
        if (state.problem.empty()) state.problem = why;
    };
    // Nobody here can say which of the two is right; a check can.
    for (const auto& name : differing) is_missing(name, "is not as in the home's own store: " + name);
    const std::set<std::string> replaced(damaged.begin(), damaged.end());
    missing.insert(missing.end(), damaged.begin(), damaged.end());
    try {
        for (const auto& name : in_order(missing)) {
            exec::check_stop(stop);
            if (request_.dry_run) {
                is_missing(name, "");
                continue;
            }
            // Of two sizes the right one is known by the hash alone: a damaged copy must not take the place of a whole one.
            const bool replaces = replaced.contains(name);
            auto size = here.at(name);
            try {
                bool done = false;
                for (int tried = 0; !done && tried < 2; ++tried) {
                    try {
                        copy(home, name, size, store, replaces, stop);
                        done = true;
                    } catch (const NoSpace&) {
                        if (std::exchange(has_let_go, true)) throw;
                        let_go(store, state, there, graves, known, Burial::behind_copies, stop);
                        --tried;
                    } catch (const Corrupt&) {
                        // The home's own copy is damaged: from whoever has it whole, perhaps from here.
                        if (tried > 0 || !impl_.mend(name, {}, stop)) throw;
                        note_mended(name);
                        size = home.head(name, within, stop).value_or(ObjectInfo{.size = size}).size;
                    }
                }
                ++(replaces ? state.healed_objects : state.copied_objects);
                state.copied_bytes += static_cast<std::int64_t>(size);
                there[name] = size;
            } catch (const NotFound&) {
                has_gone = true;  // removed meanwhile
            } catch (const Corrupt&) {
                is_missing(name, "damaged, and no store has it whole: " + name);
            }
        }
    } catch (...) {
        state.missing_objects = static_cast<std::int64_t>(differing.size());
        state.missing_bytes = 0;
        for (const auto& name : missing) {
            if (there.contains(name) && !replaced.contains(name)) continue;
            ++state.missing_objects;
            state.missing_bytes += static_cast<std::int64_t>(here.at(name));
        }
        throw;
    }
    // Where something could not be copied, what it replaced may be the last there is of it.
    if (request_.dry_run || (!has_missed && !has_gone)) let_go(store, state, there, graves, known, Burial::behind_copies, stop);
    return !has_gone;
}

void Pass::run(ManyStores::Impl::Other& other, StoreState& state, const std::stop_token& stop) {
    auto& store = *other.store;
    if (!other.allowed) return evict(store, state, stop);
    std::set<std::string> graves;
    auto there = list(store, stop, &graves);
    state.reached = true;
    check_same(store, there, stop);
    if (auto why = contradiction(store, stop); !why.empty()) {
        state.problem = std::move(why);
        state.forked = true;
        for (const auto& [name, size] : there) {
            ++state.objects;
            state.bytes += static_cast<std::int64_t>(size);
        }
        return;
    }
    take_graves(store, graves, stop);
    try {
        // What came and went while it was copied has been replaced by something that was not listed: once more.
        constexpr int most_tries = 3;
        for (int tried = 1; !follow(store, state, there, graves, stop); ++tried) {
            if (tried < most_tries) continue;
            ++state.missing_objects;
            state.problem = "objects came and went while they were copied";
            break;
        }
        let_go(store, state, there, graves, burials(stop), Burial::at_once, stop);
    } catch (...) {
        for (const auto& [name, size] : there) {
            ++state.objects;
            state.bytes += static_cast<std::int64_t>(size);
        }
        throw;
    }
    copy_checkpoint(store, state, stop);
    for (const auto& [name, size] : there) {
        ++state.objects;
        state.bytes += static_cast<std::int64_t>(size);
    }
    state.whole = state.missing_objects == 0 && state.problem.empty();
}

}  // namespace

std::vector<std::pair<std::string, ByteVector>> ManyStores::checkpoints_elsewhere(std::stop_token stop) {
    std::vector<std::pair<std::string, ByteVector>> found;
    for (const auto& other : impl_->others) {
        if (!other.allowed) continue;
        try {
            for (const auto& object : other.store->list_all(std::string(checkpoint_prefix), impl_->patience.last, stop))
                found.emplace_back(object.name, other.store->get_all(object.name, accept_limit, impl_->patience.last, stop));
        } catch (const Cancelled&) {
            throw;
        } catch (const Error&) {
            // It is away, or removes it right now.
        }
    }
    return found;
}

int CatchUpReport::whole() const {
    return static_cast<int>(std::count_if(others.begin(), others.end(), [](const auto& state) { return state.whole; }));
}

CatchUpReport ManyStores::catch_up(const CatchUpRequest& request, exec::ProgressSink& progress, std::stop_token stop) {
    auto& impl = *impl_;
    CatchUpReport report;
    report.home.name = "home";
    progress.stage("copy", request.share, 0, "bytes");
    const bool lost = is_lost(stop);
    if (lost && !request.heal) refuse_lost();
    if (!impl.graves.is_trusted()) throw Unavailable("nothing is copied before the repository is open", {.subject = "super"});
    impl.read_graves(stop);
    // From the first copy on names are buried, also while the stores are taken away.
    if (!request.dry_run && !impl.others.empty() && !impl.has_graves) (void)impl.bury({}, Burial::at_once, stop);

    Pass pass(impl, request, progress);
    if (request.heal) pass.heal_home(report.home, lost, stop);
    if (request.verify) pass.verify_home(report.home, stop);
    pass.look_at_checkpoint(stop);
    report.home.reached = true;
    for (const auto& [name, size] : pass.list_home(stop)) {
        ++report.home.objects;
        report.home.bytes += static_cast<std::int64_t>(size);
    }
    report.home.whole = report.home.missing_objects == 0;

    std::vector<Impl::Other*> wanted;
    for (auto& other : impl.others) {
        if (!request.only.empty() && std::find(request.only.begin(), request.only.end(), other.store->name()) == request.only.end()) continue;
        wanted.push_back(&other);
        report.others.push_back({.name = other.store->name(), .allowed = other.allowed});
    }
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t ended = 0;
    std::atomic<std::size_t> next{0};
    int whole = 0;
    std::stop_source enough;
    const std::stop_callback forward(stop, [&] { enough.request_stop(); });
    {
        std::vector<std::jthread> threads;
        const auto count = request.at_once > 0 ? std::min(request.at_once, wanted.size()) : wanted.size();
        for (std::size_t thread = 0; thread < count; ++thread)
            threads.push_back(exec::start_thread("catch-up", [&] {
                for (auto i = next++; i < wanted.size(); i = next++) {
                    auto& state = report.others[i];
                    try {
                        pass.run(*wanted[i], state, enough.get_token());
                    } catch (const std::exception& error) {
                        state.problem = error.what();
                    }
                    const std::lock_guard lock(mutex);
                    ++ended;
                    whole += state.whole ? 1 : 0;
                    changed.notify_all();
                }
            }));
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return ended == wanted.size() || (request.enough >= 0 && whole >= request.enough); });
        lock.unlock();
        if (request.enough >= 0) enough.request_stop();
    }
    report.home.healed_objects += pass.mended();
    exec::check_stop(stop);
    if (request.enough >= 0 && whole >= request.enough)
        for (auto& state : report.others)
            if (!state.whole && state.allowed) {
                state.left = true;
                state.problem = "is left for later: enough stores are whole";
            }
    return report;
}

}  // namespace tenon::blob
