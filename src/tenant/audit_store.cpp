#include "audit_store.hpp"

#include <algorithm>
#include <utility>

#include <crypto/merkle.hpp>
#include <tenon/error.hpp>

#include "audit_tree.hpp"

namespace tenon::tenant::audit {
namespace {

constexpr db::TenantStmt insert{
    "INSERT INTO audit_ (tenant_id, seq, time, action, actor, record, hash) "
    "VALUES (:tenant, :seq, :time, :action, :actor, :record, :hash)"};
constexpr db::TenantStmt insert_private{
    "INSERT INTO audit_private_ (tenant_id, seq, salt, reason, details) VALUES (:tenant, :seq, :salt, :reason, :details)"};
constexpr db::TenantStmt insert_pack{
    "INSERT INTO audit_pack_ (tenant_id, seq, size, hashes, records) VALUES (:tenant, :seq, :size, :hashes, :records)"};
constexpr db::TenantStmt insert_pack_private{
    "INSERT INTO audit_pack_private_ (tenant_id, seq, data) VALUES (:tenant, :seq, :data)"};
constexpr db::TenantStmt insert_node{"INSERT INTO audit_node_ (tenant_id, level, n, hash) VALUES (:tenant, :level, :n, :hash)"};

constexpr db::TenantStmt rows_stmt{
    "SELECT a.seq, a.time, a.action, a.actor, a.record, a.hash, p.salt, p.reason, p.details FROM audit a "
    "LEFT JOIN audit_private p ON p.tenant_id = :tenant AND p.seq = a.seq "
    "WHERE a.tenant_id = :tenant AND a.seq >= :first AND a.seq < :end AND substr(a.action, 1, :length) = :begins "
    "AND length(a.action) <= :longest ORDER BY a.seq"};
constexpr db::TenantStmt packs_stmt{
    "SELECT k.seq, k.size, k.hashes, k.records, p.data FROM audit_pack k "
    "LEFT JOIN audit_pack_private p ON p.tenant_id = :tenant AND p.seq = k.seq "
    "WHERE k.tenant_id = :tenant AND k.seq > :before AND k.seq < :end ORDER BY k.seq"};
constexpr db::TenantStmt leaves_of_rows{
    "SELECT seq, hash FROM audit WHERE tenant_id = :tenant AND seq >= :first AND seq < :end ORDER BY seq"};
constexpr db::TenantStmt leaves_of_packs{
    "SELECT seq, hashes FROM audit_pack WHERE tenant_id = :tenant AND seq > :before AND seq < :end ORDER BY seq"};
constexpr db::TenantStmt last_row{"SELECT coalesce(max(seq), -1) FROM audit WHERE tenant_id = :tenant"};
constexpr db::TenantStmt last_pack{"SELECT seq + size - 1 FROM audit_pack WHERE tenant_id = :tenant ORDER BY seq DESC LIMIT 1"};
constexpr db::TenantStmt erase_row{"DELETE FROM audit_private_ WHERE tenant_id = :tenant AND seq = :seq"};
constexpr db::TenantStmt private_pack{
    "SELECT seq, data FROM audit_pack_private WHERE tenant_id = :tenant AND seq <= :seq AND seq > :before ORDER BY seq DESC LIMIT 1"};
constexpr db::TenantStmt update_pack{"UPDATE audit_pack_private_ SET data = :data WHERE tenant_id = :tenant AND seq = :seq"};
constexpr db::TenantStmt erase_pack{"DELETE FROM audit_pack_private_ WHERE tenant_id = :tenant AND seq = :seq"};
constexpr db::TenantStmt retention_row{"SELECT first, until FROM audit_retention WHERE tenant_id = :tenant"};
constexpr db::TenantStmt leaves_of_pruned{
    "SELECT seq, hashes FROM audit_pruned WHERE tenant_id = :tenant AND seq > :before AND seq < :end ORDER BY seq"};
constexpr db::TenantStmt pack_around{
    "SELECT seq, size FROM audit_pack WHERE tenant_id = :tenant AND seq < :seq AND seq > :before ORDER BY seq DESC LIMIT 1"};
constexpr db::TenantStmt name{"SELECT salt, value FROM audit_actor WHERE tenant_id = :tenant AND ref = :ref"};

constexpr auto digest_size = sizeof(Digest);
constexpr std::uint8_t with_reason = 1, with_details = 2;

// One after the other: which of the two there are, 16 bytes of salt, and each with its length before it in four bytes.
void encode(base::ByteVector& to, const Erasable& hidden) {
    const auto flags = static_cast<std::uint8_t>((hidden.reason ? with_reason : 0) | (hidden.details ? with_details : 0));
    to.push_back(flags);
    if (flags == 0) return;
    base::append(to, hidden.salt);
    for (const auto* value : {&hidden.reason, &hidden.details}) {
        if (!*value) continue;
        base::append_le(to, static_cast<std::uint32_t>((*value)->size()));
        base::append(to, base::view_of(**value));
    }
}

/// Takes the first `count` bytes off; none: there are not so many.
std::optional<base::ByteView> take(base::ByteView& from, std::size_t count) {
    if (from.size() < count) return std::nullopt;
    const auto taken = from.first(count);
    from = from.subspan(count);
    return taken;
}

/// False: it is not of this form.
bool decode(base::ByteView& from, Erasable& hidden) {
    hidden = {};
    const auto flags = take(from, 1);
    if (!flags || (*flags)[0] > (with_reason | with_details)) return false;
    if ((*flags)[0] == 0) return true;
    const auto salt = take(from, sizeof(Salt));
    if (!salt) return false;
    hidden.salt = *salt;
    for (const auto& [flag, value] : {std::pair{with_reason, &hidden.reason}, std::pair{with_details, &hidden.details}}) {
        if (((*flags)[0] & flag) == 0) continue;
        const auto length = take(from, sizeof(std::uint32_t));
        const auto bytes = length ? take(from, base::load_le<std::uint32_t>(length->data())) : std::nullopt;
        if (!bytes) return false;
        *value = base::text_of(*bytes);
    }
    return true;
}

std::int64_t before_packs_of(std::int64_t first) { return first - static_cast<std::int64_t>(pack_limit); }

bool matches(std::string_view action, const ActionFilter& filter) {
    return filter.whole ? action == filter.begins : action.starts_with(filter.begins);
}

/// Its action is the first member of a record's text.
bool is_wanted(std::string_view text, const ActionFilter& filter) {
    constexpr std::string_view start = "{\"action\":\"";
    if (filter.begins.empty()) return true;
    const auto end = text.find_first_of("\"\\", start.size());
    if (end != std::string_view::npos && text[end] == '"') return matches(text.substr(start.size(), end - start.size()), filter);
    try {
        return matches(parse_record(text).action, filter);
    } catch (const InvalidArgument&) {
        return true;  // who looks at it finds that it cannot be read
    }
}

}  // namespace

Digest Pack::add(const NewRecord& record, const Erasable& hidden) {
    const auto begin = records.size();
    append_text(records, record);
    const auto hash = crypto::merkle_leaf(base::view_of(records).subspan(begin));
    records += '\n';
    if (size == 0) seq = record.seq;
    if (size == 1) records.reserve(pack_limit * (records.size() - begin + 16));
    time = record.time;
    action = record.action;
    actor = record.actor;
    base::append(hashes, hash);
    encode(erasable, hidden);
    has_erasable = has_erasable || hidden.reason || hidden.details;
    ++size;
    return hash;
}

void Pack::clear() {
    size = 0;
    hashes.clear();
    records.clear();
    erase();
}

void Pack::erase() {
    erasable.assign(size, 0);
    has_erasable = false;
}

void store(db::Tx& tx, const Pack& pack) {
    if (pack.size > 1) {
        tx.exec(insert_pack, pack.seq, pack.size, pack.hashes, pack.records);
        if (pack.has_erasable) tx.exec(insert_pack_private, pack.seq, pack.erasable);
        return;
    }
    base::ByteView rest = pack.erasable;
    Erasable hidden;
    if (!decode(rest, hidden)) throw InternalError("what is erasable of an audit record was lost on its way");
    const auto text = std::string_view(pack.records).substr(0, pack.records.size() - 1);
    tx.exec(insert, pack.seq, pack.time, pack.action, pack.actor, text, pack.hashes);
    if (pack.has_erasable) tx.exec(insert_private, pack.seq, hidden.salt, hidden.reason, hidden.details);
}

void store(db::Tx& tx, const Node& node) { tx.exec(insert_node, node.level, node.n, node.hash); }

StoredRecords::StoredRecords(db::Reader& reader, std::int64_t first, std::int64_t end, const ActionFilter& filter)
    : first_(first),
      end_(end),
      filter_(filter),
      rows_(reader.query(rows_stmt, first, end, filter.begins.size(), filter.begins,
                         filter.whole ? static_cast<std::int64_t>(filter.begins.size()) : INT64_MAX)),
      packs_(reader.query(packs_stmt, before_packs_of(first), end)) {
    row_there_ = rows_.next();
    read_pack();
}

const Stored* StoredRecords::next() {
    if (std::exchange(row_given_, false)) row_there_ = rows_.next();
    while (pack_there_ && given_ == pack_.size()) {
        if (row_there_ && broken_ && rows_.i64(0) < *broken_) break;
        if (broken_) throw Corrupt("records of the audit trail cannot be read", {.subject = std::to_string(*broken_)});
        read_pack();
    }
    const bool packed = given_ < pack_.size();
    if (row_there_ && (!packed || rows_.i64(0) <= pack_[given_].seq)) return &row();
    return packed ? &pack_[given_++] : nullptr;
}

const Stored& StoredRecords::row() {
    row_ = {.seq = rows_.i64(0),
            .text = rows_.text_view(4),
            .hash = rows_.blob_view(5),
            .erasable = {},
            .columns = Stored::Columns{.time = rows_.time(1), .action = rows_.text_view(2), .actor = rows_.blob_view(3)}};
    if (!rows_.is_null(6)) row_.erasable.salt = rows_.blob_view(6);
    if (!rows_.is_null(7)) row_.erasable.reason = rows_.text_view(7);
    if (!rows_.is_null(8)) row_.erasable.details = rows_.text_view(8);
    row_given_ = true;
    return row_;
}

void StoredRecords::read_pack() {
    pack_.clear();
    given_ = 0;
    broken_.reset();
    pack_there_ = packs_.next();
    if (pack_there_) unpack();
}

void StoredRecords::unpack() {
    auto seq = packs_.i64(0);
    const auto size = packs_.i64(1);
    auto hashes = packs_.blob_view(2);
    auto records = packs_.text_view(3);
    const bool has_erasable = !packs_.is_null(4);
    auto erasable = has_erasable ? packs_.blob_view(4) : base::ByteView();
    for (std::int64_t i = 0; i < size; ++i, ++seq) {
        const auto hash = take(hashes, digest_size);
        const auto end = records.find('\n');
        Erasable hidden;
        if (!hash || end == std::string_view::npos || (has_erasable && !decode(erasable, hidden))) {
            broken_ = seq;
            return;
        }
        const auto text = records.substr(0, end);
        records.remove_prefix(end + 1);
        if (seq >= first_ && seq < end_ && is_wanted(text, filter_))
            pack_.push_back({.seq = seq, .text = text, .hash = *hash, .erasable = hidden, .columns = {}});
    }
    if (!hashes.empty() || !records.empty() || !erasable.empty()) broken_ = seq;
}

namespace {

/// One record's share of what a pack has beside it.
bool erase_in_pack(db::Tx& tx, std::int64_t seq) {
    auto rows = tx.query(private_pack, seq, before_packs_of(seq));
    if (!rows.next()) return false;
    const auto first = rows.i64(0);
    const auto data = rows.blob(1);
    base::ByteView rest = data;
    base::ByteVector left;
    bool found = false, any = false;
    for (auto at = first; !rest.empty(); ++at) {
        Erasable hidden;
        if (!decode(rest, hidden)) throw Corrupt("records of the audit trail cannot be read", {.subject = std::to_string(at)});
        const bool has_some = hidden.reason || hidden.details;
        if (at == seq && has_some) {
            found = true;
            hidden = {};
        }
        any = any || (has_some && at != seq);
        encode(left, hidden);
    }
    if (!found) return false;
    if (any) tx.exec(update_pack, left, first);
    else tx.exec(erase_pack, first);
    return true;
}

}  // namespace

std::int64_t erase_values(db::Tx& tx, std::span<const std::int64_t> seqs) {
    std::int64_t count = 0;
    for (const auto seq : seqs) count += tx.exec(erase_row, seq) > 0 || erase_in_pack(tx, seq);
    return count;
}

namespace {

/// Of rows of hashes one behind the other, those of [first, end).
void append_leaves(std::vector<std::pair<std::int64_t, Digest>>& to, db::Rows rows, std::int64_t first, std::int64_t end) {
    while (rows.next()) {
        auto hashes = rows.blob_view(1);
        for (auto seq = rows.i64(0); !hashes.empty() && seq < end; ++seq) {
            const auto hash = take(hashes, digest_size);
            if (!hash) throw Corrupt("a hash of the audit trail has another length", {.subject = "hash"});
            if (seq >= first) to.emplace_back(seq, digest_of(*hash));
        }
    }
}

}  // namespace

Pruned read_pruned(db::Reader& reader) {
    auto rows = reader.query(retention_row);
    return rows.next() ? Pruned{rows.i64(0), rows.i64(1)} : Pruned{};
}

std::vector<std::pair<std::int64_t, Digest>> pruned_leaves(db::Reader& reader, std::int64_t first, std::int64_t end) {
    std::vector<std::pair<std::int64_t, Digest>> leaves;
    append_leaves(leaves, reader.query(leaves_of_pruned, first - static_cast<std::int64_t>(pruned_limit), end), first, end);
    return leaves;
}

std::int64_t row_start(db::Reader& reader, std::int64_t seq) {
    auto rows = reader.query(pack_around, seq, before_packs_of(seq));
    return rows.next() && rows.i64(0) + rows.i64(1) > seq ? rows.i64(0) : seq;
}

std::vector<std::pair<std::int64_t, Digest>> stored_leaves(db::Reader& reader, std::int64_t first, std::int64_t end) {
    std::vector<std::pair<std::int64_t, Digest>> leaves;
    for (auto rows = reader.query(leaves_of_rows, first, end); rows.next();) leaves.emplace_back(rows.i64(0), digest_of(rows.blob_view(1)));
    const auto alone = leaves.size();
    append_leaves(leaves, reader.query(leaves_of_packs, before_packs_of(first), end), first, end);
    std::ranges::inplace_merge(leaves, leaves.begin() + static_cast<std::ptrdiff_t>(alone));
    if (!leaves.empty() && leaves.front().first == first) return leaves;
    // What is missing in front was pruned, or it was never there.
    auto all = pruned_leaves(reader, first, end);
    all.insert(all.end(), leaves.begin(), leaves.end());
    return all;
}

std::int64_t last_stored(db::Reader& reader) {
    auto rows = reader.query(last_row);
    rows.next();
    auto packs = reader.query(last_pack);
    return std::max(rows.i64(0), packs.next() ? packs.i64(0) : -1);
}

const Names::Name* Names::of(base::ByteView ref) {
    const auto [place, fresh] = known_.try_emplace(digest_of(ref));
    if (fresh)
        if (auto rows = reader_.query(name, ref); rows.next()) place->second = Name{rows.blob(0), rows.text(1)};
    return place->second ? &*place->second : nullptr;
}

}  // namespace tenon::tenant::audit
