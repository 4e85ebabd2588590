#include "move_rows.hpp"

namespace tenon::db {
namespace {

std::string quoted_list(const std::vector<std::string>& names) {
    std::string list;
    for (const auto& name : names) list.append(list.empty() ? "\"" : ", \"").append(name).append("\"");
    return list;
}

base::ByteView bytes_of_text(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

}  // namespace

std::string MoveTable::column_list() const {
    std::vector<std::string> names;
    for (const auto& column : columns) names.push_back(column.name);
    return quoted_list(names);
}

std::string MoveTable::key_list() const { return quoted_list(key); }

void append_number(std::string& out, std::uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
}

std::uint64_t read_number(std::string_view bytes) noexcept {
    std::uint64_t value = 0;
    for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
}

RowDigest::RowDigest(const MoveTable& table) {
    made_.name = table.name;
    put(CellKind::text, table.name);
    for (const auto& column : table.columns) put(column.kind, column.name);
    hash_.update(bytes_of_text(row_));
}

void RowDigest::put(CellKind kind, std::string_view bytes) {
    row_ += static_cast<char>(kind);
    append_number(row_, bytes.size(), 8);
    row_ += bytes;
}

void RowDigest::add(Row row) {
    row_.clear();
    for (const auto& cell : row) {
        if (cell.kind == CellKind::integer) {
            row_ += static_cast<char>(cell.kind);
            append_number(row_, static_cast<std::uint64_t>(cell.number), 8);
        } else {
            put(cell.kind, cell.bytes);
        }
    }
    hash_.update(bytes_of_text(row_));
    ++made_.rows;
}

MovedTable RowDigest::finish() {
    made_.digest = hash_.finish();
    return std::move(made_);
}

}  // namespace tenon::db
