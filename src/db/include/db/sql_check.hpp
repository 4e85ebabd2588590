#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include <db/sql_tokens.hpp>

namespace tenon::db::sql {

/// Proves that a tenant statement can touch rows of `:tenant` only, from its text alone: the first of the three walls.
///
/// It is no SQL parser. It follows the few shapes that keep the proof simple and refuses the rest, so a refused
/// statement is one to write more plainly, not necessarily a wrong one.
///
/// Reads     every table of every FROM is a view (no trailing `_`) and is bound by `alias.tenant_id = :tenant`, a plain
///           conjunct of its WHERE or of its own ON. One OR beside it at the same level refuses the statement.
/// Writes    the target ends in `_` and is named nowhere else; INSERT gives :tenant for tenant_id in every row, upserts
///           name tenant_id among their target, UPDATE never assigns it.
/// Never     WITH, OR REPLACE and its kin, quoted names, comments, `IN table`, RIGHT, FULL and NATURAL joins.
class TenantCheck {
public:
    constexpr explicit TenantCheck(std::string_view statement) : t_(tokens_of(statement)) {}

    /// Why the statement is refused; nullptr: it is not.
    constexpr const char* run() {
        for (const auto& token : t_)
            if (token.kind == Token::Kind::broken)
                return "tenant statement: comments, quoted names, `;` and unnamed parameters are not allowed";
        if (t_.empty()) return "tenant statement: empty";
        if (!balanced()) return "tenant statement: brackets do not match";
        if (is(0, "SELECT")) query(0, t_.size());
        else if (is(0, "INSERT")) insert();
        else if (is(0, "UPDATE")) update();
        else if (is(0, "DELETE")) remove();
        else refuse("tenant statement: must begin with SELECT, INSERT, UPDATE or DELETE");
        return why_;
    }

private:
    using Index = std::size_t;
    static constexpr Index none = static_cast<Index>(-1);
    struct Range { Index begin, end; };
    struct Source { std::string_view alias; bool bound; };

    constexpr void refuse(const char* why) { if (!why_) why_ = why; }
    constexpr bool is(Index i, std::string_view word) const { return i < t_.size() && same(t_[i].text, word); }
    constexpr bool word(Index i) const { return i < t_.size() && t_[i].kind == Token::Kind::word; }
    constexpr bool is_target(Index i) const { return word(i) && t_[i].text.size() > 1 && t_[i].text.back() == '_'; }

    constexpr bool balanced() const {
        int depth = 0;
        for (Index i = 0; i < t_.size(); ++i) depth += is(i, "(") - is(i, ")"), depth = depth < 0 ? -9999 : depth;
        return depth == 0;
    }

    /// One past the bracket or END that closes what opens at i.
    constexpr Index after(Index i) const {
        int depth = 0;
        for (; i < t_.size(); ++i) {
            if (is(i, "(") || is(i, "CASE")) ++depth;
            if ((is(i, ")") || is(i, "END")) && --depth == 0) return i + 1;
        }
        return t_.size();
    }
    constexpr Index step(Index i) const { return is(i, "(") || is(i, "CASE") ? after(i) : i + 1; }

    /// The first of `words` in the range at its own level, or its end.
    template <class... Words> constexpr Index find(Range r, Words... words) const {
        for (Index i = r.begin; i < r.end; i = step(i))
            if ((is(i, words) || ...)) return i;
        return r.end;
    }

    constexpr std::vector<Range> split(Range r, std::string_view by) const {
        std::vector<Range> parts;
        Index begin = r.begin;
        for (Index i = r.begin; i < r.end; i = step(i))
            if (is(i, by)) parts.push_back({begin, i}), begin = i + 1;
        parts.push_back({begin, r.end});
        return parts;
    }

    /// A SELECT with its compound parts, in [begin, end).
    constexpr void query(Index begin, Index end) {
        Index arm = begin;
        for (Index i = begin; i < end; i = step(i)) {
            if (!(is(i, "UNION") || is(i, "EXCEPT") || is(i, "INTERSECT"))) continue;
            select({arm, i});
            arm = i + (is(i + 1, "ALL") ? 2 : 1);
        }
        select({arm, end});
    }

