#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <crypto/hash.hpp>
#include <db/move.hpp>

// What both sides of a move speak of: tables, rows and what they amount to.

namespace tenon::db {

enum class CellKind : char { null = 'n', integer = 'i', text = 't', blob = 'b' };

/// One value of one row. Its bytes live as long as the row is at hand.
struct Cell {
    CellKind kind = CellKind::null;
    std::int64_t number = 0;
    std::string_view bytes{};
};
using Row = std::span<const Cell>;

struct MoveTable {
    struct Column {
        std::string name;
        CellKind kind;
    };
    std::string name;
    std::vector<Column> columns;
    std::vector<std::string> key;  ///< Columns of the primary key, in its order; without one, all of them.
    std::int64_t rows = 0;

    std::string column_list() const;  ///< For either engine's SELECT.
    std::string key_list() const;
};

/// Big endian.
void append_number(std::string& out, std::uint64_t value, int bytes);
std::uint64_t read_number(std::string_view bytes) noexcept;

/// See MovedTable::digest.
class RowDigest {
public:
    explicit RowDigest(const MoveTable& table);
    void add(Row row);
    MovedTable finish();

private:
    void put(CellKind kind, std::string_view bytes);

    MovedTable made_;
    std::string row_;
    crypto::Sha256 hash_;
};

}  // namespace tenon::db
