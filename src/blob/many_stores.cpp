#include <blob/many_stores.hpp>

#include <algorithm>
#include <set>
#include <utility>

#include <base/clock.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "many_stores_impl.hpp"

namespace tenon::blob {
namespace {

constexpr std::uint64_t small_limit = std::uint64_t{256} << 20;
constexpr std::size_t most_preferred = 10'000;

bool is_superblock(std::string_view name) { return name == "super" || name == "super.1"; }

}  // namespace

void refuse_lost() {
    throw Unavailable("the home's own store of this repository is away or lost: bring it back before anything is written",
                      {.subject = "super", .retryable = true});
}

bool is_copied(std::string_view name) {
    // Parity is kept beside what it is of.
    return !name.starts_with("sess/") && !name.starts_with("gc/") && !name.starts_with(checkpoint_prefix) && !name.starts_with("par/") &&
           !name.starts_with(grave_prefix);
}

// ---- one object on its way ----

CopySource::CopySource(TimedStore& from, const Name& name, std::uint64_t size, const Patience& patience, std::stop_token stop,
                       std::function<void(std::int64_t)> read)
    : from_(from), name_(name), size_(size), patience_(patience), stop_(std::move(stop)), read_(std::move(read)), hash_(hash_in(name.text())) {}

std::size_t CopySource::read(ByteSpan into) {
    if (taken_ == piece_.size()) {
        try {
            exec::check_stop(stop_);
            if (at_ == size_) return 0;
            piece_ = from_.get(name_, {.offset = at_, .length = size_ - at_}, patience_.last, stop_);
            taken_ = 0;
            at_ += piece_.size();
            if (piece_.empty()) throw Corrupt("the object is cut short", {.subject = name_.text()});
            if (hash_) sum_.update(piece_);
            if (hash_ && at_ == size_ && sum_.digest() != *hash_)
                throw Corrupt("the object's bytes are not those its name promises", {.subject = name_.text()});
        } catch (...) {
            failed_ = true;
            throw;
        }
        if (read_) read_(static_cast<std::int64_t>(piece_.size()));
    }
    const auto count = std::min(into.size(), piece_.size() - taken_);
    std::copy_n(piece_.data() + taken_, count, into.data());
    taken_ += count;
    return count;
}

// ---- reading ----

std::vector<TimedStore*> ManyStores::Impl::candidates(const std::string& name, bool with_home) {
    std::vector<TimedStore*> all;
    {
        const std::lock_guard lock(mutex);
        if (const auto found = preferred.find(name); found != preferred.end()) all.push_back(found->second);
    }
    const auto add = [&](TimedStore* store) {
        if (std::find(all.begin(), all.end(), store) == all.end()) all.push_back(store);
    };
    const bool home_last = !all.empty();  // what it has is known to be damaged
    if (with_home && !home_last) add(home_timed.get());
    for (const auto& other : others)
        if (other.allowed) add(other.store.get());
    if (with_home) add(home_timed.get());
    std::stable_partition(all.begin(), all.end(), [](const TimedStore* store) { return !store->is_away(); });
    return all;
}

ByteVector ManyStores::Impl::read(const Name& name, Range range, bool with_home, const std::stop_token& stop) {
    const auto all = candidates(name.text(), with_home);
    std::vector<bool> said_no(all.size());
    std::exception_ptr failure;
    bool missing_at_home = false, looked = false;
    const auto may_be_elsewhere = [&] {
        if (std::exchange(looked, true)) return true;
        // A home that does not answer is not asked for this either.
        return !is_dead(name.text(), missing_at_home ? Ask::all : Ask::others, stop);
    };
    for (const auto within : {patience.read, patience.last}) {
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (said_no[i]) continue;
            const bool is_home = all[i] == home_timed.get();
            if (!is_home && !may_be_elsewhere()) throw NotFound("there is no such object", {.subject = name.text()});
            try {
                auto bytes = all[i]->get(name, range, within, stop);
                if (missing_at_home && !is_home) (void)mend(name, {}, stop);
                return bytes;
            } catch (const Cancelled&) {
                throw;
            } catch (const NotFound&) {
                said_no[i] = true;
                if (is_home) missing_at_home = true;
            } catch (const Unavailable&) {
                failure = std::current_exception();  // it may answer when it is given more time
            } catch (const Error&) {
                said_no[i] = true;
                failure = std::current_exception();
            }
        }
        if (std::all_of(said_no.begin(), said_no.end(), [](bool no) { return no; })) break;
    }
    // That it is not there may be said only if every store said so, the home's own first of all.
    if (failure && !missing_at_home) std::rethrow_exception(failure);
    throw NotFound("there is no such object", {.subject = name.text()});
}