    constexpr void select(Range r) {
        if (!is(r.begin, "SELECT")) return refuse("tenant statement: a query must begin with SELECT");
        nested(r);
        const Index from = find(r, "FROM");
        if (from < r.end && is(from - 1, "DISTINCT")) return refuse("tenant statement: IS DISTINCT FROM is not allowed");
        const Index tail = find({from, r.end}, "GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT");
        const Index where = find({from, tail}, "WHERE");
        if (from == r.end) return;
        std::vector<Source> sources;
        read_sources({from + 1, where}, sources);
        bind_all(sources, {where + 1, tail});
    }

    /// Checks every query in brackets, at any depth, and what may hide a table elsewhere.
    constexpr void nested(Range r) {
        for (Index i = r.begin; i < r.end; ++i) {
            if (is(i, "WITH")) refuse("tenant statement: WITH is not allowed");
            if (is(i, "REPLACE") && !is(i + 1, "(")) refuse("tenant statement: REPLACE is not allowed");
            if (is(i, "IN") && !is(i + 1, "(")) refuse("tenant statement: IN needs a list or a query in brackets");
            if (is(i, "VALUES") && i > r.begin) refuse("tenant statement: VALUES is allowed in INSERT only");
            if (is(i, "(") && is(i + 1, "SELECT")) {
                query(i + 1, after(i) - 1);
                i = after(i) - 1;
            }
        }
    }

    constexpr void read_sources(Range r, std::vector<Source>& sources) {
        Index i = r.begin;
        for (;;) {
            Source source{"", false};
            if (is(i, "(")) {
                if (!is(i + 1, "SELECT")) return refuse("tenant statement: brackets in FROM must hold a query");
                source.bound = true;
                i = after(i);
            } else if ((is(i, "json_each") || is(i, "json_tree")) && is(i + 1, "(")) {
                source.bound = true;  // reads its argument, no table
                i = after(i + 1);
            } else {
                if (!word(i) || i >= r.end) return refuse("tenant statement: FROM needs a view's name");
                if (is_target(i)) return refuse("tenant statement: read the view (project), not the table (project_)");
                source.alias = t_[i++].text;
                if (is(i, ".") || is(i, "(")) return refuse("tenant statement: FROM takes plain view names");
            }
            i = read_alias(i, r.end, source);
            for (const auto& other : sources)
                if (same(other.alias, source.alias)) return refuse("tenant statement: two sources have one name");
            const Index next = find({i, r.end}, ",", "JOIN", "LEFT", "INNER", "CROSS", "NATURAL", "RIGHT", "FULL");
            if (is(i, "ON") && i < r.end) {
                sources.push_back(source);
                bind({i + 1, next}, sources, true);
            } else {
                sources.push_back(source);
                if (i < next && !(is(i, "USING") && after(i + 1) == next)) return refuse("tenant statement: FROM is not understood");
            }
            if (next >= r.end) return;
            i = next;
            if (is(i, ",") || is(i, "JOIN")) ++i;
            else if (is(i, "LEFT") && is(i + 1, "OUTER") && is(i + 2, "JOIN")) i += 3;
            else if ((is(i, "LEFT") || is(i, "INNER") || is(i, "CROSS")) && is(i + 1, "JOIN")) i += 2;
            else return refuse("tenant statement: only JOIN, LEFT JOIN, INNER JOIN and CROSS JOIN are allowed");
        }
    }

    constexpr Index read_alias(Index i, Index end, Source& source) {
        if (i >= end) return i;
        if (is(i, "AS")) {
            if (!word(i + 1)) refuse("tenant statement: AS needs a name");
            source.alias = t_[i + 1].text;
            return i + 2;
        }
        constexpr std::string_view reserved[] = {"ON", "USING", "JOIN", "LEFT", "INNER", "CROSS", "NATURAL", "RIGHT",
                                                 "FULL", "INDEXED", "NOT", "SET", "WHERE"};
        for (const auto r : reserved)
            if (is(i, r)) return i;
        if (!word(i)) return i;
        source.alias = t_[i].text;
        return i + 1;
    }

