#include <nvr/recorder.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include <exec/thread.hpp>
#include <exec/wait.hpp>
#include <nvr/schedule.hpp>
#include <tenant/period.hpp>
#include <tenant/quota.hpp>
#include <tenon/error.hpp>

#include "camera_run.hpp"

namespace tenon::nvr {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTick = 250ms;     // a silent camera is found out so late at most
constexpr Duration kBookEvery = 1s;
constexpr Duration kLookEvery = 5s;   // at the intents, in case nobody said that they changed
constexpr Duration kHaltDeadline = 30s;
constexpr int kTakeInTries = 40;  // ten seconds

using Key = std::pair<TenantId, CameraId>;

}  // namespace

struct Recorder::Impl {
    Impl(RecorderOptions given, db::Database& database, const db::SystemScope& s, tenant::EventHub& events, const crypto::MasterKey& master)
        : system(s),
          context{given, Networks(given.networks), database, events, master,
                  Disk(given.clock, given.log, given.queue_bytes), [this] { wake(); }},
          changed(mutex, given.clock) {}

    void wake() {
        const std::lock_guard lock(mutex);
        news = true;
        changed.notify_all();
    }

    void serve(const std::stop_token& stop);
    void look(const std::stop_token& stop);
    void reconcile(const std::stop_token& stop);
    void start_run(const Key& key, const db::TenantScope& scope);
    bool attempt(const Key& key, const char* what, const std::function<void()>& action);
    void end_runs(const std::vector<Key>& keys);
    void remove_camera(const Key& key, const db::TenantScope& scope);
    void book_all();
    void prune_all(const std::stop_token& stop);
    bool due(const rows::Intent& intent) const;

    const db::SystemScope system;
    RunContext context;
    std::unique_ptr<db::Database::Watch> watch;

    mutable std::mutex mutex;  // guards what follows
    exec::Condition changed;
    bool news = false;  ///< Something is to be booked at once.
    bool intents_changed = true;
    std::uint64_t looks = 0;         ///< Times the intents were looked at in full …
    std::uint64_t wanted_looks = 1;  ///< … and how often that was asked for.
    std::map<Key, std::shared_ptr<CameraRun>> runs;
    std::map<CameraId, rows::StatusRow> failed;  ///< Cameras that could not even be begun with, until the next look.
    Duration pruned_at{};                        ///< The clerk's own.
    std::set<CameraId> switched_off;             ///< In this process, so that coming back says why footage is missing.
    bool serving = false;                        ///< Between start() and stop().

    std::jthread clerk;  // of start() and stop() alone
};

Recorder::Recorder(RecorderOptions options, db::Database& database, const db::SystemScope& system,
                   tenant::EventHub& events, const crypto::MasterKey& master)
    : impl_(std::make_unique<Impl>(std::move(options), database, system, events, master)) {}

Recorder::~Recorder() { stop(); }

void Recorder::start() {
    impl_->watch = impl_->context.database.on_foreign_change([this] { changed(); });
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->serving = true;
    }
    impl_->clerk = exec::start_thread("clerk", [impl = impl_.get()](const std::stop_token& stop) { impl->serve(stop); });
}

void Recorder::stop() noexcept {
    impl_->watch.reset();
    bool served = false;
    {
        const std::lock_guard lock(impl_->mutex);
        served = std::exchange(impl_->serving, false);
        impl_->changed.notify_all();  // nobody waits for another look
    }
    if (served) {
        impl_->clerk.request_stop();
        impl_->clerk.join();
        std::vector<Key> all;
        for (const auto& [key, run] : impl_->runs) all.push_back(key);
        impl_->end_runs(all);
    }
    impl_->context.disk.stop();  // its thread runs whether cameras were served or not
}

void Recorder::changed() {
    const std::lock_guard lock(impl_->mutex);
    impl_->intents_changed = true;
    ++impl_->wanted_looks;
    impl_->changed.notify_all();
}

const Networks& Recorder::networks() const { return impl_->context.networks; }

std::optional<rows::StatusRow> Recorder::status(const CameraId& id) const {
    std::shared_ptr<CameraRun> found;
    {
        const std::lock_guard lock(impl_->mutex);
        for (const auto& [key, run] : impl_->runs)
            if (key.second == id) found = run;
        if (const auto failure = impl_->failed.find(id); !found && failure != impl_->failed.end()) return failure->second;
    }
    if (!found || !found->owns()) return {};
    return found->status();  // not under the lock: a run's own comes first
}

void Recorder::take_in(const db::TenantScope& scope) {
    auto& context = impl_->context;
    for (const auto& camera : context.database.read(scope, [](db::Reader& reader) { return rows::list(reader); })) {
        // Who looks after old footage holds a camera's lock for a moment.
        bool taken = settle_left_behind(context, scope, camera.id, true);
        for (int tries = 0; !taken && tries < kTakeInTries; ++tries) {
            (void)exec::sleep_for(context.options.clock, {}, kTick);
            taken = settle_left_behind(context, scope, camera.id, true);
        }
        if (!taken) context.options.log->warning("nvr", "footage is not taken in: its camera is recorded", {{"camera", camera.id.text()}});
    }
}

