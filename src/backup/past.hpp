#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <backup/checkpoint.hpp>
#include <crypto/merkle.hpp>

#include "cbor.hpp"
#include "wire.hpp"

namespace tenon::backup {

/// A part of the past that lies in an object of its own, so that what a checkpoint says does not grow with what came before it.
struct PastPiece {
    /// So many rows each has. A power of two: what a piece is about is a full subtree of the tree over all that came before.
    static constexpr std::size_t length = 64;

    std::uint8_t level = 0;                     ///< 0: its rows are checkpoints; else pieces of the level below.
    std::vector<CheckpointNote::Other> rows{};  ///< Oldest first. Of a piece: the number of the last checkpoint in it, and its root.

    crypto::Digest root() const;
};

ByteVector encode(const PastPiece& piece);
/// Throws Corrupt.
PastPiece decode_past_piece(ByteView payload, const std::string& object);

/// All checkpoints before one.
struct Past {
    using Row = CheckpointNote::Other;
    struct Piece {
        std::uint8_t level = 0;
        Row row{};                              ///< As in a piece of the next level.
        bool operator==(const Piece&) const = default;
    };
    /// What is cut off begins here: of the latest ones nobody needs to read a piece, and one that is lost tells of none of these.
    static constexpr std::size_t longest = 96;

    std::vector<Piece> pieces{};                ///< Of the oldest ones, oldest first; so of the highest level first.
    std::vector<Row> latest{};                  ///< All behind those, oldest first.
    std::set<Id> lost{};                        ///< Roots of pieces that are gone, which somebody has accepted.

    std::uint64_t size() const;
    /// RFC 6962 over a line for each.
    crypto::Digest root() const;
    /// The next one. Above the number of the last.
    void add(const CheckpointNote& note) { latest.push_back({note.number, note.hash()}); }
    /// Takes the oldest ones off until what is left is short. What it returns must be stored before anything that has this past.
    std::vector<PastPiece> cut();
    bool operator==(const Past&) const = default;
};

/// Keys 2, 8 and 9 of a checkpoint.
ByteVector encode_rows(std::span<const Past::Row> rows);
std::vector<Past::Row> decode_rows(cbor::Reader& reader);
ByteVector encode_pieces(const Past& past);
void decode_pieces(cbor::Reader& reader, Past& past);
/// Whether numbers grow, levels fall, and so on.
[[nodiscard]] bool is_sound(const Past& past);

/// "past/<root>-", with which its object's name begins; the rest is the object's hash.
std::string piece_prefix(const crypto::Digest& root);
/// Empty for what is none.
std::optional<Id> piece_root_in(std::string_view name);

}  // namespace tenon::backup