void ManyStores::Impl::take_graves(TimedStore& store, Duration within, const std::stop_token& stop) {
    for (const auto& object : store.list_all(std::string(grave_prefix), within, stop)) {
        if (&store == home_timed.get()) has_graves = true;
        if (graves.knows(object.name)) continue;
        try {
            (void)graves.add(object.name, store.get_all(object.name, small_limit, within, stop), believes_old_of(store));
        } catch (const NotFound&) {
        } catch (const Corrupt&) {
        }
    }
}

void ManyStores::Impl::refresh_graves(Ask ask, const std::stop_token& stop) {
    if (!graves.is_trusted()) return;
    const auto try_take = [&](TimedStore& store, Duration within) {
        try {
            take_graves(store, within, stop);
        } catch (const Cancelled&) {
            throw;
        } catch (const Error&) {
            // It is away.
        }
    };
    if (ask != Ask::others) try_take(*home_timed, patience.last);
    if (ask == Ask::home || (ask == Ask::all && has_graves)) return;
    for (const auto& other : others)
        if (other.allowed && !other.store->is_away()) try_take(*other.store, patience.read);
}

void ManyStores::Impl::read_graves(const std::stop_token& stop) {
    take_graves(*home_timed, patience.last, stop);
    if (!has_graves) refresh_graves(Ask::others, stop);
}

bool ManyStores::Impl::is_dead(const std::string& name, Ask ask, const std::stop_token& stop) {
    if (is_superblock(name)) return false;
    if (graves.has(name)) return true;
    refresh_graves(ask, stop);
    return graves.has(name);
}

void ManyStores::get(const Name& name, Range range, ByteSink& sink, std::stop_token stop) {
    if (impl_->others.empty() || !is_copied(name.text()) || is_superblock(name.text())) return impl_->home->get(name, range, sink, stop);
    while (range.length > 0) {
        const auto want = std::min(range.length, TimedStore::piece);
        const auto bytes = impl_->read(name, {range.offset, want}, true, stop);
        if (!bytes.empty()) sink.write(bytes);
        if (bytes.size() < want) return;
        range.offset += want;
        range.length -= want;
    }
}

// ---- mending ----

bool ManyStores::Impl::is_whole(TimedStore& store, const Name& name, const IsWhole& is_whole, const std::stop_token& stop) {
    const auto info = store.head(name, patience.last, stop);
    if (!info) return false;
    try {
        if (hash_in(name.text())) {
            CopySource source(store, name, info->size, patience, stop);
            ByteVector buffer(TimedStore::piece);
            while (source.read(buffer) > 0) continue;
            return true;
        }
        return !is_whole || is_whole(store.get_all(name, small_limit, patience.last, stop));
    } catch (const Corrupt&) {
        return false;
    } catch (const NotFound&) {
        return false;
    }
}

/// A copy before parity: it costs one read, and parity is good for less.
bool ManyStores::Impl::mend(const Name& name, const IsWhole& is_whole_by, const std::stop_token& stop) {
    const std::lock_guard lock(mend_mutex);
    if (!others.empty() && is_dead(name.text(), Ask::all, stop)) return false;
    return mend_from_others(name, is_whole_by, stop) || home->mend(name, is_whole_by, stop);
}

