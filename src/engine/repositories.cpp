#include "repositories.hpp"

#include <algorithm>

#include <fcntl.h>

#include <base/file.hpp>
#include <blob/file_store.hpp>
#include <exec/wait.hpp>
#include <tenant/quota.hpp>

#include "repository_charge.hpp"
#include "restored.hpp"

namespace tenon::engine {

namespace quota = tenant::quota;

namespace {

/// Of the slot that the home's own key opens.
constexpr const char* home_label = "home";

std::string label_of(const TenantId& tenant) { return "backup.key." + tenant.text(); }

}  // namespace

Snapshot to_public(const backup::SnapshotInfo& info) {
    return {.id = info.id, .name = info.name, .taken_at = info.taken_at, .tags = info.tags, .files = info.files, .size = {info.bytes},
            .stored = info.cost ? std::optional(Bytes{info.cost->bytes_stored}) : std::nullopt};
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
    engine_.queue->add_kind(prune_kind, {.run = [this](const jobs::Attempt& attempt) { return prune(attempt); }});
}

void Repositories::erase(db::Tx& tx) {
    repository_charge::erase(tx);
    restored::erase(tx);
    opened_.forget(tx.scope().tenant());
}

std::shared_ptr<backup::Repository> Repositories::find(const db::TenantScope& scope) {
    return opened_.get(scope.tenant(), [&]() -> std::shared_ptr<backup::Repository> { return exists(scope) ? open_now(scope) : nullptr; });
}

std::shared_ptr<backup::Repository> Repositories::open(const db::TenantScope& scope, const std::stop_token& stop) {
    return opened_.get(scope.tenant(), [&] {
        if (exists(scope)) return open_now(scope);
        // Another process may be making it: whoever came first has made all of it, keys included, before this one looks again.
        const auto alone = lock(scope.tenant(), stop);
        return exists(scope) ? open_now(scope) : make_now(scope);
    });
}

Repositories::Stores Repositories::stores_of(const TenantId& tenant) const {
    return {std::make_shared<blob::FileStore>(engine_.home.repository(tenant), engine_.clock),
            std::make_shared<blob::FileStore>(engine_.home.vault(tenant), engine_.clock)};
}

/// Whether there is a repository. Throws Unavailable when there was one and it is not where it was: taking that for an
/// empty place would replace the keys that open it.
bool Repositories::exists(const db::TenantScope& scope) const {
    const auto folder = engine_.home.repository(scope.tenant());
    std::error_code ignored;
    if (std::filesystem::exists(folder, ignored) && backup::Repository::exists(*stores_of(scope.tenant()).objects)) return true;
    const bool was_made = engine_.database->read(scope, [](db::Reader& reader) { return repository_charge::is_there(reader); });
    if (was_made) throw Unavailable("the repository is not where it was made: is its disk there?", {.subject = folder.string()});
    return false;
}

std::shared_ptr<backup::Repository> Repositories::open_now(const db::TenantScope& scope) {
    const auto tenant = scope.tenant();
    std::error_code ignored;
    if (!std::filesystem::exists(engine_.home.backup_key(tenant), ignored))
        throw PermissionDenied("this home has no key to the repository: unlock it with a password",
                               {.subject = engine_.home.repository(tenant).string()});
    const auto secret = read_key(tenant);
    auto [objects, vault] = stores_of(tenant);
    return backup::Repository::open(objects, vault, backup::KeySource::key(secret.bytes()), {.clock = engine_.clock});
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
        backup::Repository::create(objects, vault, backup::KeySource::key(secret.bytes()), home_label, {.clock = engine_.clock});
    engine_.database->write(scope, [](db::Tx& tx) { repository_charge::add(tx, 0); });
    return repository;
}

/// The kernel frees it with its process, however that ends.
base::FileLock Repositories::lock(const TenantId& tenant, const std::stop_token& stop) const {
    constexpr Duration look_again = std::chrono::milliseconds(20);
    constexpr Duration patience = std::chrono::seconds(120);
    const auto path = engine_.home.root / "locks" / (tenant.text() + ".repository");
    make_private_folder(path.parent_path());
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

void Repositories::unlock(const db::TenantScope& scope, const std::string& password, const std::stop_token& stop) {
    const auto tenant = scope.tenant();
    const auto given = backup::KeySource::password(password);
    opened_.replace(tenant, [&] {
        const auto alone = lock(tenant, stop);
        if (!exists(scope)) throw NotFound("nothing was backed up yet", {.subject = tenant.text()});
        auto [objects, vault] = stores_of(tenant);
        std::shared_ptr<backup::Repository> repository = backup::Repository::open(objects, vault, given, {.clock = engine_.clock});
        // The home gets a key of its own again, so that whoever opens it next needs no password.
        const auto secret = crypto::Secret::random(32);
        repository->add_slot(backup::KeySource::key(secret.bytes()), home_label);
        write_key(tenant, secret.bytes());
        return repository;
    });
}

void Repositories::remove_key(const db::TenantScope& scope, std::uint32_t number, const std::stop_token& stop) {
    const auto repository = find(scope);
    if (!repository) throw NotFound("nothing was backed up yet", {.subject = scope.tenant().text()});
    const auto alone = lock(scope.tenant(), stop);
    // Asked of the key itself: labels cannot say it, since a kill between a slot and its key file leaves one that nothing opens.
    const auto mine = repository->slot_of(backup::KeySource::key(read_key(scope.tenant()).bytes()));
    if (!mine) throw Conflict("this home has no key of its own to the repository: unlock it first", {.subject = std::to_string(number)});
    if (number == *mine)
        throw Conflict("this is the key of this home: without it nothing could be backed up", {.subject = std::to_string(number)});
    repository->remove_slot(number);
}

backup::SnapshotInfo Repositories::tag(const db::TenantScope& scope, const SnapshotId& id,
                                       const std::function<void(std::vector<Label>&)>& change) {
    const auto repository = find(scope);
    if (!repository) throw NotFound("there is no such snapshot", {.subject = id.text()});
    // A record holds the whole list, so two who add at once would lose one of the two.
    const auto alone = lock(scope.tenant(), engine_.stopping.get_token());
    const auto found = repository->find(id);
    if (!found) throw NotFound("there is no such snapshot", {.subject = id.text()});
    auto tags = found->tags;
    change(tags);
    auto info = backup::set_tags(*repository, id, tags, engine_.stopping.get_token());
    repository_charge::try_reconcile(engine_, scope);
    return info;
}

void Repositories::forget(const db::TenantScope& scope, const std::vector<SnapshotId>& ids) {
    const auto repository = find(scope);
    if (!repository) throw NotFound("nothing was backed up yet", {.subject = scope.tenant().text()});
    backup::forget(*repository, ids, engine_.stopping.get_token());
    repository_charge::try_reconcile(engine_, scope);
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
            if (std::find(wanted.begin(), wanted.end(), info.id) != wanted.end()) verdicts.push_back({.snapshot = info});
        for (const auto& id : wanted)
            if (std::none_of(infos.begin(), infos.end(), [&](const auto& info) { return info.id == id; }))
                throw NotFound("there is no such snapshot: " + id.text(), {.subject = id.text()});
        return verdicts;
    }
    if (!options.name.empty()) std::erase_if(infos, [&](const auto& info) { return info.name != options.name; });
    const auto& keep = options.keep;
    return backup::apply({.last = keep.last, .hourly = keep.hourly, .daily = keep.daily, .weekly = keep.weekly, .monthly = keep.monthly,
                          .yearly = keep.yearly, .within = keep.within, .tags = keep.tags, .utc_offset = keep.utc_offset},
                         std::move(infos));
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
    for (const auto& folder : {workspace.root / "projects", workspace.exports(), workspace.recordings()}) backup::sweep_left_over(folder, stop);
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
