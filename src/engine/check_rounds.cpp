#include "check_rounds.hpp"

namespace tenon::engine::check_rounds {
namespace {

constexpr db::TenantStmt find_round{"SELECT after_pack, began_at, since FROM backup_check WHERE tenant_id = :tenant AND level = :level"};
constexpr db::TenantStmt put_round{
    "INSERT INTO backup_check_ (tenant_id, level, after_pack, began_at, since) VALUES (:tenant, :level, :after_pack, :began_at, :since) "
    "ON CONFLICT (tenant_id, level) DO UPDATE SET after_pack = excluded.after_pack, began_at = excluded.began_at, since = excluded.since"};
constexpr db::TenantStmt drop_rounds{"DELETE FROM backup_check_ WHERE tenant_id = :tenant"};

}  // namespace

std::vector<db::Migration> migrations() {
    return {{"engine", 11,
             db::tenant_table("backup_check", "level INTEGER NOT NULL, after_pack TEXT NOT NULL, began_at INTEGER NOT NULL, since INTEGER",
                              "PRIMARY KEY (tenant_id, level)")}};
}

std::optional<Round> find(db::Reader& reader, CheckLevel level) {
    auto rows = reader.query(find_round, static_cast<std::int64_t>(level));
    if (!rows.next()) return std::nullopt;
    return Round{.after = rows.text(0), .began = rows.time(1), .since = rows.maybe_time(2)};
}

Round after_check(const std::optional<Round>& before, const std::string& last, bool came_round, bool whole, Time began) {
    if (whole) return {.after = last, .began = began, .since = began};
    Round round = before.value_or(Round{.after = {}, .began = began, .since = {}});
    round.after = last;
    if (!came_round) return round;
    // The first one began at the first pack, and so it was as if one had come round before it.
    round.since = round.began;
    round.began = began;
    return round;
}

void keep(db::Tx& tx, CheckLevel level, const Round& round) {
    tx.exec(put_round, static_cast<std::int64_t>(level), round.after, round.began, round.since);
}

void erase(db::Tx& tx) { tx.exec(drop_rounds); }

}  // namespace tenon::engine::check_rounds
