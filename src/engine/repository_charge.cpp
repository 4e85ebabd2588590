#include "repository_charge.hpp"

#include <algorithm>
#include <filesystem>

#include <tenant/quota.hpp>

#include "repositories.hpp"

namespace tenon::engine {

std::vector<db::Migration> repository_migrations() {
    return {{"engine", 3, db::tenant_table("repository", "charged INTEGER NOT NULL", "PRIMARY KEY (tenant_id)")}};
}

namespace repository_charge {

namespace quota = tenant::quota;

namespace {

constexpr db::TenantStmt find_charge{"SELECT charged FROM repository WHERE tenant_id = :tenant"};
constexpr db::TenantStmt first_charge{"INSERT INTO repository_ (tenant_id, charged) VALUES (:tenant, :charged)"};
constexpr db::TenantStmt add_charge{"UPDATE repository_ SET charged = charged + :bytes WHERE tenant_id = :tenant"};
constexpr db::TenantStmt erase_charge{"DELETE FROM repository_ WHERE tenant_id = :tenant"};

std::int64_t weight_of(const std::filesystem::path& folder) {
    std::int64_t total = 0;
    std::error_code error;
    for (auto entry = std::filesystem::recursive_directory_iterator(folder, error);
         !error && entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
        std::error_code ignored;
        if (entry->is_regular_file(ignored)) {
            const auto size = entry->file_size(ignored);
            if (!ignored) total += static_cast<std::int64_t>(size);
        }
    }
    return total;
}

}  // namespace

void add(db::Tx& tx, std::int64_t bytes) {
    if (tx.exec(add_charge, bytes) == 0) tx.exec(first_charge, bytes);
}

bool is_there(db::Reader& reader) { return reader.query(find_charge).next(); }

void erase(db::Tx& tx) { tx.exec(erase_charge); }

void reconcile(EngineImpl& engine, const db::TenantScope& scope) {
    const auto weight = weight_of(engine.home.repository(scope.tenant()));
    try {
        engine.database->write(scope, [&](db::Tx& tx) {
            std::int64_t charged = 0;
            {
                auto rows = tx.query(find_charge);
                if (rows.next()) charged = rows.i64(0);
            }
            if (weight > charged) quota::charge(tx, {Resource::storage, weight - charged}, engine.now());
            if (weight < charged) quota::free(tx, {Resource::storage, charged - weight}, engine.now());
            if (weight != charged) add(tx, weight - charged);
        });
    } catch (const QuotaExceeded& error) {
        engine.log->failure("backup", "the repository weighs more than its tenant's storage has room for", error);
    }
}

void try_reconcile(EngineImpl& engine, const db::TenantScope& scope) noexcept {
    try {
        reconcile(engine, scope);
    } catch (const std::exception& error) {
        engine.log->failure("backup", "the repository is weighed again with the next backup", error);
    }
}

void JobLedger::reserve(std::int64_t bytes) {
    const auto more = bytes - spare_;
    if (more > 0)
        engine_.database->write(scope_, [&](db::Tx& tx) { quota::extend(tx, hold_, {Resource::storage, more}, engine_.now()); });
    spare_ = std::max<std::int64_t>(0, -more);
}

void JobLedger::commit(std::int64_t bytes) noexcept {
    try {
        engine_.database->write(scope_, [&](db::Tx& tx) {
            quota::spend(tx, hold_, {Resource::storage, bytes}, engine_.now());
            add(tx, bytes);
        });
    } catch (const std::exception& error) {
        engine_.log->failure("backup", "a pack is not charged before the repository is weighed", error);
    }
}

}  // namespace repository_charge
}  // namespace tenon::engine
