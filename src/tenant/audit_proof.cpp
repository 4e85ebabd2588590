#include <algorithm>
#include <fstream>

#include <crypto/encoding.hpp>
#include <crypto/merkle.hpp>
#include <tenant/audit_seal.hpp>
#include <tenon/error.hpp>

#include "audit_record.hpp"

namespace tenon::tenant::audit {
namespace {

constexpr std::int32_t page_size = 1000;

constexpr db::TenantStmt heads_stmt{"SELECT size, root, leaf, checkpoint FROM audit_head WHERE tenant_id = :tenant ORDER BY size"};
constexpr db::TenantStmt hashes{"SELECT hash FROM audit WHERE tenant_id = :tenant AND seq < :size ORDER BY seq"};
constexpr db::TenantStmt one{"SELECT record FROM audit WHERE tenant_id = :tenant AND seq = :seq"};
constexpr db::TenantStmt page{
    "SELECT record FROM audit WHERE tenant_id = :tenant AND seq >= :first AND seq < :size ORDER BY seq LIMIT :limit"};
constexpr db::SystemStmt checkpoint_of{"SELECT size, time, note, vkey FROM audit_checkpoint WHERE n = :n"};
constexpr db::SystemStmt global_leaves{"SELECT hash FROM audit_leaf WHERE leaf < :size ORDER BY leaf"};

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

Digest digest_of(base::ByteView bytes) {
    Digest digest{};
    if (bytes.size() != digest.size()) throw Corrupt("a hash of the audit trail has another length", {.subject = "hash"});
    std::ranges::copy(bytes, digest.begin());
    return digest;
}

std::vector<Head> read_heads(db::Reader& reader) {
    std::vector<Head> heads;
    for (auto rows = reader.query(heads_stmt); rows.next();)
        heads.push_back({rows.i64(0), digest_of(rows.blob_view(1)), rows.i64(2), rows.i64(3)});
    return heads;
}

Signed read_signed(db::SystemReader& reader, std::int64_t n) {
    auto rows = reader.query(checkpoint_of, n);
    if (!rows.next()) throw Corrupt("a checkpoint of the audit trail is missing", {.subject = std::to_string(n)});
    return {rows.i64(0), rows.time(1), rows.text(2), rows.text(3)};
}

template <class Reader, class Stmt>
std::vector<Digest> read_leaves(Reader& reader, const Stmt& stmt, std::int64_t size) {
    std::vector<Digest> leaves;
    for (auto rows = reader.query(stmt, size); rows.next();) leaves.push_back(digest_of(rows.blob_view(0)));
    if (static_cast<std::int64_t>(leaves.size()) != size) throw Corrupt("the audit trail misses records", {.subject = std::to_string(leaves.size())});
    return leaves;
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
std::string block_of(const Head& head, const Signed& said, std::span<const Digest> leaves, std::int64_t before) {
    const auto tree = leaves.first(static_cast<std::size_t>(said.size));
    return "head " + std::to_string(head.size) + " " + crypto::to_hex(head.root) + " " + std::to_string(head.leaf) + "\n" +
           line_of("path", crypto::inclusion_path(tree, static_cast<std::uint64_t>(head.leaf))) +
           line_of("grown", crypto::consistency_path(tree, static_cast<std::uint64_t>(before))) + "note\n" + said.note;
}

/// A file that appears whole or not at all.
class NewFile {
public:
    explicit NewFile(std::filesystem::path path) : path_(std::move(path)), part_(path_.string() + ".part") {
        if (std::filesystem::exists(path_)) throw Conflict("the file exists", {.subject = path_.string()});
        out_.open(part_, std::ios::binary | std::ios::trunc);
        check();
    }
    ~NewFile() {
        std::error_code ignored;
        if (!done_) std::filesystem::remove(part_, ignored);
    }
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    void write(const std::string& text) {
        out_ << text;
        check();
    }
    void finish() {
        out_.close();
        check();
        std::filesystem::rename(part_, path_);
        done_ = true;
    }

private:
    void check() const {
        if (!out_) throw Unavailable("the audit file cannot be written", {.subject = path_.string()});
    }
    const std::filesystem::path path_, part_;
    std::ofstream out_;
    bool done_ = false;
};

}  // namespace

AuditCheckpoint newest_checkpoint(db::Database& database, const db::SystemScope& system, const db::TenantScope& scope) {
    const auto heads = database.read(scope, read_heads);
    if (heads.empty()) return {};
    return public_form(heads.back(), database.read(system, [&](db::SystemReader& r) { return read_signed(r, heads.back().checkpoint); }));
}

AuditProof prove(db::Database& database, const db::SystemScope& system, const db::TenantScope& scope, std::int64_t seq) {
    const auto heads = database.read(scope, read_heads);
    if (seq < 0 || heads.empty() || heads.back().size <= seq)
        throw NotFound("the audit trail has no such record", {.subject = std::to_string(seq)});
    const auto& head = heads.back();
    AuditProof proof{.seq = seq, .size = head.size, .path = {}, .text = {}};
    std::vector<Digest> path;
    std::string record;
    database.read(scope, [&](db::Reader& reader) {
        path = crypto::inclusion_path(read_leaves(reader, hashes, head.size), static_cast<std::uint64_t>(seq));
        auto rows = reader.query(one, seq);
        if (rows.next()) record = rows.text(0);
    });
    proof.path = texts_of(path);
    database.read(system, [&](db::SystemReader& reader) {
        const auto said = read_signed(reader, head.checkpoint);
        const auto leaves = read_leaves(reader, global_leaves, said.size);
        proof.text = "audit-proof 1\nlog " + log_name(scope.tenant()) + "\nrecord " + std::to_string(seq) + "\n" + record + "\n" +
                     line_of("path", path) + "checkpoints 1\n" + block_of(head, said, leaves, 0) + "end\n";
    });
    return proof;
}

std::vector<std::string> consistency(db::Database& database, const db::TenantScope& scope, std::int64_t old_size, std::int64_t new_size) {
    if (old_size < 0 || old_size > new_size) throw InvalidArgument("must lie between 0 and new_size", {.subject = "old_size"});
    return database.read(scope, [&](db::Reader& reader) {
        std::vector<Digest> leaves;
        for (auto rows = reader.query(hashes, new_size); rows.next();) leaves.push_back(digest_of(rows.blob_view(0)));
        if (static_cast<std::int64_t>(leaves.size()) != new_size)
            throw InvalidArgument("the log has " + std::to_string(leaves.size()) + " records", {.subject = "new_size"});
        return texts_of(crypto::consistency_path(leaves, static_cast<std::uint64_t>(old_size)));
    });
}

AuditCheckpoint export_file(db::Database& database, const db::SystemScope& system, const db::TenantScope& scope,
                            const std::filesystem::path& path) {
    const auto heads = database.read(scope, read_heads);
    if (heads.empty()) throw NotFound("the audit trail is empty", {.subject = log_name(scope.tenant())});
    const auto size = heads.back().size;
    NewFile file(path);
    file.write("audit-export 1\nlog " + log_name(scope.tenant()) + "\nrecords " + std::to_string(size) + "\n");
    for (std::int64_t next = 0; next < size;) {
        const auto before = next;
        database.read(scope, [&](db::Reader& reader) {
            for (auto rows = reader.query(page, next, size, page_size); rows.next(); ++next) file.write(rows.text(0) + "\n");
        });
        if (next == before) throw Corrupt("the audit trail misses a record", {.subject = std::to_string(next)});
    }
    file.write("checkpoints " + std::to_string(heads.size()) + "\n");
    AuditCheckpoint last;
    database.read(system, [&](db::SystemReader& reader) {
        const auto leaves = read_leaves(reader, global_leaves, read_signed(reader, heads.back().checkpoint).size);
        std::int64_t before = 0;
        for (const auto& head : heads) {
            const auto said = read_signed(reader, head.checkpoint);
            file.write(block_of(head, said, leaves, before));
            before = said.size;
            last = public_form(head, said);
        }
    });
    file.write("end\n");
    file.finish();
    return last;
}

}  // namespace tenon::tenant::audit