bool ManyStores::Impl::mend_from_others(const Name& name, const IsWhole& is_whole_by, const std::stop_token& stop) {
    if (!is_copied(name.text()) || others.empty()) return false;
    bool home_answers = true;
    try {
        // Without a hash and without anybody to ask, only what is not there at all is known to be lost.
        if (is_whole(*home_timed, name, is_whole_by, stop)) return hash_in(name.text()) || is_whole_by;
    } catch (const Cancelled&) {
        throw;
    } catch (const Error&) {
        home_answers = false;
    }
    for (const auto& other : others) {
        if (!other.allowed) continue;
        try {
            const auto info = other.store->head(name, patience.last, stop);
            if (!info || !is_whole(*other.store, name, is_whole_by, stop)) continue;
            if (home_answers) {
                CopySource source(*other.store, name, info->size, patience, stop);
                try {
                    read_graves(stop);
                    if (graves.has(name.text())) return false;
                    home->put(name, source, {.create_only = false}, stop);
                    // It may have been buried while it was on its way.
                    read_graves(stop);
                    if (graves.has(name.text())) home->remove(name, {}, stop);
                    const std::lock_guard guard(mutex);
                    preferred.erase(name.text());
                    return !graves.has(name.text());
                } catch (const Cancelled&) {
                    throw;
                } catch (const Error&) {
                    if (source.failed()) continue;
                    // The home's own store is full, or read-only: what is asked for is read where it is whole.
                }
            }
            const std::lock_guard guard(mutex);
            if (preferred.size() >= most_preferred) preferred.clear();
            preferred[name.text()] = other.store.get();
            return true;
        } catch (const Cancelled&) {
            throw;
        } catch (const Error&) {
        }
    }
    return false;
}

bool ManyStores::mend(const Name& name, const IsWhole& is_whole, std::stop_token stop) { return impl_->mend(name, is_whole, stop); }

bool ManyStores::can_mend(const Name& name, const IsWhole& is_whole, std::stop_token stop) {
    const std::lock_guard lock(impl_->mend_mutex);
    if (!impl_->others.empty() && impl_->is_dead(name.text(), Impl::Ask::all, stop)) return false;
    if (!impl_->others.empty() && impl_->is_whole(*impl_->home_timed, name, is_whole, stop)) return false;
    for (const auto& other : impl_->others) {
        if (!other.allowed || !is_copied(name.text())) continue;
        try {
            if (impl_->is_whole(*other.store, name, is_whole, stop)) return true;
        } catch (const Cancelled&) {
            throw;
        } catch (const Error&) {
            // It is away.
        }
    }
    return impl_->home->can_mend(name, is_whole, stop);
}

std::int64_t ManyStores::beside(const Name& name, std::uint64_t size) const { return impl_->home->beside(name, size); }
std::int64_t ManyStores::kept_beside(const Name& name, std::stop_token stop) { return impl_->home->kept_beside(name, stop); }
bool ManyStores::protect(const Name& name, const IsWhole& is_whole, std::stop_token stop) { return impl_->home->protect(name, is_whole, stop); }

// ---- what writes ----

bool ManyStores::Impl::buries(const std::stop_token& stop) {
    if (!others.empty() || has_graves) return true;
    // Whoever had copies once may get them back: what is removed meanwhile must not come back with them.
    if (!home->list(grave_prefix, "", 1, stop).objects.empty()) has_graves = true;
    return has_graves;
}

std::int64_t ManyStores::Impl::bury(const std::set<std::string>& names, Burial why, const std::stop_token& stop) {
    constexpr int most_tries = 10;
    auto sealed = graves.seal(names, why);
    for (int tried = 1;; ++tried) {
        try {
            put_bytes(*home, sealed.object, sealed.bytes, {}, stop);
        } catch (const Conflict&) {  // its name is its hash: another process has written the same
        }
        has_graves = true;
        // Nobody waits for this: keys that were rotated meanwhile may be retired before anybody has sealed it anew.
        if (!graves.is_old(sealed)) break;
        if (tried == most_tries) throw Unavailable("the data keys are rotated again and again", {.subject = sealed.object});
        sealed = graves.seal(names, why);
    }
    (void)graves.add(sealed.object, sealed.bytes, true);
    // What they are not needed for any more may be nowhere but here yet: were the home's own store lost now, nobody had the one or the other.
    if (why == Burial::behind_copies) return static_cast<std::int64_t>(sealed.bytes.size());
    // As many others as answer at once: should the home's own store be lost before they catch up, they know.
    for (const auto& other : others) {
        if (names.empty() || !other.allowed || other.store->is_away()) continue;
        try {
            ViewSource source(sealed.bytes);
            other.store->put(sealed.object, source, {}, patience.read, stop);
        } catch (const Cancelled&) {
            throw;
        } catch (const Error&) {
        }
    }
    return static_cast<std::int64_t>(sealed.bytes.size());
}

