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

constexpr std::uint64_t page_size = 1000;

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
void check_value(std::uint64_t seq, const char* name, const std::optional<Digest>& committed, base::ByteView salt,
                 const std::optional<std::string_view>& value) {
    if (!value) return;
    if (!committed || commitment(salt, *value) != *committed) broken(seq, std::string(name) + " is not the one that was recorded");
}

/// Recomputes a log record by record.
class Walk {
public:
    Walk(const TenantId& tenant, Heads heads) : name_(log_name(tenant)), heads_(std::move(heads)) {}

    void take(db::Reader& reader, Names& names, const Stored& stored) {
        const auto seq = log_.tree.size();
        if (static_cast<std::uint64_t>(stored.seq) != seq) broken(seq, "it is missing");
        const auto leaf = crypto::merkle_leaf(base::view_of(stored.text));
        if (!std::ranges::equal(stored.hash, leaf)) broken(seq, "its content does not have its hash");
        Record record;
        try {
            record = parse_record(stored.text);
        } catch (const InvalidArgument& error) {
            broken(seq, error.what());
        }
        if (record.tenant != name_) broken(seq, "it belongs to another log");
        if (static_cast<std::uint64_t>(record.seq) != seq) broken(seq, "its number is another one");
        if (record.prev != log_.head) broken(seq, "it does not continue the record before");
        if (const auto& row = stored.columns;
            row && (record.time != row->time || record.action != row->action || !std::ranges::equal(record.actor, row->actor)))
            broken(seq, "its row says something else");
        check_value(seq, "the reason", record.reason, stored.erasable.salt, stored.erasable.reason);
        check_value(seq, "the list of details", record.details, stored.erasable.salt, stored.erasable.details);
        if (const auto* name = names.of(record.actor)) check_value(seq, "the actor", record.actor, name->salt, name->value);
        log_.head = leaf;
            // A home that is older than these rows lacks some: they are worked out when they are needed.
        const auto compare = [&](int level, std::uint64_t n, const Digest& hash) {
            auto known = reader.query(node, level, n);
            if (known.next() && !std::ranges::equal(known.blob_view(0), hash)) broken(seq, "what proofs are made of is another hash");
        };
        log_.tree.append(leaf, stored_levels(compare));
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
        if (last_stored(reader) >= static_cast<std::int64_t>(log.tree.size())) broken(log.tree.size(), "it stands behind the log's end");
        return log;
    });
    Walk walk(scope.tenant(), std::move(heads));
    while (walk.log().tree.size() < end.tree.size()) {
        const auto before = walk.log().tree.size();
        database.read(scope, [&](db::Reader& reader) {
            const auto until = std::min(end.tree.size(), before + page_size);
            StoredRecords stored(reader, static_cast<std::int64_t>(before), static_cast<std::int64_t>(until));
            Names names(reader);
            while (const auto* at = stored.next()) walk.take(reader, names, *at);
        });
        if (walk.log().tree.size() == before) broken(before, "it is missing");
    }
    if (walk.log().head != end.head || walk.log().tree.edge() != end.tree.edge())
        broken(end.tree.size(), "the log's end is not the one that its records lead to");
    return {.records = static_cast<std::int64_t>(end.tree.size()), .head = end.tree.size() ? crypto::to_hex(end.head) : ""};
}

}  // namespace tenon::tenant::audit
