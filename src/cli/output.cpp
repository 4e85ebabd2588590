#include "output.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <boost/json/serialize.hpp>
#include <sys/ioctl.h>
#include <unistd.h>

#include <tenon/error.hpp>

#include "text.hpp"

namespace tenon::cli {

Table::Table(std::vector<std::string> columns) : columns_(std::move(columns)) {
    for (auto& name : columns_) {
        right_.push_back(name.starts_with('>'));
        if (right_.back()) name.erase(0, 1);
    }
}

void Table::row(std::vector<std::string> cells) {
    cells.resize(columns_.size());
    for (auto& cell : cells) cell = cell.empty() ? "-" : clean(cell);
    rows_.push_back(std::move(cells));
}

std::string Table::text() const {
    std::vector<std::size_t> widths;
    for (const auto& name : columns_) widths.push_back(width(name));
    for (const auto& cells : rows_)
        for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], width(cells[i]));

    std::string out;
    const auto add = [&](const std::vector<std::string>& cells) {
        std::string line;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            if (i > 0) line += "  ";
            line += pad(cells[i], widths[i], right_[i]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    };
    add(columns_);
    for (const auto& cells : rows_) add(cells);
    return out;
}

std::string fields_text(const Fields& fields) {
    std::size_t widest = 0;
    for (const auto& [name, value] : fields) widest = std::max(widest, width(name));
    std::string out;
    for (const auto& [name, value] : fields)
        if (!value.empty()) out += pad(name, widest) + "  " + clean(value) + "\n";
    return out;
}

void Output::document(const boost::json::value& value) const {
    const std::string text = boost::json::serialize(value);
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}

void Output::line(std::string_view text) const {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}

void Output::thing(const boost::json::value& value, std::string_view key, const Fields& fields) const {
    switch (style_) {
    case Style::json: return document(value);
    case Style::quiet: return line(clean(key));
    case Style::people: std::fputs(fields_text(fields).c_str(), stdout);
    }
}

void Output::list(const boost::json::value& value, const std::vector<std::string>& keys, const Table& table,
                  std::string_view none) const {
    switch (style_) {
    case Style::json: return document(value);
    case Style::quiet:
        for (const auto& key : keys) line(clean(key));
        return;
    case Style::people:
        if (table.empty()) return remark(none);
        std::fputs(table.text().c_str(), stdout);
    }
}

void Output::done(const boost::json::value& value, std::string_view text) const {
    if (json()) document(value);
    else if (people()) line(clean(text));
}

void Output::remark(std::string_view text) const {
    if (!people()) return;
    std::fflush(stdout);
    std::fprintf(stderr, "%s\n", clean(text).c_str());
}

void flush_output() {
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
    const int error = errno;
    if (error == EPIPE) return;  // the reader has what it wanted
    throw_error(error == ENOSPC ? Errc::no_space : Errc::unavailable,
                std::string("cannot write the output: ") + std::strerror(error), {.subject = "standard output"});
}

bool output_gone() { return std::ferror(stdout) != 0; }

bool stderr_is_terminal() { return isatty(STDERR_FILENO) == 1; }

std::size_t terminal_columns() {
    winsize window{};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0) return window.ws_col;
    return 80;
}

bool terminal_is_utf8() {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const char* value = std::getenv(name);
        if (value == nullptr || *value == '\0') continue;
        std::string text(value);
        std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
        return text.find("utf-8") != std::string::npos || text.find("utf8") != std::string::npos;
    }
    return false;
}

}  // namespace tenon::cli