void Recorder::halt() {
    std::unique_lock lock(impl_->mutex);
    if (!impl_->serving) return;
    impl_->intents_changed = true;
    const auto look = ++impl_->wanted_looks;
    impl_->changed.notify_all();
    (void)impl_->changed.wait_for(lock, {}, kHaltDeadline, [&] { return impl_->looks >= look || !impl_->serving; });
}

bool Recorder::wait_removed(const db::TenantScope& scope, const CameraId& id, Duration timeout, const std::stop_token& stop) {
    std::uint64_t look;
    {
        const std::lock_guard lock(impl_->mutex);
        if (!impl_->serving) return false;  // left to the processes that record
        impl_->intents_changed = true;
        look = ++impl_->wanted_looks;
        impl_->changed.notify_all();
    }
    std::unique_lock lock(impl_->mutex);
    (void)impl_->changed.wait_for(lock, stop, timeout, [&] { return impl_->looks >= look || !impl_->serving; });
    lock.unlock();
    return !impl_->context.database.read(scope, [&](db::Reader& reader) { return rows::find(reader, id).has_value(); });
}

void Recorder::Impl::serve(const std::stop_token& stop) {
    const auto monotonic = [&] { return context.options.clock->monotonic(); };
    auto booked_at = monotonic(), looked_at = booked_at;
    auto quiet = Duration{};  // no camera can be silent for too long before this has passed
    while (!stop.stop_requested()) {
        bool look_now, book_now;
        {
            std::unique_lock lock(mutex);
            try {
                const auto idle = std::max(kTick, std::min(quiet, booked_at + kBookEvery - monotonic()));
                (void)changed.wait_for(lock, stop, idle, [&] { return news || intents_changed; });
            } catch (const Cancelled&) {
                return;
            }
            const auto now = monotonic();
            look_now = intents_changed || now - looked_at >= kLookEvery;
            book_now = news || now - booked_at >= kBookEvery;
            if (look_now) looked_at = now;
            if (book_now) booked_at = now;
            news = false;
        }
        try {
            quiet = kBookEvery;
            for (const auto& [key, run] : runs) quiet = std::min(quiet, run->watch());
            if (look_now) look(stop);
            if (book_now) book_all();
            if (look_now) prune_all(stop);
        } catch (const Cancelled&) {
            return;
        } catch (const std::exception& error) {
            // The store may be away for a while. Cameras go on meanwhile; what they have to say waits.
            context.options.log->failure("nvr", "what cameras have to say could not be booked", error);
        }
    }
}

/// Whether it is to record now.
bool Recorder::Impl::due(const rows::Intent& intent) const {
    if (intent.recording != Recording::schedule) return true;
    const auto now = context.options.clock->now();
    if (context.options.week_time) return covers(intent.schedule, context.options.week_time(intent.tenant, now));
    return covers(intent.schedule, tenant::week_time(now, "UTC"));
}

/// Removes what no camera keeps any more. Who records a camera does it, or anybody if nobody does.
void Recorder::Impl::prune_all(const std::stop_token& stop) {
    const auto now = context.options.clock->monotonic();
    if (pruned_at != Duration{} && now - pruned_at < context.options.prune_every) return;
    pruned_at = now;
    const auto keepers = context.database.read(system, [](db::SystemReader& reader) { return rows::keepers(reader); });
    for (const auto& [tenant, id] : keepers) {
        if (stop.stop_requested()) return;
        try {
            const auto run = runs.find({tenant, id});
            const auto scope = context.options.scope(tenant);
            if (!scope) continue;
            std::optional<base::FileLock> lock;
            if (run != runs.end()) {
                if (!run->second->prepared()) continue;
            } else {
                const auto folder = context.options.folder(tenant) / id.text();
                if (std::filesystem::exists(folder)) lock = base::FileLock::try_acquire(folder / ".recorder");
                if (!lock) continue;
            }
            const auto camera = context.database.read(*scope, [&](db::Reader& reader) {
                auto row = rows::find(reader, id);
                return row && may_prune(reader, *row, context.options.clock->now()) ? row : std::nullopt;
            });
            if (!camera) continue;
            const auto use = context.options.in_use ? context.options.in_use(*scope, id) : FootageUse{};
            if (use) prune(context, *scope, *camera, use->ranges);
        } catch (const std::exception& error) {
            context.options.log->failure("nvr", "old footage cannot be removed", error);
        }
    }
}

void Recorder::Impl::book_all() {
    std::exception_ptr first;
    for (const auto& [key, run] : runs) {
        try {
            run->settle();
        } catch (const std::exception&) {
            if (!first) first = std::current_exception();
        }
    }
    if (first) std::rethrow_exception(first);
}

/// What one camera cannot do is its own trouble: it is told and tried again at the next look.
bool Recorder::Impl::attempt(const Key& key, const char* what, const std::function<void()>& action) {
    try {
        action();
        return true;
    } catch (const std::exception& error) {
        context.options.log->failure("nvr", what, error);
        const std::lock_guard lock(mutex);
        failed.insert_or_assign(key.second, rows::StatusRow{CameraState::retrying, error.what(), {}, {}});
        return false;
    }
}

