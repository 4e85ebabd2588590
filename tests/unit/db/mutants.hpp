#pragma once

#include <string>
#include <vector>

namespace tenon::db::testing {

/// A tenant statement with its care for tenants damaged, as a hurried edit would.
struct Mutant {
    std::string how;
    std::string sql;
};

inline std::vector<std::size_t> places(const std::string& text, const std::string& what) {
    std::vector<std::size_t> found;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) found.push_back(at);
    return found;
}

inline std::string with(std::string text, std::size_t at, std::size_t length, const std::string& by) {
    return text.replace(at, length, by);
}

/// Every single damage of these kinds: predicate dropped, replaced or widened by OR, OR REPLACE, table for view.
inline std::vector<Mutant> mutants_of(const std::string& sql) {
    const std::string predicate = "tenant_id = :tenant";
    std::vector<Mutant> mutants;
    for (const auto at : places(sql, predicate)) {
        auto begin = at;  // with its alias
        const auto of_name = [](char c) { return isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.'; };
        while (begin > 0 && of_name(sql[begin - 1])) --begin;
        const auto length = at + predicate.size() - begin;
        const auto whole = sql.substr(begin, length);
        mutants.push_back({"dropped", with(sql, begin, length, "1 = 1")});
        mutants.push_back({"widened", with(sql, begin, length, "(" + whole + " OR 1 = 1)")});
        mutants.push_back({"any but", with(sql, at, predicate.size(), "tenant_id <> :tenant")});
        mutants.push_back({"any", with(sql, at, predicate.size(), "tenant_id IS NOT NULL")});
        mutants.push_back({"itself", with(sql, at, predicate.size(), "tenant_id = tenant_id")});
        mutants.push_back({"negated", with(sql, begin, length, "NOT " + whole)});
        mutants.push_back({"or", with(sql, begin, length, "1 = 1 OR " + whole)});
        mutants.push_back({"case", with(sql, begin, length, "CASE WHEN 1 AND " + whole + " THEN 1 ELSE 1 END")});
        mutants.push_back({"between", with(sql, begin, length, "1 BETWEEN 0 AND " + whole)});
    }
    if (sql.starts_with("INSERT INTO")) {
        mutants.push_back({"or replace", with(sql, 0, 6, "INSERT OR REPLACE")});
        mutants.push_back({"replace into", with(sql, 0, 6, "REPLACE")});
    }
    if (sql.starts_with("UPDATE ")) mutants.push_back({"or replace", with(sql, 0, 6, "UPDATE OR REPLACE")});
    return mutants;
}

}  // namespace tenon::db::testing
