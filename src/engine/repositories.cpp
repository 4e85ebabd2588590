#include "repositories.hpp"

#include <algorithm>
#include <cstdlib>

#include <fcntl.h>

#include <backup/parity_store.hpp>
#include <base/file.hpp>
#include <blob/file_store.hpp>
#include <exec/wait.hpp>
#include <tenant/events.hpp>
#include <tenant/quota.hpp>
#include <tenant/registry.hpp>
#include <tenant/zone.hpp>

#include "backup_drills.hpp"
#include "backup_schedule_rows.hpp"
#include "check_rounds.hpp"
#include "erasure.hpp"
#include "repository_charge.hpp"
#include "restored.hpp"
#include "stores.hpp"

namespace tenon::engine {

namespace quota = tenant::quota;
using base::Json;

namespace {

/// Of the slot that the home's own key opens.
constexpr const char* home_label = "home";

std::string label_of(const TenantId& tenant) { return "backup.key." + tenant.text(); }

}  // namespace

Snapshot to_public(const backup::SnapshotInfo& info) {
    return {.id = info.id, .name = info.name, .taken_at = info.taken_at, .tags = info.tags, .files = info.files, .size = {info.bytes},
            .stored = info.cost ? std::optional(Bytes{info.cost->bytes_stored}) : std::nullopt, .held = info.held};
}

Repositories& repositories_of(EngineImpl& engine) { return static_cast<Repositories&>(*engine.repositories); }

void Repositories::prepare() {
    const auto give_up = [this](db::Tx& tx, const jobs::JobRow& job) {
        if (job.hold) quota::release(tx, *job.hold, engine_.now());
    };
    engine_.queue->add_kind(backup_kind, {.run = [this](const jobs::Attempt& attempt) { return back_up(attempt); }, .give_up = give_up});
    // One that was killed and then cancelled while it waited: nobody else cleans up behind it.
    const auto tidy_later = [this](db::Tx& tx, const jobs::JobRow& job) {
        tx.on_commit([this, tenant = job.tenant] {
            try {
                engine_.timers->after(Duration::zero(), [this, tenant] { try_tidy(tenant); });
            } catch (const Closed&) {
                // The next backup or restore does it.
            }
        });
    };
    engine_.queue->add_kind(restore_kind, {.run = [this](const jobs::Attempt& attempt) { return restore(attempt); }, .give_up = tidy_later});
    engine_.queue->add_kind(check_kind, {.run = [this](const jobs::Attempt& attempt) { return check(attempt); }});
    engine_.queue->add_kind(repair_kind, {.run = [this](const jobs::Attempt& attempt) { return repair(attempt); }});
    engine_.queue->add_kind(prune_kind, {.run = [this](const jobs::Attempt& attempt) { return prune(attempt); }});
    engine_.queue->add_kind(rekey_kind, {.run = [this](const jobs::Attempt& attempt) { return rekey(attempt); }});
    engine_.queue->add_kind(drill_kind, {.run = [this](const jobs::Attempt& attempt) { return drill(attempt); }, .give_up = give_up});
    engine_.queue->add_kind(copy_kind, {.run = [this](const jobs::Attempt& attempt) { return copy(attempt); }});
}

void Repositories::erase(db::Tx& tx) {
    repository_charge::erase(tx);
    restored::erase(tx);
    schedule_rows::erase(tx);
    drill_rows::erase(tx);
    checkpoint_rows::erase(tx);
    stores::erase(tx);
    check_rounds::erase(tx);
    opened_.forget(tx.scope().tenant());
    const std::lock_guard lock(unlocked_mutex_);
    unlocked_.erase(tx.scope().tenant());
}

std::shared_ptr<backup::Repository> Repositories::find(const db::TenantScope& scope) {
    const auto open_any = [&]() -> std::shared_ptr<backup::Repository> { return exists(scope) ? open_now(scope) : nullptr; };
    return current(scope, opened_.get(scope.tenant(), open_any));
}

std::shared_ptr<backup::Repository> Repositories::open(const db::TenantScope& scope, const std::stop_token& stop) {
    return current(scope, opened_.get(scope.tenant(), [&] {
        if (exists(scope)) return open_now(scope);
        // Another process may be making it: whoever came first has made all of it, keys included, before this one looks again.
        const auto alone = lock(scope.tenant(), stop);
        return exists(scope) ? open_now(scope) : make_now(scope);
    }));
}

std::shared_ptr<backup::Repository> Repositories::current(const db::TenantScope& scope, std::shared_ptr<backup::Repository> repository) {
    if (!repository) return repository;
    // Other stores than when it was opened, or none but them then: it is opened anew.
    const auto many = std::dynamic_pointer_cast<blob::ManyStores>(repository->objects());
    const auto is_lost = [&] { return many->has_others() && many->is_lost({}); };
    if (many && many->stamp() == stores::stamp_of(engine_, scope) && repository->is_current() && !is_lost()) return repository;
    opened_.replace(scope.tenant(), [&] { return repository = open_now(scope); });
    return repository;
}

std::shared_ptr<backup::Repository> Repositories::with_classes(const db::TenantScope& scope, const std::vector<backup::ClassRule>& rules,
                                                               const std::stop_token& stop) {
    const auto repository = open(scope, stop);
    std::vector<std::string> subjects;
    for (const auto& rule : rules) subjects.push_back(rule.subject);
    if (subjects.empty()) return repository;
    {
        const auto alone = lock(scope.tenant(), stop);
        if (!repository->add_classes(subjects)) return repository;
    }
    return open(scope, stop);
}

backup::ErasedClass Repositories::shred(const db::TenantScope& scope, const std::string& subject, const std::stop_token& stop) {
    const auto repository = find(scope);
    if (!repository) throw NotFound("nothing was backed up yet", {.subject = scope.tenant().text()});
    engine_.database->read(scope, [](db::Reader& reader) { tenant::refuse_under_legal_hold(reader, "erased"); });
    for (const auto& info : repository->list(stop))
        if (!info.held.empty())
            throw Conflict("a snapshot is held, so nothing in it can be erased before its hold is lifted: " + info.held, {.subject = info.id.text()});
    backup::ErasedClass erased;
    {
        const auto alone = lock(scope.tenant(), stop);
        erased = repository->shred(subject);
    }
    (void)find(scope);  // with what is left of the keys
    note_state(scope);
    repository_charge::try_reconcile(engine_, scope);
    copy_later(scope);
    return erased;
}

std::shared_ptr<blob::ManyStores> Repositories::many_of(const TenantId& tenant) const {
    const auto scope = engine_.scope_of(tenant);
    auto others = stores::others_of(engine_, scope);
    // A copy is good for more than parity is. What was put while there was none keeps its parity, and is mended from it.
    const bool is_single = std::none_of(others.begin(), others.end(), [](const auto& other) { return other.allowed; });
    const auto own = std::make_shared<blob::FileStore>(engine_.home.repository(tenant), engine_.clock);
    const auto parity = is_single ? static_cast<backup::Parity>(engine_.options.backup_parity) : backup::Parity::none;
    return std::make_shared<blob::ManyStores>(std::make_shared<backup::ParityStore>(own, parity), std::move(others), engine_.clock,
                                              blob::Patience{}, stores::stamp_of(engine_, scope));
}

Repositories::Stores Repositories::stores_of(const TenantId& tenant) const {
    const auto many = many_of(tenant);
    const bool lost = many->has_others() && many->is_lost({});
    return {lost ? many->elsewhere() : many, std::make_shared<blob::FileStore>(engine_.home.vault(tenant), engine_.clock)};
}

/// Whether there is a repository. Throws Unavailable when there was one and it is not where it was: taking that for an
/// empty place would replace the keys that open it.
bool Repositories::exists(const db::TenantScope& scope) const {
    const auto folder = engine_.home.repository(scope.tenant());
    std::error_code ignored;
    if (std::filesystem::exists(folder, ignored) && backup::Repository::exists(*stores_of(scope.tenant()).objects)) return true;
    const bool was_made = engine_.database->read(scope, [](db::Reader& reader) { return repository_charge::is_there(reader); });
    if (was_made && many_of(scope.tenant())->is_lost({})) return true;  // as the other stores have it
    if (was_made) throw Unavailable("the repository is not where it was made: is its disk there?", {.subject = folder.string()});
    return false;
}

bool Repositories::is_deferred(const TenantId& tenant) const {
    std::error_code ignored;
    return std::filesystem::exists(engine_.home.backup_deferred(tenant), ignored);
}

bool Repositories::is_locked(const TenantId& tenant) {
    if (!is_deferred(tenant)) return false;
    const std::lock_guard lock(unlocked_mutex_);
    return !unlocked_.contains(tenant);
}

std::shared_ptr<backup::Repository> Repositories::open_with(const TenantId& tenant, const backup::KeySource& key) {
    return open_with(tenant, key, stores_of(tenant).objects);
}

std::shared_ptr<backup::Repository> Repositories::open_with(const TenantId& tenant, const backup::KeySource& key,
                                                            std::shared_ptr<blob::Store> objects) {
    const auto vault = std::make_shared<blob::FileStore>(engine_.home.vault(tenant), engine_.clock);
    return backup::Repository::open(std::move(objects), vault, key,
                                    {.clock = engine_.clock,
                                     .scratch = engine_.home.repository(tenant),
                                     .newest_key = [this, tenant] { return newest_key(tenant); }});
}

backup::KeySource Repositories::newest_key(const TenantId& tenant) {
    if (!is_deferred(tenant)) return home_key(tenant);
    const std::lock_guard lock(unlocked_mutex_);
    const auto key = unlocked_.find(tenant);
    if (key == unlocked_.end())
        throw Unavailable("the repository is locked: its key is with the host, who unlocks it",
                          {.subject = engine_.home.repository(tenant).string()});
    return key->second.clone();
}

backup::KeySource Repositories::home_key(const TenantId& tenant) const {
    return backup::KeySource::key(read_key(tenant).bytes());
}

std::shared_ptr<backup::Repository> Repositories::open_now(const db::TenantScope& scope) {
    const auto repository = open_at(scope.tenant(), stores_of(scope.tenant()).objects);
    try_look_at_past(scope, *repository);
    return repository;
}

std::shared_ptr<backup::Repository> Repositories::open_at(const TenantId& tenant, std::shared_ptr<blob::Store> objects) {
    std::shared_ptr<backup::Repository> repository;
    if (is_deferred(tenant)) {
        repository = open_with(tenant, newest_key(tenant), std::move(objects));
    } else {
        std::error_code ignored;
        if (!std::filesystem::exists(engine_.home.backup_key(tenant), ignored))
            throw PermissionDenied("this home has no key to the repository: unlock it with a password",
                                   {.subject = engine_.home.repository(tenant).string()});
        repository = open_with(tenant, home_key(tenant), std::move(objects));
    }
    // What a rotation that was killed left to do; whoever is at the keys now does it, too.
    if (const auto alone = base::FileLock::try_acquire(lock_file(tenant))) repository->settle();
    return repository;
}

void Repositories::await_key(const jobs::Attempt& attempt) {
    const auto tenant = attempt.scope.tenant();
    if (!is_locked(tenant)) return;
    // Half of the workers at most wait for keys, or tenants whose hosts forget theirs would stop everybody else's work.
    struct Place {
        std::atomic<unsigned>& count;
        explicit Place(std::atomic<unsigned>& taken) : count(taken) { ++count; }
        ~Place() { --count; }
    } const place(awaiting_);
    const auto subject = engine_.home.repository(tenant).string();
    const auto& options = engine_.options;
    const auto workers = options.workers > 0 ? static_cast<unsigned>(options.workers) : std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
    if (awaiting_ > std::max(1u, workers / 2))
        throw Unavailable("the repository is locked, and others wait for their keys already", {.subject = subject, .retryable = true});
    attempt.progress.stage("locked", 0, 0, "");
    const auto id = backup::Repository::id_of(*stores_of(tenant).objects);
    engine_.database->write(attempt.scope, [&](db::Tx& tx) {
        Json data;
        data.set("job", attempt.job.id.text()).set("kind", attempt.job.kind);
        tenant::append_event(tx, {.kind = "backup.locked", .at = engine_.now(), .subject = id, .data = std::move(data)});
    });
    constexpr Duration look_again = std::chrono::milliseconds(20);
    const auto text = base::read_file(engine_.home.backup_deferred(tenant), 64);
    const Duration patience(std::strtoll(std::string(text.begin(), text.end()).c_str(), nullptr, 10));
    const auto begin = engine_.clock->monotonic();
    while (is_locked(tenant)) {
        if (engine_.clock->monotonic() - begin >= patience)
            throw Unavailable("the repository is locked, and nobody has unlocked it in time", {.subject = subject, .retryable = false});
        exec::check_stop(attempt.stop);
        (void)exec::sleep_for(engine_.clock, attempt.stop, look_again);
    }
}

/// The caller holds the tenant's lock, and there is none.
std::shared_ptr<backup::Repository> Repositories::make_now(const db::TenantScope& scope) {
    const auto tenant = scope.tenant();
    // The key of a making that was killed serves as well as a new one: what a key file holds is never replaced by a making.
    std::error_code ignored;
    if (!std::filesystem::exists(engine_.home.backup_key(tenant), ignored)) write_key(tenant, crypto::Secret::random(32).bytes());
    const auto secret = read_key(tenant);
    auto [objects, vault] = stores_of(tenant);
    std::shared_ptr<backup::Repository> repository =
        backup::Repository::create(objects, vault, backup::KeySource::key(secret.bytes()), home_label,
                                   {.clock = engine_.clock,
                                    .scratch = engine_.home.repository(tenant),
                                    .newest_key = [this, tenant] { return newest_key(tenant); }});
    engine_.database->write(scope, [](db::Tx& tx) { repository_charge::add(tx, 0); });
    return repository;
}

std::filesystem::path Repositories::lock_file(const TenantId& tenant) const {
    auto path = engine_.home.root / "locks" / (tenant.text() + ".repository");
    make_private_folder(path.parent_path());
    return path;
}

/// The kernel frees it with its process, however that ends.
base::FileLock Repositories::lock(const TenantId& tenant, const std::stop_token& stop) const {
    constexpr Duration look_again = std::chrono::milliseconds(20);
    constexpr Duration patience = std::chrono::seconds(120);
    const auto path = lock_file(tenant);
    const auto begin = engine_.clock->monotonic();
    for (;;) {
        if (auto lock = base::FileLock::try_acquire(path)) return *std::move(lock);
        if (engine_.clock->monotonic() - begin >= patience)
            throw Unavailable("another process is at this tenant's backup keys and does not come to an end", {.subject = path.string()});
        exec::check_stop(stop);
        (void)exec::sleep_for(engine_.clock, stop, look_again);
    }
}

crypto::Secret Repositories::read_key(const TenantId& tenant) const {
    return engine_.master->open(label_of(tenant), base::read_file(engine_.home.backup_key(tenant), 4096));
}

void Repositories::write_key(const TenantId& tenant, base::ByteView key) const {
    const auto file = engine_.home.backup_key(tenant);
    make_private_folder(file.parent_path());
    base::write_file_atomically(file, engine_.master->seal(label_of(tenant), key));
}

backup::Slot Repositories::add_key(const db::TenantScope& scope, const backup::KeySource& key, const std::string& label,
                                   const std::stop_token& stop) {
    const auto repository = open(scope, stop);
    const auto alone = lock(scope.tenant(), stop);
    return repository->add_slot(key, label);
}

/// Whether what the home's file holds opens the repository: then it needs no other key.
bool Repositories::has_home_key(const TenantId& tenant, const backup::Repository& repository) const {
    try {
        return repository.slot_of(home_key(tenant)).has_value();
    } catch (const Error&) {
        return false;  // the file is lost, damaged, or sealed by another master key
    }
}

/// The home gets a key of its own, so that whoever opens it next needs no password.
std::shared_ptr<backup::Repository> Repositories::with_new_home_key(const TenantId& tenant, backup::Repository& repository) {
    const auto secret = crypto::Secret::random(32);
    repository.add_slot(backup::KeySource::key(secret.bytes()), home_label);
    write_key(tenant, secret.bytes());
    return open_with(tenant, backup::KeySource::key(secret.bytes()));
}

void Repositories::unlock(const db::TenantScope& scope, const std::vector<backup::KeySource>& keys, const std::stop_token& stop) {
    const auto tenant = scope.tenant();
    opened_.replace(tenant, [&] {
        const auto alone = lock(tenant, stop);
        if (!exists(scope)) throw NotFound("nothing was backed up yet", {.subject = tenant.text()});
        for (const auto& key : keys) {
            std::shared_ptr<backup::Repository> repository;
            try {
                repository = open_with(tenant, key);
            } catch (const PermissionDenied&) {
                if (&key == &keys.back()) throw;
                continue;
            }
            repository->settle();
            if (!is_deferred(tenant))
                return has_home_key(tenant, *repository) ? open_with(tenant, home_key(tenant)) : with_new_home_key(tenant, *repository);
            const std::lock_guard guard(unlocked_mutex_);
            unlocked_.insert_or_assign(tenant, key.clone());
            return repository;
        }
        throw InternalError("there was no key to try");
    });
}

backup::Slot Repositories::defer_key(const db::TenantScope& scope, const backup::KeySource& key, const std::string& label, Duration patience,
                                     const std::stop_token& stop) {
    const auto tenant = scope.tenant();
    const auto repository = open(scope, stop);
    std::optional<backup::Slot> slot;
    opened_.replace(tenant, [&] {
        const auto alone = lock(tenant, stop);
        const auto mine = repository->opened_slot();
        const bool had_own = !is_deferred(tenant);
        slot = repository->add_slot(key, label);
        {
            const std::lock_guard guard(unlocked_mutex_);
            unlocked_.insert_or_assign(tenant, key.clone());
        }
        // From here on the home's own key is not asked for any more, whatever is left of it.
        const auto text = std::to_string(patience.count());
        base::write_file_atomically(engine_.home.backup_deferred(tenant), base::view_of(text));
        std::error_code ignored;
        erasure::shred(engine_.home.backup_key(tenant));
        std::filesystem::remove(engine_.home.backup_key(tenant), ignored);
        if (had_own && mine) repository->remove_slot(*mine);
        return open_with(tenant, key);
    });
    return *slot;
}

void Repositories::remove_key(const db::TenantScope& scope, std::uint32_t number, const std::stop_token& stop) {
    const auto repository = find(scope);
    if (!repository) throw NotFound("nothing was backed up yet", {.subject = scope.tenant().text()});
    const auto alone = lock(scope.tenant(), stop);
    // Asked of the key itself: labels cannot say it, since a kill between a slot and its key file leaves one that nothing opens.
    const auto mine = is_deferred(scope.tenant()) ? repository->opened_slot() : repository->slot_of(home_key(scope.tenant()));
    if (!mine) throw Conflict("this home has no key of its own to the repository: unlock it first", {.subject = std::to_string(number)});
    if (number == *mine)
        throw Conflict("this is the key of this home: without it nothing could be backed up", {.subject = std::to_string(number)});
    repository->remove_slot(number);
}

std::uint32_t Repositories::rotate(const db::TenantScope& scope, const std::stop_token& stop) {
    const auto tenant = scope.tenant();
    auto repository = find(scope);
    if (!repository) throw NotFound("nothing was backed up yet", {.subject = tenant.text()});
    std::uint32_t generation = 0;
    opened_.replace(tenant, [&] {
        const auto alone = lock(tenant, stop);
        if (!is_deferred(tenant)) {
            // The key in the home's file may be what leaked. The old slot goes last: whenever this is killed the file opens one.
            const auto old = repository->slot_of(home_key(tenant));
            repository = with_new_home_key(tenant, *repository);
            if (old) repository->remove_slot(*old);
        }
        generation = repository->rotate_root();
        return repository;
    });
    note_state(scope);  // or the keys of before could be put back unseen
    copy_later(scope);
    return generation;
}

void Repositories::rotate_data_key(const db::TenantScope& scope, const std::stop_token& stop) {
    const auto tenant = scope.tenant();
    const auto repository = find(scope);
    if (!repository) throw NotFound("nothing was backed up yet", {.subject = tenant.text()});
    opened_.replace(tenant, [&] {
        const auto alone = lock(tenant, stop);
        repository->rotate_data_key();
        return open_now(scope);
    });
    note_state(scope);
}

backup::SnapshotInfo Repositories::tag(const db::TenantScope& scope, const SnapshotId& id,
                                       const std::function<void(std::vector<Label>&)>& change) {
    const auto repository = find(scope);
    if (!repository) throw NotFound("there is no such snapshot", {.subject = id.text()});
    auto info = [&] {
        // A record holds the whole list, so two who add at once would lose one of the two.
        const auto alone = lock(scope.tenant(), engine_.stopping.get_token());
        const auto found = repository->find(id);
        if (!found) throw NotFound("there is no such snapshot", {.subject = id.text()});
        auto tags = found->tags;
        change(tags);
        return backup::set_tags(*repository, id, tags, engine_.stopping.get_token());
    }();
    note_state(scope);
    repository_charge::try_reconcile(engine_, scope);
    copy_later(scope);
    return info;
}

backup::SnapshotInfo Repositories::hold(const db::TenantScope& scope, const SnapshotId& id, const std::string& reason) {
    const auto repository = find(scope);
    if (!repository) throw NotFound("there is no such snapshot", {.subject = id.text()});
    auto info = [&] {
        const auto alone = lock(scope.tenant(), engine_.stopping.get_token());  // beside nobody who forgets
        return backup::set_hold(*repository, id, reason, engine_.stopping.get_token());
    }();
    note_state(scope);
    repository_charge::try_reconcile(engine_, scope);
    copy_later(scope);
    return info;
}

void Repositories::forget(const db::TenantScope& scope, const std::vector<SnapshotId>& ids) {
    const auto repository = find(scope);
    if (!repository) throw NotFound("nothing was backed up yet", {.subject = scope.tenant().text()});
    refuse_tampered(scope, *repository, engine_.stopping.get_token());
    engine_.database->read(scope, [](db::Reader& reader) { tenant::refuse_under_legal_hold(reader, "forgotten"); });
    {
        const auto alone = lock(scope.tenant(), engine_.stopping.get_token());
        backup::forget(*repository, ids, engine_.stopping.get_token());
    }
    note_state(scope);
    repository_charge::try_reconcile(engine_, scope);
    copy_later(scope);
}

std::filesystem::path Repositories::reserve() const { return engine_.home.root / "reserve"; }

bool Repositories::release_reserve() const noexcept {
    std::error_code ignored;
    return std::filesystem::remove(reserve(), ignored);
}

void Repositories::keep_reserve() const noexcept {
    constexpr off_t size = 16 << 20;
    std::error_code failed;
    const auto space = std::filesystem::space(engine_.home.root, failed);
    // A disk that is nearly full needs what it has for other things.
    if (failed || space.available < std::uintmax_t{16} * size || std::filesystem::exists(reserve(), failed) || failed) return;
    const base::Fd file(::open(reserve().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file && posix_fallocate(file.get(), 0, size) != 0) (void)release_reserve();
}

std::vector<backup::Verdict> judge(backup::Repository* repository, const ForgetOptions& options) {
    auto infos = repository ? repository->list() : std::vector<backup::SnapshotInfo>{};
    if (!options.snapshots.empty()) {
        std::vector<backup::Verdict> verdicts;
        const auto& wanted = options.snapshots;
        for (const auto& info : infos)
            if (std::find(wanted.begin(), wanted.end(), info.id) != wanted.end()) {
                if (!info.held.empty())
                    throw Conflict("the snapshot is held, so it cannot be forgotten before its hold is lifted: " + info.held,
                                   {.subject = info.id.text()});
                verdicts.push_back({.snapshot = info});
            }
        for (const auto& id : wanted) {
            if (std::any_of(infos.begin(), infos.end(), [&](const auto& info) { return info.id == id; })) continue;
            if (!repository || !backup::is_unreadable(*repository, id, {}))
                throw NotFound("there is no such snapshot: " + id.text(), {.subject = id.text()});
            // In no list, and in the way of every prune: it goes by its id alone.
            const Time taken_at{std::chrono::milliseconds(id.high >> 16)};  // as its id says
            verdicts.push_back({.snapshot = {.id = id, .taken_at = taken_at}});
        }
        return verdicts;
    }
    if (!options.name.empty()) std::erase_if(infos, [&](const auto& info) { return info.name != options.name; });
    const auto& keep = options.keep;
    backup::KeepRules rules{.last = keep.last, .hourly = keep.hourly, .daily = keep.daily, .weekly = keep.weekly, .monthly = keep.monthly,
                            .yearly = keep.yearly, .within = keep.within, .tags = keep.tags, .utc_offset = keep.utc_offset};
    if (!keep.zone.empty()) {
        if (keep.utc_offset != Duration::zero()) throw InvalidArgument("a zone or an offset, not both", {.subject = "utc_offset"});
        rules.offset_at = [zone = tenant::Zone(keep.zone)](Time time) { return zone.wall(time) - time.time_since_epoch(); };
    }
    return backup::apply(rules, std::move(infos));
}

void Repositories::settle_restored(const db::TenantScope& scope) {
    const auto workspace = engine_.workspace(scope.tenant());
    std::error_code ignored;
    if (!std::filesystem::exists(workspace.root, ignored)) return;
    if (const auto lock = backup::TargetLock::try_acquire(workspace.root))
        restored::settle(*engine_.database, scope, workspace, {}, engine_.now());
}

void Repositories::tidy(const db::TenantScope& scope, const std::stop_token& stop) {
    const auto workspace = engine_.workspace(scope.tenant());
    const auto lock = backup::TargetLock::try_acquire(workspace.root);
    if (!lock) return;  // a restore is at work, which does the same
    // Only where something may lie: walking a workspace of millions of files takes longer than a backup of what is new in it.
    if (const auto mark = engine_.home.restoring(scope.tenant()); std::filesystem::exists(mark)) {
        for (const auto& folder : {workspace.root / "projects", workspace.exports(), workspace.recordings()}) backup::sweep_left_over(folder, stop);
        std::filesystem::remove(mark);
    }
    restored::settle(*engine_.database, scope, workspace, {}, engine_.now());
}

void Repositories::try_tidy(const TenantId& tenant) noexcept {
    try {
        tidy(engine_.scope_of(tenant), engine_.stopping.get_token());
    } catch (const Cancelled&) {
    } catch (const Closed&) {
        // The next backup or restore does it, as after any failure.
    } catch (const std::exception& error) {
        engine_.log->failure("backup", "a restore's leavings stay", error);
    }
}

std::unique_ptr<Part> make_repositories(EngineImpl& engine) { return std::make_unique<Repositories>(engine); }

}  // namespace tenon::engine
