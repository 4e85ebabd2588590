#pragma once

#include <filesystem>

#include <tenon/id.hpp>

namespace tenon::engine {

/// Where everything of one home lies.
struct Home {
    std::filesystem::path root;

    std::filesystem::path database() const { return root / "metadata.db"; }
    /// Where the metadata are in a PostgreSQL database instead: says which. See metadata_place.hpp.
    std::filesystem::path postgres_mark() const { return root / "metadata.postgres"; }
    std::filesystem::path keys() const { return root / "keys"; }
    std::filesystem::path logs() const { return root / "logs"; }
    std::filesystem::path workspace(const TenantId& tenant) const { return root / "workspaces" / tenant.text(); }
    /// Journals of what processes spend of quotas in memory.
    std::filesystem::path leases() const { return root / "leases"; }
    /// Outside the workspace: a repository must never back itself up.
    std::filesystem::path repository(const TenantId& tenant) const { return root / "backups" / tenant.text(); }
    /// The stores beside the home's own.
    std::filesystem::path stores() const { return root / "stores.json"; }
    std::filesystem::path vault(const TenantId& tenant) const { return root / "keys" / "backup" / tenant.text(); }
    /// Held by who puts footage of the tenant in place.
    std::filesystem::path recordings_lock(const TenantId& tenant) const { return root / "locks" / (tenant.text() + ".recordings"); }
    /// Shared by who plans a job over footage of the tenant, held alone by who removes some.
    std::filesystem::path footage_lock(const TenantId& tenant) const { return root / "locks" / (tenant.text() + ".footage"); }
    /// There while a restore into the workspace is at work, and after one that was killed. Holds whose it is; nothing where several may have
    /// left something.
    std::filesystem::path restoring(const TenantId& tenant) const { return root / "locks" / (tenant.text() + ".restoring"); }
    /// What opens the vault's slot of this home; sealed by the master key.
    std::filesystem::path backup_key(const TenantId& tenant) const { return root / "keys" / "backup" / (tenant.text() + ".key"); }
    /// There instead of it where the host keeps the key. Holds how long work waits for that, in microseconds.
    std::filesystem::path backup_deferred(const TenantId& tenant) const { return root / "keys" / "backup" / (tenant.text() + ".deferred"); }
};

/// The folders of one tenant's workspace.
struct Workspace {
    std::filesystem::path root;

    std::filesystem::path project(const ProjectId& id) const { return root / "projects" / id.text(); }
    std::filesystem::path assets(const ProjectId& id) const { return project(id) / "assets"; }
    std::filesystem::path exports() const { return root / "exports"; }
    std::filesystem::path temp() const { return root / "temp"; }
    std::filesystem::path recordings() const { return root / "recordings"; }

    /// Makes what is missing, for the owner's eyes only.
    void make() const;
};

/// Whether the database has a write-ahead log: of a process that is still there, or that was killed.
bool has_left_log(const Home& home);

/// Makes `folder` and its parents, mode 0700.
void make_private_folder(const std::filesystem::path& folder);

}  // namespace tenon::engine
