// How checkpoints are written down.
#include "evidence.hpp"

#include <algorithm>
#include <charconv>

#include <base/id.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <crypto/note.hpp>
#include <tenon/error.hpp>

#include "cbor.hpp"

namespace tenon::backup {
namespace {

constexpr std::string_view checkpoint_prefix = "checkpoint/";
constexpr std::string_view first_line = "backup-checkpoint 1\n";
constexpr std::size_t longest_record = 4096;
constexpr std::size_t chain_row = 16 + 8 + 32;

/// Reads what statement_of() writes; what else it lets pass is told by writing it anew.
class StatementReader {
public:
    explicit StatementReader(std::string_view text) : left_(text) {}
    [[noreturn]] static void fail() { throw InvalidArgument("this is no record of a checkpoint", {.subject = "record"}); }
    void word(std::string_view word) {
        if (!left_.starts_with(word)) fail();
        left_.remove_prefix(word.size());
    }
    bool try_word(std::string_view word) {
        if (!left_.starts_with(word)) return false;
        left_.remove_prefix(word.size());
        return true;
    }
    template <class Number> Number number() {
        Number value{};
        const auto [end, error] = std::from_chars(left_.data(), left_.data() + left_.size(), value);
        if (error != std::errc{}) fail();
        left_.remove_prefix(static_cast<std::size_t>(end - left_.data()));
        return value;
    }
    crypto::Digest digest() {
        crypto::Digest digest{};
        const auto bytes = crypto::from_hex(left_.substr(0, 64));
        if (!bytes || bytes->size() != digest.size()) fail();
        std::copy(bytes->begin(), bytes->end(), digest.begin());
        left_.remove_prefix(64);
        return digest;
    }
    std::string hex_text(std::size_t digits) {
        const auto text = left_.substr(0, digits);
        if (text.size() != digits || !crypto::from_hex(text)) fail();
        left_.remove_prefix(digits);
        return std::string(text);
    }
    bool done() const { return left_.empty(); }

private:
    std::string_view left_;
};

template <class Set> ByteVector rows_of(const Set& ids) {
    ByteVector rows;
    for (const auto& id : ids) base::append(rows, id);
    return rows;
}

/// Fixed rows in ascending order, as sets write them.
template <std::size_t N> std::set<std::array<std::uint8_t, N>> ids_of(cbor::Reader& reader) {
    const auto rows = reader.bytes();
    if (rows.size() % N != 0) reader.fail();
    std::set<std::array<std::uint8_t, N>> ids;
    for (std::size_t at = 0; at < rows.size(); at += N) {
        std::array<std::uint8_t, N> id;
        std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(at), N, id.begin());
        if (!ids.empty() && !(*ids.rbegin() < id)) reader.fail();
        ids.insert(ids.end(), id);
    }
    return ids;
}

}  // namespace

crypto::Digest CheckpointNote::hash() const { return crypto::sha256(base::view_of(record)); }

std::string checkpoint_name(std::uint64_t number) { return std::string(checkpoint_prefix) + sequence_text(number); }

std::uint64_t checkpoint_number(std::string_view name) {
    if (!name.starts_with(checkpoint_prefix)) return 0;
    const auto digits = name.substr(checkpoint_prefix.size());
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || end != digits.data() + digits.size() || checkpoint_name(number) != name) return 0;
    return number;
}

crypto::Digest Holdings::root() const {
    std::vector<std::string> lines;
    lines.reserve(snapshots.size() + packs.size() + segments.size() + chains.size() + sheets.size() + 1);
    for (const auto& id : snapshots) lines.push_back("snapshot " + hex(base::bytes_of(id)));
    for (const auto& id : packs) lines.push_back("pack " + hex(id));
    for (const auto& id : segments) lines.push_back("index " + hex(id));
    for (const auto& [writer, end] : chains) lines.push_back("log " + hex(writer) + ' ' + std::to_string(end.count) + ' ' + hex(end.head));
    for (const auto& sheet : sheets) lines.push_back("sheet " + hex(sheet));
    lines.push_back("keys " + std::to_string(keys.generation) + ' ' + std::to_string(keys.oldest) + ' ' + std::to_string(keys.newest) + ' ' +
                    std::to_string(keys.classes) + ' ' + std::to_string(keys.erased));
    std::sort(lines.begin(), lines.end());
    crypto::MerkleTree tree;
    for (const auto& line : lines) tree.append_record(base::view_of(line));
    return tree.root();
}

std::string statement_of(const CheckpointNote& n) {
    std::string text(first_line);
    const auto line = [&](std::string_view word, const std::string& rest) { text += std::string(word) + ' ' + rest + '\n'; };
    line("repository", n.repository);
    line("number", std::to_string(n.number));
    line("time", std::to_string(n.made_at.time_since_epoch().count()));
    line("before", crypto::to_hex(n.before));
    line("past", crypto::to_hex(n.past));
    line("state", crypto::to_hex(n.state));
    line("holds", std::to_string(n.snapshots) + ' ' + std::to_string(n.packs) + ' ' + std::to_string(n.segments) + ' ' + std::to_string(n.chains));
    line("keys", std::to_string(n.generation) + ' ' + std::to_string(n.oldest_key) + ' ' + std::to_string(n.newest_key) + ' ' +
                     std::to_string(n.classes) + ' ' + std::to_string(n.erased));
    if (n.accepted) line("accepted", std::to_string(n.accepted->number) + ' ' + crypto::to_hex(n.accepted->hash));
    return text;
}

