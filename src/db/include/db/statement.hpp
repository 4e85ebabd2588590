#pragma once

#include <cstddef>
#include <string_view>

#include <db/sql_check.hpp>

namespace tenon::db {

namespace testing {
struct StatementMaker;  // defined by tests/support only: statements that the checks would refuse
}

/// What a declared statement is to the executor. The text is a literal: its address names it in caches.
struct StatementText {
    enum class Kind : unsigned char { tenant, system, shared, own };  ///< own: BEGIN, COMMIT and their like.
    Kind kind = Kind::system;
    const char* sql = "";
    std::size_t parameters = 0;       ///< How many arguments it takes; `:tenant` of a tenant statement is none of them.
    std::string_view target{};        ///< The table that it writes to. Empty: it reads.
};

namespace sql {

/// Not constexpr on purpose: reaching it while a statement is being declared stops the compiler, which shows `why`.
void statement_refused(const char* why);

constexpr StatementText describe(const char* text, StatementText::Kind kind) {
    StatementText result{.kind = kind, .sql = text};
    const auto t = tokens_of(text);
    for (std::size_t i = 0; i < t.size(); ++i) {
        if (t[i].kind != Token::Kind::parameter) continue;
        bool counts = kind != StatementText::Kind::tenant || t[i].text != ":tenant";
        for (std::size_t k = 0; k < i; ++k) counts = counts && t[k].text != t[i].text;
        if (counts) ++result.parameters;
    }
    if (t.size() > 2 && !same(t[0].text, "SELECT") && !same(t[0].text, "WITH")) result.target = t[same(t[0].text, "UPDATE") ? 1 : 2].text;
    return result;
}

}  // namespace sql

/// A statement of one tenant. Does not compile unless sql::TenantCheck proves that it stays within `:tenant`.
///
///     constexpr db::TenantStmt rename{"UPDATE project_ SET name = :name WHERE tenant_id = :tenant AND id = :id"};
class TenantStmt {
public:
    consteval TenantStmt(const char* text) : text_(sql::describe(text, StatementText::Kind::tenant)) {
        if (const char* why = sql::check_tenant(text)) sql::statement_refused(why);
    }
    constexpr const StatementText& text() const noexcept { return text_; }

private:
    friend struct testing::StatementMaker;
    constexpr explicit TenantStmt(StatementText text) : text_(text) {}
    StatementText text_;
};

/// A statement across tenants. Names tenant tables as `project_`; `:tenant`, if used, is an argument like any other.
class SystemStmt {
public:
    consteval SystemStmt(const char* text) : text_(sql::describe(text, StatementText::Kind::system)) {
        if (const char* why = sql::check_system(text, false)) sql::statement_refused(why);
    }
    constexpr const StatementText& text() const noexcept { return text_; }

private:
    friend struct testing::StatementMaker;
    constexpr explicit SystemStmt(StatementText text) : text_(text) {}
    StatementText text_;
};

/// A query of tables that every tenant may read (db::shared_table), for use beside tenant statements.
class SharedStmt {
public:
    consteval SharedStmt(const char* text) : text_(sql::describe(text, StatementText::Kind::shared)) {
        if (const char* why = sql::check_system(text, true)) sql::statement_refused(why);
    }
    constexpr const StatementText& text() const noexcept { return text_; }

private:
    StatementText text_;
};

}  // namespace tenon::db
