// Whether PostgreSQL takes every table, every statement and every parameter of all rooms, on the server of tests/support/postgres.py.
#include <set>

#include <gtest/gtest.h>

#include <declared_statements.hpp>
#include <engine/all_migrations.hpp>
#include <postgres_home.hpp>
#include <statement_maker.hpp>
#include <tenon/error.hpp>

#include "pg_connection.hpp"

namespace tenon::db::testing {
namespace {

TEST(PostgresStatements, every_declared_one_is_prepared_and_takes_integers_texts_and_blobs) {
    if (!tests::postgres_server()) GTEST_SKIP() << "no server";
    const tests::PostgresHome home;
    const Options options{.postgres = home.address()};
    Database::open(options, engine::all_migrations());
    PgConnection connection(options, PgConnection::Role::writer);
    const DeclaredStatements declared;
    // Whose parameters are compared with a small number before anything else tells their type: never an amount, a time or a size.
    const std::set<std::string> small = {"src/jobs/statements.hpp:list", "src/tenant/access_keys.cpp:page", "src/tenant/access_logins.cpp:page",
                                         "src/tenant/access_users.cpp:page", "src/tenant/audit_store.cpp:rows_stmt"};
    std::size_t statements = 0;
    for (const char* kind : {"TenantStmt", "SystemStmt", "SharedStmt"})
        for (const auto& [name, sql] : declared.of(kind)) {
            ++statements;
            const auto text = kind[0] == 'T' ? StatementMaker::tenant(sql).text() : StatementMaker::system(sql).text();
            try {
                for (const auto type : connection.types_of(text))
                    EXPECT_TRUE(type == 20 || type == 25 || type == 17 || type == 16 || (type == 23 && small.contains(name)))
                        << name << ": a parameter of type " << type << "\n" << sql;
            } catch (const Error& error) {
                ADD_FAILURE() << name << ": " << error.what() << " " << error.subject() << "\n" << sql;
                if (connection.is_lost()) return;
            }
        }
    EXPECT_GE(statements, 300u);
    RecordProperty("statements", static_cast<int>(statements));
}

}  // namespace
}  // namespace tenon::db::testing