    /// Marks the sources that the condition binds: its conjuncts `[alias.]tenant_id = :tenant`. A condition of one ON binds
    /// the source it joins only, because a LEFT JOIN's ON does not filter what stands to its left.
    constexpr void bind(Range r, std::vector<Source>& sources, bool last_only = false) {
        if (find(r, "OR") != r.end) return;
        Index begin = r.begin;
        bool between = false;  // the next AND belongs to BETWEEN
        for (Index i = r.begin;; i = step(i)) {
            if (i < r.end && is(i, "BETWEEN")) between = true;
            if (i < r.end && !is(i, "AND")) continue;
            if (i < r.end && between) {
                between = false;
                continue;
            }
            conjunct({begin, i < r.end ? i : r.end}, sources, last_only);
            if (i >= r.end) return;
            begin = i + 1;
        }
    }

    constexpr void conjunct(Range r, std::vector<Source>& sources, bool last_only) {
        std::string_view alias;
        if (r.end - r.begin == 5 && word(r.begin) && is(r.begin + 1, ".")) {
            alias = t_[r.begin].text;
            r.begin += 2;
        }
        if (r.end - r.begin != 3 || !is(r.begin, "tenant_id") || !is(r.begin + 1, "=") || t_[r.begin + 2].text != ":tenant") return;
        for (Index k = last_only ? sources.size() - 1 : 0; k < sources.size(); ++k)
            if (alias.empty() ? sources.size() == 1 : same(sources[k].alias, alias)) sources[k].bound = true;
    }

    constexpr void bind_all(std::vector<Source>& sources, Range where) {
        if (where.begin < where.end) bind(where, sources);
        for (const auto& source : sources)
            if (!source.bound)
                refuse("tenant statement: every table needs `alias.tenant_id = :tenant` as an AND-ed condition of its WHERE");
    }

    constexpr Index target(Index i, std::vector<Source>& sources, Index end) {
        if (!is_target(i)) refuse("tenant statement: writes go to a table, whose name ends in _");
        else sources.push_back({t_[i].text, false});
        if (why_) return i;
        return read_alias(i + 1, end, sources.back());
    }

    constexpr void assignments(Range r) {
        for (const auto& part : split(r, ","))
            if (!word(part.begin) || is(part.begin, "tenant_id") || !is(part.begin + 1, "="))
                refuse("tenant statement: SET takes `column = value` and never assigns tenant_id");
    }

    constexpr void update() {
        nested({0, t_.size()});
        std::vector<Source> sources;
        const Index set = target(1, sources, t_.size());
        if (why_) return;
        if (!is(set, "SET")) return refuse("tenant statement: UPDATE table_ SET … is expected");
        const Index tail = find({set, t_.size()}, "RETURNING", "ORDER", "LIMIT");
        const Index where = find({set, tail}, "WHERE");
        const Index from = find({set, where}, "FROM");
        assignments({set + 1, from});
        if (from < where) read_sources({from + 1, where}, sources);
        bind_all(sources, {where + 1, tail});
    }

    constexpr void remove() {
        nested({0, t_.size()});
        if (!is(1, "FROM")) return refuse("tenant statement: DELETE FROM table_ … is expected");
        std::vector<Source> sources;
        const Index where = target(2, sources, t_.size());
        if (why_) return;
        if (!is(where, "WHERE")) return refuse("tenant statement: DELETE needs a WHERE");
        bind_all(sources, {where + 1, find({where, t_.size()}, "RETURNING", "ORDER", "LIMIT")});
    }

    constexpr void insert() {
        if (!is(1, "INTO")) return refuse("tenant statement: INSERT INTO table_ … is expected, without OR");
        if (!is_target(2)) return refuse("tenant statement: writes go to a table, whose name ends in _");
        if (!is(3, "(")) return refuse("tenant statement: INSERT needs its list of columns");
        const Index body = after(3);
        const Index position = column(split({4, body - 1}, ","));
        if (position == none) return refuse("tenant statement: INSERT must give tenant_id");
        Index conflict = find({body, t_.size()}, "CONFLICT");
        conflict = conflict < t_.size() && is(conflict - 1, "ON") ? conflict - 1 : t_.size();
        const Index returning = find({body, t_.size()}, "RETURNING");
        const Index end = conflict < returning ? conflict : returning;
        if (is(body, "VALUES")) values({body + 1, end}, position);
        else rows({body, end}, position);
        if (conflict < t_.size()) upsert({conflict, returning});
        nested({end, t_.size()});
    }

