#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace tenon::db::sql {

struct Token {
    enum class Kind : unsigned char { word, number, text, parameter, mark, broken } kind;
    std::string_view text;  ///< As written, a parameter with its colon.
};

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

constexpr bool same(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (lower(a[i]) != lower(b[i])) return false;
    return true;
}

constexpr bool is_name_start(char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || c == '_'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_name(char c) { return is_name_start(c) || is_digit(c); }

/// The words of a statement. What could hide something from a reader of tokens (comments, quoted names, `;`, parameters
/// without a name) is a broken token.
constexpr std::vector<Token> tokens_of(std::string_view s) {
    constexpr std::string_view pairs[] = {"==", "<=", ">=", "<>", "!=", "||", "<<", ">>", "->"};
    constexpr std::string_view singles = "(),.=<>+-*/%&|~";
    std::vector<Token> tokens;
    for (std::size_t i = 0; i < s.size();) {
        const char c = s[i];
        std::size_t end = i + 1;
        auto kind = Token::Kind::broken;
        if (c == ' ' || c == '\n' || c == '\t') {
            ++i;
            continue;
        }
        const auto two = s.substr(i, 2);
        if (is_name_start(c)) {
            kind = Token::Kind::word;
            while (end < s.size() && is_name(s[end])) ++end;
            // x'00' is a blob literal: one token, so that its text is not taken for a name.
            if (end == i + 1 && lower(c) == 'x' && end < s.size() && s[end] == '\'') {
                kind = Token::Kind::text;
                while (++end < s.size() && s[end] != '\'') {}
                if (end++ >= s.size()) kind = Token::Kind::broken;
            }
        } else if (is_digit(c)) {
            kind = Token::Kind::number;
            while (end < s.size() && (is_name(s[end]) || s[end] == '.')) ++end;
        } else if (c == '\'') {
            while (end < s.size() && (s[end] != '\'' || (end + 1 < s.size() && s[end + 1] == '\'')))
                end += s[end] == '\'' ? 2 : 1;
            if (end++ < s.size()) kind = Token::Kind::text;
        } else if (c == ':' && end < s.size() && is_name_start(s[end])) {
            kind = Token::Kind::parameter;
            while (end < s.size() && is_name(s[end])) ++end;
        } else if (two == "--" || two == "/*") {
            kind = Token::Kind::broken;
        } else {
            for (const auto pair : pairs)
                if (two == pair) kind = Token::Kind::mark, end = i + 2;
            if (kind == Token::Kind::broken && singles.find(c) != std::string_view::npos) kind = Token::Kind::mark;
        }
        if (end > s.size()) end = s.size();
        tokens.push_back({kind, s.substr(i, end - i)});
        i = end;
    }
    return tokens;
}

}  // namespace tenon::db::sql
