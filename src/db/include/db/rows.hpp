#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <base/id.hpp>
#include <db/value.hpp>
#include <tenon/units.hpp>

namespace tenon::db {

/// What a query found, a row at a time: `while (rows.next()) use(rows.id<ProjectId>(0), rows.text(1));`
///
/// Lives inside the function given to read() or write(). Columns count from 0. A column that is not of the asked kind
/// (NULL included) throws InternalError: the maybe_ members are for columns that may be NULL.
class Rows {
public:
    bool next();  ///< Moves to the next row, the first included. False: there is none.

    bool is_null(int column) const;
    std::int64_t i64(int column) const;
    bool boolean(int column) const { return i64(column) != 0; }
    Time time(int column) const { return Time{Duration{i64(column)}}; }
    Duration duration(int column) const { return Duration{i64(column)}; }
    Bytes bytes(int column) const { return {i64(column)}; }
    std::string text(int column) const { return std::string(text_view(column)); }
    std::vector<std::uint8_t> blob(int column) const {
        const auto b = blob_view(column);
        return {b.begin(), b.end()};
    }
    template <Id T> T id(int column) const { return base::id_from<T>(id_bytes(column)); }

    std::string_view text_view(int column) const;               ///< Valid until the next next().
    std::span<const std::uint8_t> blob_view(int column) const;  ///< Valid until the next next().

    std::optional<std::int64_t> maybe_i64(int c) const { return maybe(c, &Rows::i64); }
    std::optional<Time> maybe_time(int c) const { return maybe(c, &Rows::time); }
    std::optional<Bytes> maybe_bytes(int c) const { return maybe(c, &Rows::bytes); }
    std::optional<std::string> maybe_text(int c) const { return maybe(c, &Rows::text); }
    std::optional<std::vector<std::uint8_t>> maybe_blob(int c) const { return maybe(c, &Rows::blob); }
    template <Id T> std::optional<T> maybe_id(int c) const { return maybe(c, &Rows::id<T>); }

    Rows(Rows&&) noexcept;
    Rows& operator=(Rows&&) noexcept;
    ~Rows();

    struct Impl;
    explicit Rows(std::unique_ptr<Impl> impl);

private:
    template <class T> std::optional<T> maybe(int column, T (Rows::*read)(int) const) const {
        if (is_null(column)) return std::nullopt;
        return (this->*read)(column);
    }
    std::span<const std::uint8_t, 16> id_bytes(int column) const;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::db
