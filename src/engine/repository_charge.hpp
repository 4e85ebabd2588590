#pragma once

#include <cstdint>

#include <backup/repository.hpp>

#include "core.hpp"

/// What a tenant's storage is charged for its backup repository: row and quota change in one transaction.
namespace tenon::engine::repository_charge {

/// Also the mark that a repository was made, from its first byte on.
void add(db::Tx& tx, std::int64_t bytes);
bool is_there(db::Reader& reader);
void erase(db::Tx& tx);

/// Sets what was charged for the repository to what it weighs, whatever a killed process could not book.
void reconcile(EngineImpl& engine, const db::TenantScope& scope);
void try_reconcile(EngineImpl& engine, const db::TenantScope& scope) noexcept;

/// Charges a backup's packs as they land. What the hold did not need is returned when the job ends.
class JobLedger final : public backup::Ledger {
public:
    JobLedger(EngineImpl& engine, const db::TenantScope& scope, const HoldId& hold) : engine_(engine), scope_(scope), hold_(hold) {}

    void reserve(std::int64_t bytes) override;
    void commit(std::int64_t bytes) noexcept override;
    void release(std::int64_t bytes) noexcept override { spare_ += bytes; }

private:
    EngineImpl& engine_;
    const db::TenantScope& scope_;
    const HoldId hold_;
    std::int64_t spare_ = 0;  // held and not needed: the next pack's
};

}  // namespace tenon::engine::repository_charge