std::int64_t ManyStores::bury(const std::vector<std::string>& names, Burial why, std::stop_token stop) {
    std::set<std::string> fresh;
    const auto add = [&](const std::string& name) {
        const bool is_said = why == Burial::at_once ? impl_->graves.has_died(name, impl_->graves.count(), why) : impl_->graves.has(name);
        if (is_copied(name) && !is_said) fresh.insert(name);
    };
    for (const auto& name : names) {
        add(name);
        // Under old keys a snapshot had another name, which other stores may have been told nothing of yet.
        if (why == Burial::at_once && name.starts_with("snap/"))
            for (const auto& former : impl_->graves.below(name.substr(0, name.rfind('-') + 1))) add(former);
    }
    if (fresh.empty() || !impl_->buries(stop)) return 0;
    return impl_->bury(fresh, why, stop);
}

bool ManyStores::remove(const Name& name, const RemoveOptions& options, std::stop_token stop) {
    if (!impl_->graves.has(name.text())) (void)bury({name.text()}, Burial::at_once, stop);
    return impl_->home->remove(name, options, stop);
}

void ManyStores::trust(std::shared_ptr<const Seal> seal) { impl_->graves.trust(std::move(seal)); }

void ManyStores::make_durable(const std::vector<std::string>& names, std::stop_token stop) { impl_->home->make_durable(names, std::move(stop)); }

PutInfo ManyStores::put(const Name& name, ByteSource& source, const PutOptions& options, std::stop_token stop) {
    return impl_->home->put(name, source, options, stop);
}
std::optional<ObjectInfo> ManyStores::head(const Name& name, std::stop_token stop) {
    return impl_->others.empty() ? impl_->home->head(name, stop) : impl_->home_timed->head(name, impl_->patience.last, stop);
}
Page ManyStores::list(std::string_view prefix, std::string_view after, int limit, std::stop_token stop) {
    // A healing that was killed behind its copy may have left a dead object: whatever lies there, its name is dead.
    if (impl_->buries(stop)) impl_->refresh_graves(Impl::Ask::home, stop);
    for (std::string from(after);;) {
        auto page = impl_->others.empty() ? impl_->home->list(prefix, from, limit, stop)
                                          : impl_->home_timed->list(std::string(prefix), from, limit, impl_->patience.last, stop);
        if (page.objects.empty()) return page;
        from = page.objects.back().name;
        std::erase_if(page.objects, [&](const auto& object) { return impl_->graves.has(object.name); });
        if (!page.objects.empty() || !page.more) return page;
    }
}
Capabilities ManyStores::capabilities() const { return impl_->home->capabilities(); }
Time ManyStores::server_time(std::stop_token stop) { return impl_->home->server_time(stop); }
void ManyStores::flush(std::stop_token stop) { impl_->home->flush(stop); }
void ManyStores::discard() noexcept { impl_->home->discard(); }
std::unique_ptr<Spool> ManyStores::spool() { return impl_->home->spool(); }
std::unique_ptr<Beacon> ManyStores::beacon(const Name& name, ByteView bytes) { return impl_->home->beacon(name, bytes); }
std::optional<bool> ManyStores::beacon_lives(const Name& name) { return impl_->home->beacon_lives(name); }

ManyStores::ManyStores(std::shared_ptr<Store> home, std::vector<OtherStore> others, std::shared_ptr<const base::Clock> clock,
                       const Patience& patience, std::string stamp)
    : impl_(std::make_shared<Impl>()) {
    impl_->stamp = std::move(stamp);
    impl_->home = home;
    impl_->clock = clock;
    impl_->patience = patience;
    impl_->home_timed = std::make_unique<TimedStore>("home", [home] { return home; }, patience, clock);
    for (auto& other : others)
        impl_->others.push_back({std::make_unique<TimedStore>(other.name, std::move(other.open), patience, clock), other.allowed});
}

ManyStores::~ManyStores() = default;