CheckpointNote read_checkpoint(std::string_view record) {
    const auto text = record.size() > longest_record ? std::nullopt : crypto::text_of_note(record);
    if (!text) StatementReader::fail();
    StatementReader in(*text);
    CheckpointNote n{.record = std::string(record)};
    const auto end = [&] { in.word("\n"); };
    const auto next = [&](auto& number) {
        in.word(" ");
        number = in.number<std::remove_reference_t<decltype(number)>>();
    };
    in.word(first_line);
    in.word("repository ");
    n.repository = in.hex_text(32);
    end(), in.word("number"), next(n.number), end();
    std::int64_t time = 0;
    in.word("time"), next(time), end();
    n.made_at = Time(Duration(time));
    in.word("before "), n.before = in.digest(), end();
    in.word("past "), n.past = in.digest(), end();
    in.word("state "), n.state = in.digest(), end();
    in.word("holds"), next(n.snapshots), next(n.packs), next(n.segments), next(n.chains), end();
    in.word("keys"), next(n.generation), next(n.oldest_key), next(n.newest_key), next(n.classes), next(n.erased), end();
    if (in.try_word("accepted")) {
        auto& accepted = n.accepted.emplace(CheckpointNote::Other{});
        next(accepted.number), in.word(" "), accepted.hash = in.digest(), end();
    }
    // One content has one text.
    if (!in.done() || n.number == 0 || n.snapshots < 0 || n.packs < 0 || n.segments < 0 || n.chains < 0 || statement_of(n) != *text)
        StatementReader::fail();
    return n;
}

ByteVector encode(const Checkpoint& c) {
    cbor::Writer out;
    const auto& past = c.past;
    out.map(7 + (past.pieces.empty() ? 0u : 1u) + (past.lost.empty() ? 0u : 1u) + (c.holdings.sheets.empty() ? 0u : 1u)).uint(1).text(c.note.record);
    ByteVector snapshots;
    for (const auto& id : c.holdings.snapshots) base::append(snapshots, base::bytes_of(id));
    ByteVector chains;
    for (const auto& [writer, end] : c.holdings.chains) {
        base::append(chains, writer);
        base::append_le(chains, end.count);
        base::append(chains, end.head);
    }
    out.uint(2).bytes(encode_rows(past.latest)).uint(3).bytes(snapshots).uint(4).bytes(rows_of(c.holdings.packs));
    out.uint(5).bytes(rows_of(c.holdings.segments)).uint(6).bytes(chains);
    out.uint(7).bytes(rows_of(c.holdings.replaced));
    if (!past.pieces.empty()) out.uint(8).bytes(encode_pieces(past));
    if (!past.lost.empty()) out.uint(9).bytes(rows_of(past.lost));
    if (!c.holdings.sheets.empty()) out.uint(10).bytes(rows_of(c.holdings.sheets));
    return out.take();
}

Checkpoint decode_checkpoint(ByteView payload, const std::string& object) {
    cbor::Reader reader(payload, object);
    Checkpoint c;
    auto& h = c.holdings;
    cbor::each_key(reader, [&](std::uint64_t key) {
        switch (key) {
            case 1:
                try {
                    c.note = read_checkpoint(reader.text());
                } catch (const InvalidArgument&) {
                    reader.fail();
                }
                return true;
            case 2: c.past.latest = decode_rows(reader); return true;
            case 3:
                for (const auto& id : ids_of<16>(reader)) h.snapshots.insert(base::id_from<SnapshotId>(id));
                return true;
            case 4: h.packs = ids_of<32>(reader); return true;
            case 5: h.segments = ids_of<32>(reader); return true;
            case 7: h.replaced = ids_of<32>(reader); return true;
            case 8: decode_pieces(reader, c.past); return true;
            case 9: c.past.lost = ids_of<32>(reader); return true;
            case 10: h.sheets = ids_of<32>(reader); return true;
            case 6: {
                const auto rows = reader.bytes();
                if (rows.size() % chain_row != 0) reader.fail();
                for (std::size_t at = 0; at < rows.size(); at += chain_row) {
                    const auto row = rows.subspan(at, chain_row);
                    Id16 writer;
                    Holdings::ChainEnd end;
                    std::copy_n(row.begin(), writer.size(), writer.begin());
                    end.count = base::load_le<std::uint64_t>(&row[16]);
                    std::copy_n(row.begin() + 24, end.head.size(), end.head.begin());
                    if (end.count == 0 || (!h.chains.empty() && !(h.chains.rbegin()->first < writer))) reader.fail();
                    h.chains.emplace_hint(h.chains.end(), writer, end);
                }
                return true;
            }
            default: return false;
        }
    });
    reader.expect_done();
    const auto& n = c.note;
    h.keys = {.generation = n.generation, .oldest = n.oldest_key, .newest = n.newest_key, .classes = n.classes, .erased = n.erased};
    h.writers = static_cast<std::uint64_t>(n.chains);
    const auto& latest = c.past.latest;
    const auto before = latest.empty() ? crypto::Digest{} : latest.back().hash;
    const bool goes_on = is_sound(c.past) && (latest.empty() || latest.back().number < n.number);
    if (!goes_on || n.number == 0 || n.before != before || n.past != c.past.root() || n.state != h.root()) reader.fail();
    return c;
}

}  // namespace tenon::backup
