#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <backup/repository.hpp>

#include "core.hpp"

namespace tenon::engine {

inline constexpr const char* backup_kind = "backup";
inline constexpr const char* restore_kind = "restore";
inline constexpr const char* check_kind = "check";

/// Every tenant's backups: opens repositories with the keys of this home and runs their jobs.
class Repositories final : public Part {
public:
    explicit Repositories(EngineImpl& engine) : engine_(engine) {}

    void prepare() override;
    void erase(db::Tx& tx) override;

    /// The tenant's repository; null if nothing was ever backed up. Throws PermissionDenied when only a password opens
    /// it, Unavailable when it is not where it was made.
    std::shared_ptr<backup::Repository> find(const db::TenantScope& scope);
    /// The same, made when there is none.
    std::shared_ptr<backup::Repository> open(const db::TenantScope& scope);
    /// Opens it with a password and gives the home a new key. Throws NotFound, PermissionDenied.
    void unlock(const db::TenantScope& scope, const std::string& password);
    /// Throws NotFound, Conflict for the home's own key.
    void remove_key(const db::TenantScope& scope, std::uint32_t number);

private:
    jobs::Outcome back_up(const jobs::Attempt& attempt);
    jobs::Outcome restore(const jobs::Attempt& attempt);
    jobs::Outcome check(const jobs::Attempt& attempt);
    backup::BackupRequest request_of(const jobs::Attempt& attempt);
    /// Sets what was charged for the repository to what it weighs, whatever a killed process could not book.
    void reconcile(const db::TenantScope& scope);
    struct Stores {
        std::shared_ptr<blob::Store> objects;
        std::shared_ptr<blob::Store> vault;
    };
    Stores stores_of(const TenantId& tenant) const;
    bool exists(const db::TenantScope& scope) const;
    std::shared_ptr<backup::Repository> open(const db::TenantScope& scope, bool make);
    void write_key(const TenantId& tenant, base::ByteView key) const;

    EngineImpl& engine_;
    std::mutex mutex_;
    std::map<TenantId, std::shared_ptr<backup::Repository>> opened_;  // guarded by mutex_
};

Repositories& repositories_of(EngineImpl& engine);

std::vector<db::Migration> repository_migrations();

/// A snapshot as hosts see it.
Snapshot to_public(const backup::SnapshotInfo& info);

}  // namespace tenon::engine
