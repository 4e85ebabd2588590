#pragma once

#include <deque>
#include <string>

#include <db/statement.hpp>

namespace tenon::db::testing {

/// Makes statements at run time, unchecked: to see what the other walls do when the compile-time one is missing.
struct StatementMaker {
    static TenantStmt tenant(const std::string& sql) {
        return TenantStmt(sql::describe(keep(sql), StatementText::Kind::tenant));
    }
    static SystemStmt system(const std::string& sql) {
        return SystemStmt(sql::describe(keep(sql), StatementText::Kind::system));
    }

private:
    // Caches know statements by their address: texts live as long as the test program.
    static const char* keep(const std::string& sql) {
        static std::deque<std::string> texts;
        return texts.emplace_back(sql).c_str();
    }
};

}  // namespace tenon::db::testing
