#include "past.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <base/bytes.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>

namespace tenon::backup {
namespace {

constexpr std::string_view past_prefix = "past/";
constexpr std::size_t past_row_size = 8 + 32;
constexpr std::uint8_t highest_level = 8;  // 64⁹ checkpoints in one piece

crypto::MerkleTree with_lines(crypto::MerkleTree tree, std::span<const Past::Row> rows) {
    for (const auto& row : rows) {
        const auto line = std::to_string(row.number) + ' ' + crypto::to_hex(row.hash);
        tree.append_record(base::view_of(line));
    }
    return tree;
}

/// The same tree, counted in subtrees of the level below.
crypto::MerkleTree a_level_down(const crypto::MerkleTree& tree) { return {tree.size() * PastPiece::length, tree.edge()}; }

bool grows(std::span<const Past::Row> rows) {
    return std::adjacent_find(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.number >= b.number; }) == rows.end();
}

}  // namespace

crypto::Digest PastPiece::root() const {
    crypto::MerkleTree tree;
    if (level == 0) return with_lines({}, rows).root();
    for (const auto& row : rows) tree.append(row.hash);
    return tree.root();
}

ByteVector encode_rows(std::span<const Past::Row> rows) {
    ByteVector bytes;
    bytes.reserve(rows.size() * past_row_size);
    for (const auto& row : rows) {
        base::append_le(bytes, row.number);
        base::append(bytes, row.hash);
    }
    return bytes;
}

std::vector<Past::Row> decode_rows(cbor::Reader& reader) {
    const auto bytes = reader.bytes();
    if (bytes.size() % past_row_size != 0) reader.fail();
    std::vector<Past::Row> rows(bytes.size() / past_row_size);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto row = bytes.subspan(i * past_row_size, past_row_size);
        rows[i].number = base::load_le<std::uint64_t>(row.data());
        std::copy(row.begin() + 8, row.end(), rows[i].hash.begin());
    }
    if (!grows(rows)) reader.fail();
    return rows;
}

ByteVector encode(const PastPiece& piece) {
    cbor::Writer out;
    out.map(2).uint(1).uint(piece.level).uint(2).bytes(encode_rows(piece.rows));
    return out.take();
}

PastPiece decode_past_piece(ByteView payload, const std::string& object) {
    cbor::Reader reader(payload, object);
    PastPiece piece;
    cbor::each_key(reader, [&](std::uint64_t key) {
        if (key == 1) {
            const auto level = reader.uint();
            if (level > highest_level) reader.fail();
            piece.level = static_cast<std::uint8_t>(level);
        } else if (key == 2) {
            piece.rows = decode_rows(reader);
        }
        return key == 1 || key == 2;
    });
    reader.expect_done();
    if (piece.rows.size() != PastPiece::length) reader.fail();
    return piece;
}

ByteVector encode_pieces(const Past& past) {
    ByteVector bytes;
    for (const auto& piece : past.pieces) {
        bytes.push_back(piece.level);
        base::append_le(bytes, piece.row.number);
        base::append(bytes, piece.row.hash);
    }
    return bytes;
}

void decode_pieces(cbor::Reader& reader, Past& past) {
    const auto bytes = reader.bytes();
    if (bytes.size() % (1 + past_row_size) != 0) reader.fail();
    for (std::size_t at = 0; at < bytes.size(); at += 1 + past_row_size) {
        auto& piece = past.pieces.emplace_back();
        piece.level = bytes[at];
        piece.row.number = base::load_le<std::uint64_t>(&bytes[at + 1]);
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at + 9), piece.row.hash.size(), piece.row.hash.begin());
    }
}

bool is_sound(const Past& past) {
    const auto& pieces = past.pieces;
    const bool falls = std::adjacent_find(pieces.begin(), pieces.end(), [](const auto& a, const auto& b) {
                           return a.level < b.level || a.row.number >= b.row.number;
                       }) == pieces.end();
    // What nobody can add up is not added up.
    if (!falls || !grows(past.latest) || (!pieces.empty() && pieces.front().level > highest_level)) return false;
    for (std::size_t begin = 0; begin < pieces.size();) {
        const auto end = std::find_if(pieces.begin() + static_cast<std::ptrdiff_t>(begin), pieces.end(),
                                      [&](const auto& piece) { return piece.level != pieces[begin].level; });
        const auto count = static_cast<std::size_t>(end - pieces.begin()) - begin;
        if (count >= PastPiece::length) return false;
        begin += count;
    }
    return pieces.empty() || (!past.latest.empty() && pieces.back().row.number < past.latest.front().number);
}

std::uint64_t Past::size() const {
    std::uint64_t count = 0;
    for (const auto& piece : pieces) {
        std::uint64_t in_it = PastPiece::length;
        for (int level = 0; level < piece.level; ++level) in_it *= PastPiece::length;
        count += in_it;
    }
    return count + latest.size();
}

crypto::Digest Past::root() const {
    crypto::MerkleTree tree;
    auto level = pieces.empty() ? -1 : static_cast<int>(pieces.front().level);
    for (auto next = pieces.begin(); level >= 0; --level) {
        for (; next != pieces.end() && next->level == level; ++next) tree.append(next->row.hash);
        tree = a_level_down(tree);
    }
    return with_lines(std::move(tree), latest).root();
}

std::vector<PastPiece> Past::cut() {
    std::vector<PastPiece> cut;
    while (latest.size() >= longest) {
        const auto end = latest.begin() + PastPiece::length;
        auto* piece = &cut.emplace_back(PastPiece{.level = 0, .rows = {latest.begin(), end}});
        latest.erase(latest.begin(), end);
        pieces.push_back({0, {piece->rows.back().number, piece->root()}});
        for (std::uint8_t level = 0;; ++level) {
            const auto first = std::find_if(pieces.begin(), pieces.end(), [&](const auto& each) { return each.level == level; });
            if (pieces.end() - first < static_cast<std::ptrdiff_t>(PastPiece::length)) break;
            piece = &cut.emplace_back(PastPiece{.level = static_cast<std::uint8_t>(level + 1), .rows = {}});
            std::transform(first, pieces.end(), std::back_inserter(piece->rows), [](const auto& each) { return each.row; });
            pieces.erase(first, pieces.end());
            pieces.push_back({piece->level, {piece->rows.back().number, piece->root()}});
        }
    }
    return cut;
}

std::string piece_prefix(const crypto::Digest& root) { return std::string(past_prefix) + crypto::to_hex(root) + '-'; }

std::optional<Id> piece_root_in(std::string_view name) {
    if (!name.starts_with(past_prefix) || name.size() != past_prefix.size() + 64 + 1 + 64 || name[past_prefix.size() + 64] != '-')
        return std::nullopt;
    const auto bytes = crypto::from_hex(name.substr(past_prefix.size(), 64));
    if (!bytes || bytes->size() != sizeof(Id)) return std::nullopt;
    Id root{};
    std::copy(bytes->begin(), bytes->end(), root.begin());
    return root;
}

}  // namespace tenon::backup