/// Makes what runs be what is meant to run. On the clerk's thread, which alone changes `runs`.
void Recorder::Impl::look(const std::stop_token& stop) {
    std::uint64_t look;
    {
        const std::lock_guard lock(mutex);
        intents_changed = false;
        look = wanted_looks;
    }
    const auto looked = [&] {
        const std::lock_guard lock(mutex);
        looks = look;
        changed.notify_all();
    };
    try {
        reconcile(stop);
    } catch (...) {
        looked();  // the store is away: who waits looks for himself, and the next look comes in its time
        throw;
    }
    looked();
}

void Recorder::Impl::reconcile(const std::stop_token& stop) {
    const auto intents = context.database.read(system, [](db::SystemReader& reader) { return rows::intents(reader); });
    std::map<TenantId, std::optional<db::TenantScope>> scopes;
    const auto scope_of = [&](const TenantId& tenant) {
        const auto known = scopes.find(tenant);
        return known != scopes.end() ? known->second : scopes.emplace(tenant, context.options.scope(tenant)).first->second;
    };
    struct Wanted {
        db::TenantScope scope;
        std::int64_t revision = 0;
    };
    std::map<Key, Wanted> wanted;
    std::vector<std::pair<Key, db::TenantScope>> leaving;
    std::set<CameraId> current;  // cameras that may record, and those of which nobody can say it now
    std::set<Key> unclear;
    for (const auto& intent : intents) {
        const Key key{intent.tenant, intent.camera};
        std::optional<db::TenantScope> scope;
        if (!attempt(key, "a camera's tenant cannot be looked up", [&] { scope = scope_of(intent.tenant); })) unclear.insert(key);
        else if (!scope) continue;
        else if (intent.removing) leaving.emplace_back(key, *scope);
        else if (due(intent)) wanted.emplace(key, Wanted{*scope, intent.revision});
        current.insert(intent.camera);
    }
    std::vector<Key> surplus;
    for (const auto& [key, run] : runs)
        if (!wanted.contains(key) && !unclear.contains(key)) surplus.push_back(key);
    end_runs(surplus);
    {
        const std::lock_guard lock(mutex);
        std::erase_if(failed, [&](const auto& entry) { return !current.contains(entry.first); });
    }
    for (const auto& [key, scope] : leaving) attempt(key, "a camera cannot be removed", [&] { remove_camera(key, scope); });
    for (const auto& [key, intent] : wanted) {
        if (stop.stop_requested()) return;
        if (const auto run = runs.find(key); run != runs.end()) run->second->follow(intent.revision);
        else attempt(key, "a camera's recording cannot begin", [&, &scope = intent.scope] { start_run(key, scope); });
    }
    const auto holders = context.database.read(system, [](db::SystemReader& reader) {
        return tenant::quota::causes(reader, tenant::quota::CauseKind::camera);
    });
    for (const auto& [tenant, camera] : holders) {
        if (stop.stop_requested()) return;
        try {
            const Key key{tenant, CameraId::parse(camera)};
            if (runs.contains(key)) continue;
            if (const auto scope = scope_of(tenant)) settle_left_behind(context, *scope, key.second);
        } catch (const std::exception& error) {
            context.options.log->failure("nvr", "what a camera held cannot be settled", error);
        }
    }
}

void Recorder::Impl::start_run(const Key& key, const db::TenantScope& scope) {
    const auto gap = switched_off.erase(key.second) ? GapReason::switched_off : GapReason::process_down;
    auto run = std::make_shared<CameraRun>(context, scope, key.second, gap);
    const std::lock_guard lock(mutex);
    runs.emplace(key, std::move(run));
    failed.erase(key.second);
}

void Recorder::Impl::end_runs(const std::vector<Key>& keys) {
    std::vector<std::shared_ptr<CameraRun>> ending;
    for (const auto& key : keys) ending.push_back(runs.at(key));
    for (const auto& run : ending) run->stop();
    for (const auto& run : ending) {
        run->join();
        run->release();
    }
    const std::lock_guard lock(mutex);
    for (const auto& key : keys) {
        runs.erase(key);
        switched_off.insert(key.second);
    }
}

/// The camera's files, then its rows: a crash in between leaves a row that is found again.
void Recorder::Impl::remove_camera(const Key& key, const db::TenantScope& scope) {
    const auto folder = context.options.folder(key.first) / key.second.text();
    std::optional<base::FileLock> lock;
    if (std::filesystem::exists(folder)) {
        lock = base::FileLock::try_acquire(folder / ".recorder");
        if (!lock) return;  // another process records it; that one removes it
        std::filesystem::remove_all(folder);
    }
    context.database.write(scope, [&](db::Tx& tx) {
        for (const auto& hold : tenant::quota::of_cause(tx, tenant::quota::CauseKind::camera, key.second.text()))
            tenant::quota::release(tx, hold.id, context.options.clock->now());
        const auto weight = rows::remove(tx, key.second);
        if (weight.count > 0) tenant::quota::free(tx, {Resource::storage, weight.count}, context.options.clock->now());
    });
}

}  // namespace tenon::nvr