    constexpr Index column(const std::vector<Range>& columns) const {
        for (Index i = 0; i < columns.size(); ++i)
            if (columns[i].end == columns[i].begin + 1 && is(columns[i].begin, "tenant_id")) return i;
        return none;
    }

    constexpr void expect_tenant(const std::vector<Range>& items, Index position) {
        if (position >= items.size() || items[position].end != items[position].begin + 1 || t_[items[position].begin].text != ":tenant")
            refuse("tenant statement: INSERT must give :tenant itself for tenant_id");
    }

    constexpr void values(Range r, Index position) {
        nested(r);
        for (const auto& row : split(r, ",")) {
            if (!is(row.begin, "(") || after(row.begin) != row.end) return refuse("tenant statement: VALUES takes rows in brackets");
            expect_tenant(split({row.begin + 1, row.end - 1}, ","), position);
        }
    }

    constexpr void rows(Range r, Index position) {
        query(r.begin, r.end);
        for (Index i = r.begin; i < r.end && !why_;) {
            const Index next = find({i, r.end}, "UNION", "EXCEPT", "INTERSECT");
            const Index list = i + (is(i + 1, "DISTINCT") || is(i + 1, "ALL") ? 2 : 1);
            expect_tenant(split({list, find({i, next}, "FROM", "WHERE", "GROUP", "ORDER", "LIMIT")}, ","), position);
            i = next + (is(next + 1, "ALL") ? 2 : 1);
        }
    }

    constexpr void upsert(Range r) {
        for (Index i = r.begin; i < r.end;) {
            if (!is(i, "ON") || !is(i + 1, "CONFLICT")) return refuse("tenant statement: ON CONFLICT is not understood");
            const Index next = find({i + 2, r.end}, "CONFLICT");
            const Index end = next < r.end ? next - 1 : r.end;
            const Index act = find({i, end}, "DO");
            if (is(act + 1, "UPDATE")) {
                if (!is(i + 2, "(") || column(split({i + 3, after(i + 2) - 1}, ",")) == none)
                    return refuse("tenant statement: ON CONFLICT … DO UPDATE must name tenant_id among its columns");
                if (!is(act + 2, "SET")) return refuse("tenant statement: DO UPDATE SET … is expected");
                assignments({act + 3, find({act, end}, "WHERE")});
            } else if (!is(act + 1, "NOTHING")) {
                return refuse("tenant statement: ON CONFLICT takes DO NOTHING or DO UPDATE");
            }
            i = end;
        }
    }

    std::vector<Token> t_;
    const char* why_ = nullptr;
};

constexpr const char* check_tenant(std::string_view statement) { return TenantCheck(statement).run(); }

/// System statements cross tenants by right; what stays forbidden would step around triggers or hide something.
constexpr const char* check_system(std::string_view statement, bool read_only) {
    const auto t = tokens_of(statement);
    if (t.empty()) return "statement: empty";
    bool first = true;
    for (std::size_t i = 0; i < t.size(); ++i) {
        if (t[i].kind == Token::Kind::broken) return "statement: comments, quoted names, `;` and unnamed parameters are not allowed";
        const bool call = i + 1 < t.size() && t[i + 1].text == "(";
        if (same(t[i].text, "REPLACE") && !call) return "statement: REPLACE is not allowed";
        if (i > 0 && same(t[i].text, "OR") && (same(t[i - 1].text, "INSERT") || same(t[i - 1].text, "UPDATE")))
            return "statement: INSERT OR … and UPDATE OR … are not allowed, use ON CONFLICT";
        if (!first) continue;
        first = false;
        const bool reads = same(t[i].text, "SELECT") || same(t[i].text, "WITH");
        const bool writes = same(t[i].text, "INSERT") || same(t[i].text, "UPDATE") || same(t[i].text, "DELETE");
        if (!reads && (read_only || !writes)) return "statement: must begin with SELECT, WITH, INSERT, UPDATE or DELETE";
    }
    return nullptr;
}

}  // namespace tenon::db::sql
