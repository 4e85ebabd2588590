#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/value.hpp>

namespace tenon::cli {

/// Rows for people, with columns aligned by what a terminal shows. Cells are cleaned of whatever could steer it.
class Table {
public:
    /// A column whose name begins with '>' is aligned right.
    explicit Table(std::vector<std::string> columns);
    void row(std::vector<std::string> cells);
    bool empty() const { return rows_.empty(); }
    std::string text() const;

private:
    std::vector<std::string> columns_;
    std::vector<bool> right_;
    std::vector<std::vector<std::string>> rows_;
};

/// Named values of one thing, one a line.
using Fields = std::vector<std::pair<std::string, std::string>>;

enum class Style { people,
                   json,
                   quiet };

/// Standard output. With --json it gets exactly one document; with --quiet only the ids or paths that were asked for.
class Output {
public:
    explicit Output(Style style) : style_(style) {}

    Style style() const { return style_; }
    bool json() const { return style_ == Style::json; }
    bool people() const { return style_ == Style::people; }

    /// One thing. `key` is what --quiet prints.
    void thing(const boost::json::value& document, std::string_view key, const Fields& fields) const;
    /// Many. `keys` is what --quiet prints; `none` is said to people instead of an empty table.
    void list(const boost::json::value& document, const std::vector<std::string>& keys, const Table& table,
              std::string_view none) const;
    /// Done, and there is nothing to show but that. Says nothing when quiet.
    void done(const boost::json::value& document, std::string_view text) const;

    void document(const boost::json::value& document) const;  // One line of JSON, at once.
    void line(std::string_view text) const;                   // Already clean.
    /// A remark for people, on standard error.
    void remark(std::string_view text) const;

private:
    Style style_;
};

std::string fields_text(const Fields& fields);

/// Throws if what was written could not be, so that a full disk is no success.
void flush_output();

/// A reader such as `head` has gone away: streaming verbs then end.
bool output_gone();

bool stderr_is_terminal();
std::size_t terminal_columns();
bool terminal_is_utf8();

}  // namespace tenon::cli
