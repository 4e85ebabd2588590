#include <db/tx.hpp>

#include <utility>

#include "backend.hpp"

namespace tenon::db {
namespace {

Actor actor_of(const TenantScope& scope) { return {Actor::Kind::tenant, base::bytes_of(scope.tenant())}; }
constexpr Actor system_actor{Actor::Kind::system, {}};

}  // namespace

Rows Reader::run(const StatementText& text, std::span<const Value> values) {
    return Rows(connection_.query(actor_of(scope_), text, values));
}

std::int64_t Tx::change(const StatementText& text, std::span<const Value> values) {
    return connection_.change(actor_of(scope_), text, values);
}

void Tx::on_commit(std::function<void()> then) { connection_.after_commit(std::move(then)); }

void Tx::before_commit(void (*finish)(Tx&)) { connection_.before_commit(scope_, finish); }

std::uint64_t Tx::lineage() const noexcept { return connection_.lineage(); }

Rows SystemReader::run(const StatementText& text, std::span<const Value> values) {
    return Rows(connection_.query(system_actor, text, values));
}

std::int64_t SystemTx::change(const StatementText& text, std::span<const Value> values) {
    return connection_.change(system_actor, text, values);
}

void SystemTx::on_commit(std::function<void()> then) { connection_.after_commit(std::move(then)); }

}  // namespace tenon::db