const std::string& ManyStores::stamp() const { return impl_->stamp; }
bool ManyStores::has_others() const {
    return std::any_of(impl_->others.begin(), impl_->others.end(), [](const auto& other) { return other.allowed; });
}

// ---- without the home's own store ----

namespace {

class Elsewhere final : public Store {
public:
    explicit Elsewhere(std::shared_ptr<ManyStores::Impl> impl) : impl_(std::move(impl)) {}

    PutInfo put(const Name&, ByteSource&, const PutOptions&, std::stop_token) override { refuse_lost(); }
    bool remove(const Name&, const RemoveOptions&, std::stop_token) override { refuse_lost(); }
    std::unique_ptr<Spool> spool() override { refuse_lost(); }
    std::unique_ptr<Beacon> beacon(const Name&, ByteView) override { refuse_lost(); }
    std::optional<bool> beacon_lives(const Name&) override { return std::nullopt; }
    void flush(std::stop_token) override {}
    void discard() noexcept override {}
    Capabilities capabilities() const override { return {}; }
    Time server_time(std::stop_token) override { return impl_->clock->now(); }
    void trust(std::shared_ptr<const Seal> seal) override { impl_->graves.trust(std::move(seal)); }

    void get(const Name& name, Range range, ByteSink& sink, std::stop_token stop) override {
        while (range.length > 0) {
            const auto want = std::min(range.length, TimedStore::piece);
            const auto bytes = impl_->read(name, {range.offset, want}, false, stop);
            if (!bytes.empty()) sink.write(bytes);
            if (bytes.size() < want) return;
            range.offset += want;
            range.length -= want;
        }
    }
    std::optional<ObjectInfo> head(const Name& name, std::stop_token stop) override {
        const auto page = list(name.text(), "", 1, stop);
        if (page.objects.empty() || page.objects.front().name != name.text()) return std::nullopt;
        return page.objects.front();
    }
    Page list(std::string_view prefix, std::string_view after, int limit, std::stop_token stop) override {
        impl_->refresh_graves(ManyStores::Impl::Ask::others, stop);
        std::map<std::string, ObjectInfo> all;
        bool answered = false, more = false;
        std::string end;  // what follows the first page that goes on is not known of all
        for (const auto& other : impl_->others) {
            if (!other.allowed) continue;
            try {
                auto page = other.store->list(std::string(prefix), std::string(after), limit, impl_->patience.last, stop);
                answered = true;
                if (page.more && !page.objects.empty() && (end.empty() || page.objects.back().name < end)) end = page.objects.back().name;
                more = more || page.more;
                // Of two sizes the larger one: the other was cut.
                for (auto& object : page.objects)
                    if (auto& kept = all[object.name]; kept.name.empty() || kept.size < object.size) kept = std::move(object);
            } catch (const Cancelled&) {
                throw;
            } catch (const Error&) {
            }
        }
        if (!answered) throw Unavailable("no store of this repository answers", {.subject = std::string(prefix), .retryable = true});
        Page page{.objects = {}, .more = more};
        for (auto& [name, object] : all) {
            if (!end.empty() && name > end) break;
            if ((is_copied(name) || name.starts_with(checkpoint_prefix)) && !impl_->graves.has(name)) page.objects.push_back(std::move(object));
        }
        // A page of which all is buried still says how to go on.
        if (page.objects.empty() && more) return list(prefix, end, limit, stop);
        return page;
    }

private:
    const std::shared_ptr<ManyStores::Impl> impl_;
};

}  // namespace

std::shared_ptr<Store> ManyStores::elsewhere() {
    impl_->without_home = true;
    return std::make_shared<Elsewhere>(impl_);
}

bool ManyStores::is_lost(std::stop_token stop) {
    for (const auto* name : {"super", "super.1"})
        if (impl_->home->head(name, stop)) return false;
    for (const auto& other : impl_->others) {
        if (!other.allowed) continue;
        for (const auto* name : {"super", "super.1"}) {
            try {
                if (other.store->head(name, impl_->patience.last, stop)) return true;
            } catch (const Cancelled&) {
                throw;
            } catch (const Error&) {
            }
        }
    }
    return false;
}

}  // namespace tenon::blob
