#include <tenant/audit_seal.hpp>

#include <algorithm>

#include <base/file.hpp>
#include <crypto/encoding.hpp>
#include <tenon/error.hpp>

#include "audit_log.hpp"
#include "audit_record.hpp"
#include "audit_tree.hpp"

namespace tenon::tenant::audit {
namespace {

constexpr std::int64_t page_size = 1000;

constexpr db::TenantStmt heads_stmt{"SELECT size, root, leaf, checkpoint FROM audit_head WHERE tenant_id = :tenant ORDER BY size"};
constexpr db::TenantStmt newest_head{
    "SELECT size, root, leaf, checkpoint FROM audit_head WHERE tenant_id = :tenant ORDER BY size DESC LIMIT 1"};
constexpr db::SystemStmt checkpoint_of{"SELECT size, time, note, vkey FROM audit_checkpoint WHERE n = :n"};

struct Head {
    std::int64_t size = 0;
    Digest root{};
    std::int64_t leaf = 0;
    std::int64_t checkpoint = 0;
};

struct Signed {
    std::int64_t size = 0;  ///< Of the tree over all logs.
    Time at{};
    std::string note, key;
};

Head head_of(const db::Rows& rows) { return {rows.i64(0), digest_of(rows.blob_view(1)), rows.i64(2), rows.i64(3)}; }

std::vector<Head> read_heads(db::Reader& reader) {
    std::vector<Head> heads;
    for (auto rows = reader.query(heads_stmt); rows.next();) heads.push_back(head_of(rows));
    return heads;
}

Signed read_signed(db::SystemReader& reader, std::int64_t n) {
    auto rows = reader.query(checkpoint_of, n);
    if (!rows.next()) throw Corrupt("a checkpoint of the audit trail is missing", {.subject = std::to_string(n)});
    return {rows.i64(0), rows.time(1), rows.text(2), rows.text(3)};
}

std::string line_of(const char* word, const std::vector<Digest>& path) {
    std::string line = word;
    for (const auto& hash : path) line += " " + crypto::to_hex(hash);
    return line + "\n";
}

std::vector<std::string> texts_of(const std::vector<Digest>& path) {
    std::vector<std::string> texts;
    for (const auto& hash : path) texts.push_back(crypto::to_hex(hash));
    return texts;
}

AuditCheckpoint public_form(const Head& head, const Signed& said) {
    return {.size = head.size, .root = crypto::to_hex(head.root), .at = said.at, .note = said.note, .key = said.key};
}

/// What ties a log's head to a signature: its place in the tree over all logs, and how that tree grew since `before`.
std::string block_of(const Head& head, const Signed& said, StoredTree& tree, std::int64_t before) {
    const auto size = static_cast<std::uint64_t>(said.size);
    return "head " + std::to_string(head.size) + " " + crypto::to_hex(head.root) + " " + std::to_string(head.leaf) + "\n" +
           line_of("path", crypto::inclusion_path(size, static_cast<std::uint64_t>(head.leaf), tree.nodes())) +
           line_of("grown", crypto::consistency_path(size, static_cast<std::uint64_t>(before), tree.nodes())) + "note\n" + said.note;
}

}  // namespace

AuditCheckpoint newest_checkpoint(db::Database& database, const db::SystemScope& system, const db::TenantScope& scope) {
    const auto head = database.read(scope, [](db::Reader& reader) {
        auto rows = reader.query(newest_head);
        return rows.next() ? std::optional(head_of(rows)) : std::nullopt;
    });
    if (!head) return {};
    return public_form(*head, database.read(system, [&](db::SystemReader& r) { return read_signed(r, head->checkpoint); }));
}

AuditProof prove(db::Database& database, const db::SystemScope& system, const db::TenantScope& scope, std::int64_t seq) {
    AuditProof proof{.seq = seq, .size = 0, .path = {}, .text = {}};
    Head head;
    std::vector<Digest> path;
    std::string record;
    database.read(scope, [&](db::Reader& reader) {
        auto newest = reader.query(newest_head);
        if (seq < 0 || !newest.next() || newest.i64(0) <= seq)
            throw NotFound("the audit trail has no such record", {.subject = std::to_string(seq)});
        if (seq < read_pruned(reader).first) throw NotFound("the record was pruned", {.subject = std::to_string(seq)});
        head = head_of(newest);
        auto tree = log_tree(reader);
        path = crypto::inclusion_path(static_cast<std::uint64_t>(head.size), static_cast<std::uint64_t>(seq), tree.nodes());
        StoredRecords stored(reader, seq, seq + 1);
        const auto* found = stored.next();
        if (!found) throw Corrupt("the audit trail misses a record", {.subject = std::to_string(seq)});
        record = found->text;
    });
    proof.size = head.size;
    proof.path = texts_of(path);
    database.read(system, [&](db::SystemReader& reader) {
        auto tree = global_tree(reader);
        proof.text = "audit-proof 1\nlog " + log_name(scope.tenant()) + "\nrecord " + std::to_string(seq) + "\n" + record + "\n" +
                     line_of("path", path) + "checkpoints 1\n" + block_of(head, read_signed(reader, head.checkpoint), tree, 0) + "end\n";
    });
    return proof;
}

std::vector<std::string> consistency(db::Database& database, const db::TenantScope& scope, std::int64_t old_size, std::int64_t new_size) {
    if (old_size < 0 || old_size > new_size) throw InvalidArgument("must lie between 0 and new_size", {.subject = "old_size"});
    return database.read(scope, [&](db::Reader& reader) {
        const auto size = static_cast<std::int64_t>(read_log(reader).tree.size());
        if (new_size > size) throw InvalidArgument("the log has " + std::to_string(size) + " records", {.subject = "new_size"});
        auto tree = log_tree(reader);
        return texts_of(crypto::consistency_path(static_cast<std::uint64_t>(new_size), static_cast<std::uint64_t>(old_size), tree.nodes()));
    });
}

AuditCheckpoint export_file(db::Database& database, const db::SystemScope& system, const db::TenantScope& scope,
                            const std::filesystem::path& path) {
    std::int64_t pruned = 0;
    const auto heads = database.read(scope, [&](db::Reader& reader) {
        pruned = read_pruned(reader).first;
        return read_heads(reader);
    });
    if (heads.empty()) throw NotFound("the audit trail is empty", {.subject = log_name(scope.tenant())});
    const auto exists = [&] { return Conflict("the file exists", {.subject = path.string()}); };
    if (std::filesystem::exists(path)) throw exists();
    const auto size = heads.back().size;
    base::NewFile file(path, 0666);
    const auto write = [&](const std::string& text) { file.write(base::view_of(text)); };
    write((pruned > 0 ? "audit-export 2\nlog " : "audit-export 1\nlog ") + log_name(scope.tenant()) + "\nrecords " + std::to_string(size) + "\n");
    if (pruned > 0) write("pruned " + std::to_string(pruned) + "\n");
    for (std::int64_t next = 0; next < pruned;) {
        std::string text;
        const auto page = database.read(scope, [&](db::Reader& reader) { return pruned_leaves(reader, next, std::min(pruned, next + page_size)); });
        for (const auto& [seq, hash] : page) {
            if (seq != next++) throw Corrupt("the audit trail misses a hash", {.subject = std::to_string(seq)});
            text += crypto::to_hex(hash) + "\n";
        }
        if (page.empty()) throw Corrupt("the audit trail misses a hash", {.subject = std::to_string(next)});
        write(text);
    }
    for (auto next = pruned; next < size;) {
        std::string text;
        const auto before = next;
        database.read(scope, [&](db::Reader& reader) {
            if (read_pruned(reader).first != pruned) throw Unavailable("records were pruned meanwhile: try again", {.retryable = true});
            StoredRecords stored(reader, next, std::min(size, next + page_size));
            for (const auto* at = stored.next(); at; at = stored.next(), ++next) text.append(at->text).append("\n");
        });
        if (next == before) throw Corrupt("the audit trail misses a record", {.subject = std::to_string(next)});
        write(text);
    }
    write("checkpoints " + std::to_string(heads.size()) + "\n");
    AuditCheckpoint last;
    std::int64_t before = 0;
    for (std::size_t i = 0; i < heads.size();) {
        std::string text;
        database.read(system, [&](db::SystemReader& reader) {
            auto tree = global_tree(reader);
            for (const auto end = std::min(heads.size(), i + static_cast<std::size_t>(page_size)); i < end; ++i) {
                const auto said = read_signed(reader, heads[i].checkpoint);
                text += block_of(heads[i], said, tree, before);
                before = said.size;
                last = public_form(heads[i], said);
            }
        });
        write(text);
    }
    write("end\n");
    if (!file.finish()) throw exists();
    return last;
}

}  // namespace tenon::tenant::audit
