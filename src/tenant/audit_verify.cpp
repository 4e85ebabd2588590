#include <tenant/audit.hpp>

#include <algorithm>
#include <map>

#include <crypto/encoding.hpp>
#include <tenon/error.hpp>

#include "audit_log.hpp"
#include "audit_record.hpp"
#include "audit_tree.hpp"

namespace tenon::tenant::audit {
namespace {

constexpr std::int32_t page_size = 1000;

constexpr db::TenantStmt page{
    "SELECT a.seq, a.time, a.action, a.actor, a.record, a.hash, p.salt, p.reason, p.details, w.salt, w.value FROM audit a "
    "LEFT JOIN audit_private p ON p.tenant_id = :tenant AND p.seq = a.seq "
    "LEFT JOIN audit_actor w ON w.tenant_id = :tenant AND w.ref = a.actor "
    "WHERE a.tenant_id = :tenant AND a.seq >= :first AND a.seq < :size ORDER BY a.seq LIMIT :limit"};

constexpr db::TenantStmt last{"SELECT coalesce(max(seq), -1) FROM audit WHERE tenant_id = :tenant"};

constexpr db::TenantStmt node{"SELECT hash FROM audit_node WHERE tenant_id = :tenant AND level = :level AND n = :n"};
constexpr db::TenantStmt signed_heads{"SELECT size, root FROM audit_head WHERE tenant_id = :tenant ORDER BY size"};

/// What checkpoints have said of the log: roots by size.
using Heads = std::map<std::uint64_t, Digest>;

Heads read_heads(db::Reader& reader) {
    Heads heads;
    for (auto rows = reader.query(signed_heads); rows.next();)
        heads[static_cast<std::uint64_t>(rows.i64(0))] = digest_of(rows.blob_view(1));
    return heads;
}

[[noreturn]] void broken(std::uint64_t seq, const std::string& why) {
    throw Corrupt("the audit trail is damaged at record " + std::to_string(seq) + ": " + why, {.subject = std::to_string(seq)});
}

/// A value that was not forgotten must be the one that the record commits to.
void check_value(std::uint64_t seq, const char* name, const std::optional<Digest>& committed, const db::Rows& rows, int salt,
                 int value) {
    if (rows.is_null(value)) return;
    if (!committed || commitment(rows.blob_view(salt), rows.text_view(value)) != *committed)
        broken(seq, std::string(name) + " is not the one that was recorded");
}

/// Recomputes a log record by record.
class Walk {
public:
    Walk(const TenantId& tenant, Heads heads) : name_(log_name(tenant)), heads_(std::move(heads)) {}

    void take(db::Reader& reader, const db::Rows& rows) {
        const auto seq = log_.tree.size();
        if (static_cast<std::uint64_t>(rows.i64(0)) != seq) broken(seq, "it is missing");
        const auto text = rows.text_view(4);
        const auto leaf = crypto::merkle_leaf(base::view_of(text));
        if (!std::ranges::equal(rows.blob_view(5), leaf)) broken(seq, "its content does not have its hash");
        Record record;
        try {
            record = parse_record(text);
        } catch (const InvalidArgument& error) {
            broken(seq, error.what());
        }
        if (record.tenant != name_) broken(seq, "it belongs to another log");
        if (static_cast<std::uint64_t>(record.seq) != seq) broken(seq, "its number is another one");
        if (record.prev != log_.head) broken(seq, "it does not continue the record before");
        if (record.time != rows.time(1) || record.action != rows.text_view(2) || !std::ranges::equal(record.actor, rows.blob_view(3)))
            broken(seq, "its row says something else");
        check_value(seq, "the reason", record.reason, rows, 6, 7);
        check_value(seq, "the list of details", record.details, rows, 6, 8);
        check_value(seq, "the actor", record.actor, rows, 9, 10);
        log_.head = leaf;
        log_.tree.append(leaf, stored_levels([&](int level, std::uint64_t n, const Digest& hash) {
            // A home that is older than these rows lacks some: they are worked out when they are needed.
            auto stored = reader.query(node, level, n);
            if (stored.next() && !std::ranges::equal(stored.blob_view(0), hash)) broken(seq, "what proofs are made of is another hash");
        }));
        if (const auto head = heads_.find(seq + 1); head != heads_.end() && head->second != log_.tree.root())
            broken(seq, "a signed checkpoint says that the log was another one up to here");
    }

    const Log& log() const noexcept { return log_; }

private:
    std::string name_;
    Heads heads_;
    Log log_;
};

}  // namespace

AuditReport verify(db::Database& database, const db::TenantScope& scope) {
    // What is appended meanwhile is left to the next verification.
    Heads heads;
    const auto end = database.read(scope, [&](db::Reader& reader) {
        heads = read_heads(reader);
        auto log = read_log(reader);
        if (!heads.empty() && heads.rbegin()->first > log.tree.size()) broken(log.tree.size(), "a signed checkpoint covers more records");
        auto rows = reader.query(last);
        rows.next();
        if (rows.i64(0) >= static_cast<std::int64_t>(log.tree.size())) broken(log.tree.size(), "it stands behind the log's end");
        return log;
    });
    Walk walk(scope.tenant(), std::move(heads));
    while (walk.log().tree.size() < end.tree.size()) {
        const auto before = walk.log().tree.size();
        database.read(scope, [&](db::Reader& reader) {
            for (auto rows = reader.query(page, before, end.tree.size(), page_size); rows.next();) walk.take(reader, rows);
        });
        if (walk.log().tree.size() == before) broken(before, "it is missing");
    }
    if (walk.log().head != end.head || walk.log().tree.edge() != end.tree.edge())
        broken(end.tree.size(), "the log's end is not the one that its records lead to");
    return {.records = static_cast<std::int64_t>(end.tree.size()), .head = end.tree.size() ? crypto::to_hex(end.head) : ""};
}

}  // namespace tenon::tenant::audit
