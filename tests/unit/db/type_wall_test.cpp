// The first wall alone: the function that the compiler runs over every declared statement, called at run time.
#include <type_traits>

#include <gtest/gtest.h>

#include <db/database.hpp>
#include <declared_statements.hpp>

#include "mutants.hpp"

namespace tenon::db::testing {
namespace {

TEST(TypeWall, declared_statements_pass_and_every_mutant_of_them_is_refused) {
    const auto statements = DeclaredStatements().of("TenantStmt");
    EXPECT_GE(statements.size(), 10u);
    std::size_t mutants = 0;
    for (const auto& [name, sql] : statements) {
        EXPECT_EQ(sql::check_tenant(sql), nullptr) << name << "\n" << sql;
        for (const auto& mutant : mutants_of(sql)) {
            ++mutants;
            EXPECT_NE(sql::check_tenant(mutant.sql), nullptr) << name << ", " << mutant.how << "\n" << mutant.sql;
        }
    }
    RecordProperty("statements", static_cast<int>(statements.size()));
    RecordProperty("mutants", static_cast<int>(mutants));
    EXPECT_GE(mutants, statements.size());
}

class Refused : public ::testing::TestWithParam<const char*> {};
class Accepted : public ::testing::TestWithParam<const char*> {};

TEST_P(Refused, is) { EXPECT_NE(sql::check_tenant(GetParam()), nullptr) << GetParam(); }
TEST_P(Accepted, is) { EXPECT_EQ(sql::check_tenant(GetParam()), nullptr) << GetParam() << "\n" << sql::check_tenant(GetParam()); }

INSTANTIATE_TEST_SUITE_P(TypeWall, Refused, ::testing::Values(
    "", "   ", "PRAGMA user_version", "ATTACH 'x' AS y", "DROP TABLE project_", "VACUUM", "BEGIN",
    // every table is bound, by a conjunct, to the parameter itself
    "SELECT 1 FROM project",
    "SELECT 1 FROM project WHERE id = :id",
    "SELECT 1 FROM project WHERE tenant_id = :other",
    "SELECT 1 FROM project WHERE tenant_id = :tenant2",
    "SELECT 1 FROM project WHERE :tenant = :tenant",
    "SELECT 1 FROM project WHERE tenant_id = :tenant OR 1 = 1",
    "SELECT 1 FROM project WHERE id = :id AND tenant_id = :tenant OR 1 = 1",
    "SELECT 1 FROM project WHERE (tenant_id = :tenant OR 1 = 1)",
    "SELECT 1 FROM project WHERE (tenant_id = :tenant)",
    "SELECT 1 FROM project WHERE NOT tenant_id = :tenant",
    "SELECT 1 FROM project WHERE 1 BETWEEN 0 AND tenant_id = :tenant",
    "SELECT 1 FROM project WHERE CASE WHEN 1 AND tenant_id = :tenant THEN 1 ELSE 1 END",
    "SELECT 1 FROM project WHERE tenant_id = :tenant + 1",
    "SELECT 1 FROM project WHERE tenant_id = :tenant IS NULL",
    "SELECT 1 FROM project WHERE tenant_id = :tenant COLLATE NOCASE",
    "SELECT 1 FROM project WHERE 1 - tenant_id = :tenant",
    "SELECT 1 FROM project WHERE other_tenant_id = :tenant",
    "SELECT 1 FROM project GROUP BY id HAVING tenant_id = :tenant",
    "SELECT 1 FROM project ORDER BY tenant_id = :tenant",
    "SELECT 1 FROM project p, asset a WHERE p.tenant_id = :tenant",
    "SELECT 1 FROM project p, asset a WHERE tenant_id = :tenant",
    "SELECT 1 FROM project p JOIN asset a ON a.tenant_id = p.tenant_id WHERE p.tenant_id = :tenant",
    "SELECT 1 FROM project p JOIN asset a USING (tenant_id) WHERE p.tenant_id = :tenant",
    "SELECT 1 FROM project p LEFT JOIN asset a ON p.tenant_id = :tenant AND a.tenant_id = :tenant",
    "SELECT 1 FROM project p LEFT JOIN asset a ON a.tenant_id = :tenant OR 1 WHERE p.tenant_id = :tenant",
    "SELECT 1 FROM project p RIGHT JOIN asset a ON a.tenant_id = :tenant WHERE p.tenant_id = :tenant",
    "SELECT 1 FROM project NATURAL JOIN asset WHERE tenant_id = :tenant",
    "SELECT 1 FROM project p, project p WHERE p.tenant_id = :tenant",
    "SELECT 1 FROM (project p JOIN asset a ON a.tenant_id = :tenant) WHERE p.tenant_id = :tenant",
    "SELECT 1 FROM project WHERE tenant_id = :tenant UNION SELECT 1 FROM asset",
    "SELECT 1 FROM project WHERE tenant_id = :tenant UNION ALL SELECT id FROM asset ORDER BY 1",
    "SELECT (SELECT count(*) FROM asset) FROM project WHERE tenant_id = :tenant",
    "SELECT (SELECT count(*) FROM asset a WHERE p.tenant_id = :tenant) FROM project p WHERE p.tenant_id = :tenant",
    "SELECT 1 FROM project WHERE tenant_id = :tenant AND EXISTS (SELECT 1 FROM asset)",
    "SELECT 1 FROM project WHERE tenant_id = :tenant AND id IN (SELECT id FROM asset)",
    "SELECT 1 FROM project WHERE tenant_id = :tenant AND id IN asset",
    "SELECT 1 FROM project WHERE tenant_id = :tenant AND id IN (VALUES (1))",
    "SELECT 1 FROM project WHERE tenant_id = :tenant ORDER BY (SELECT max(id) FROM asset)",
    "SELECT 1 FROM project WHERE tenant_id = :tenant LIMIT (SELECT count(*) FROM asset)",
    "SELECT max((SELECT 1 FROM asset)) FROM project WHERE tenant_id = :tenant",
    "WITH a AS (SELECT 1 FROM asset) SELECT 1 FROM project WHERE tenant_id = :tenant",
    "SELECT 1 FROM (WITH a AS (SELECT 1 FROM asset) SELECT 1 FROM a) WHERE 1",
    // reads name views, plainly
    "SELECT 1 FROM project_ WHERE tenant_id = :tenant",
    "SELECT 1 FROM main.project WHERE tenant_id = :tenant",
    "SELECT 1 FROM \"project\" WHERE tenant_id = :tenant",
    "SELECT 1 FROM [project] WHERE tenant_id = :tenant",
    "SELECT 1 FROM `project` WHERE tenant_id = :tenant",
    "SELECT 1 FROM pragma_table_info('project') WHERE tenant_id = :tenant",
    "SELECT 1 FROM project INDEXED BY i WHERE tenant_id = :tenant",
    "SELECT 1 FROM project -- WHERE\n WHERE tenant_id = :tenant",
    "SELECT 1 FROM project /* x */ WHERE tenant_id = :tenant",
    "SELECT 1 FROM project WHERE tenant_id = :tenant; DELETE FROM project_",
    "SELECT 1 FROM project WHERE tenant_id = :tenant AND id = ?",
    "SELECT 1 FROM project WHERE tenant_id = :tenant AND id = @id",
    "SELECT 1 FROM project WHERE tenant_id = :tenant AND name = 'open",
    "SELECT 1 FROM project WHERE tenant_id = :tenant AND id IS DISTINCT FROM :id)",
    "SELECT 1 FROM project WHERE tenant_id = :tenant)",
    // writes
    "INSERT INTO project (tenant_id, id) VALUES (:tenant, :id)",
    "INSERT INTO project_ VALUES (:tenant, :id)",
    "INSERT INTO project_ DEFAULT VALUES",
    "INSERT INTO project_ (id) VALUES (:id)",
    "INSERT INTO project_ (tenant_id, id) VALUES (:other, :id)",
    "INSERT INTO project_ (tenant_id, id) VALUES (:id, :tenant)",
    "INSERT INTO project_ (tenant_id, id) VALUES (:tenant, :id), (:other, :id)",
    "INSERT INTO project_ (tenant_id, id) VALUES (coalesce(:other, :tenant), :id)",
    "INSERT INTO project_ (tenant_id, id) VALUES (:tenant, (SELECT id FROM project))",
    "INSERT INTO project_ (tenant_id, id) SELECT :tenant, id FROM asset",
    "INSERT INTO project_ (tenant_id, id) SELECT tenant_id, id FROM asset WHERE tenant_id = :tenant",
    "INSERT INTO project_ (tenant_id, id) SELECT :tenant, id FROM asset WHERE tenant_id = :tenant UNION SELECT :other, 1",
    "INSERT OR REPLACE INTO project_ (tenant_id, id) VALUES (:tenant, :id)",
    "INSERT OR IGNORE INTO project_ (tenant_id, id) VALUES (:tenant, :id)",
    "REPLACE INTO project_ (tenant_id, id) VALUES (:tenant, :id)",
    "INSERT INTO project_ (tenant_id, id) VALUES (:tenant, :id) ON CONFLICT DO UPDATE SET id = 1",
    "INSERT INTO project_ (tenant_id, id) VALUES (:tenant, :id) ON CONFLICT (id) DO UPDATE SET id = 1",
    "INSERT INTO project_ (tenant_id, id) VALUES (:tenant, :id) ON CONFLICT (tenant_id, id) DO UPDATE SET tenant_id = :x",
    "INSERT INTO project_ (tenant_id, id) VALUES (:tenant, :id) ON CONFLICT (tenant_id, id) DO UPDATE SET id = (SELECT 1 FROM asset)",
    "INSERT INTO project_ (tenant_id, id) VALUES (:tenant, :id) RETURNING (SELECT 1 FROM asset)",
    "UPDATE project SET name = 1 WHERE tenant_id = :tenant",
    "UPDATE project_ SET name = 1",
    "UPDATE project_ SET name = 1 WHERE id = :id",
    "UPDATE project_ SET tenant_id = :tenant WHERE tenant_id = :tenant",
    "UPDATE project_ SET (tenant_id, id) = (1, 2) WHERE tenant_id = :tenant",
    "UPDATE project_ SET name = (SELECT name FROM asset) WHERE tenant_id = :tenant",
    "UPDATE project_ SET name = (SELECT name FROM project_ WHERE tenant_id = :tenant) WHERE tenant_id = :tenant",
    "UPDATE project_ SET name = a.name FROM asset a WHERE project_.tenant_id = :tenant",
    "UPDATE OR REPLACE project_ SET name = 1 WHERE tenant_id = :tenant",
    "DELETE FROM project WHERE tenant_id = :tenant",
    "DELETE FROM project_",
    "DELETE FROM project_ WHERE id = :id",
    "DELETE FROM project_ WHERE id IN (SELECT id FROM asset) AND tenant_id = :tenant",
    "DELETE FROM project_ RETURNING tenant_id = :tenant"));

INSTANTIATE_TEST_SUITE_P(TypeWall, Accepted, ::testing::Values(
    "SELECT id FROM project WHERE tenant_id = :tenant",
    "select id from project where TENANT_ID = :tenant and id = :id",
    "SELECT DISTINCT p.id, count(*) FROM project AS p WHERE p.tenant_id = :tenant GROUP BY p.id HAVING count(*) > 1 ORDER BY 1 LIMIT :n",
    "SELECT 1 FROM project WHERE (name = :a OR name = :b) AND tenant_id = :tenant",
    "SELECT 1 FROM project WHERE at BETWEEN :a AND :b AND tenant_id = :tenant AND name LIKE 'x''y'",
    "SELECT 1 FROM project WHERE CASE WHEN at > 1 OR at < 2 THEN 1 ELSE 0 END AND tenant_id = :tenant",
    "SELECT p.id FROM project p JOIN asset a ON a.tenant_id = :tenant AND a.project_id = p.id WHERE p.tenant_id = :tenant",
    "SELECT p.id FROM project p LEFT OUTER JOIN asset a ON a.tenant_id = :tenant WHERE p.tenant_id = :tenant",
    "SELECT p.id FROM project p, asset a WHERE p.tenant_id = :tenant AND a.tenant_id = :tenant AND a.id = p.id",
    "SELECT x.n FROM (SELECT count(*) AS n FROM asset WHERE tenant_id = :tenant) x",
    "SELECT 1 FROM project p, json_each(p.note) j WHERE p.tenant_id = :tenant AND j.value = :v",
    "SELECT 1 FROM project WHERE tenant_id = :tenant AND id IN (SELECT project_id FROM asset WHERE tenant_id = :tenant)",
    "SELECT id FROM project WHERE tenant_id = :tenant UNION ALL SELECT id FROM asset WHERE tenant_id = :tenant ORDER BY 1",
    "SELECT replace(name, 'a', 'b'), x'00ff', 1.5 FROM project WHERE tenant_id = :tenant",
    "INSERT INTO project_ (tenant_id, id) VALUES (:tenant, :id) RETURNING id",
    "INSERT INTO project_ (id, tenant_id) VALUES (:a, :tenant), (:b, :tenant) ON CONFLICT DO NOTHING",
    "INSERT INTO project_ (tenant_id, id, n) VALUES (:tenant, :id, 1) ON CONFLICT (tenant_id, id) DO UPDATE SET n = n + 1 WHERE n < :m",
    "INSERT INTO project_ (tenant_id, id) SELECT :tenant, id FROM asset WHERE tenant_id = :tenant",
    "UPDATE project_ SET name = :name, n = n + 1 WHERE tenant_id = :tenant AND id = :id RETURNING n",
    "UPDATE project_ AS p SET n = a.size FROM asset a WHERE p.tenant_id = :tenant AND a.tenant_id = :tenant AND a.project_id = p.id",
    "DELETE FROM project_ WHERE tenant_id = :tenant AND id = :id",
    "DELETE FROM project_ AS p WHERE p.tenant_id = :tenant AND NOT EXISTS "
    "(SELECT 1 FROM asset a WHERE a.tenant_id = :tenant AND a.project_id = p.id)"));

TEST(TypeWall, system_statements_keep_their_own_rules) {
    EXPECT_EQ(sql::check_system("SELECT count(*) FROM project_", true), nullptr);
    EXPECT_EQ(sql::check_system("UPDATE tenant SET state = :s WHERE id = :id", false), nullptr);
    EXPECT_NE(sql::check_system("UPDATE tenant SET state = :s WHERE id = :id", true), nullptr);
    EXPECT_NE(sql::check_system("INSERT OR REPLACE INTO t (a) VALUES (1)", false), nullptr);
    EXPECT_NE(sql::check_system("REPLACE INTO t (a) VALUES (1)", false), nullptr);
    EXPECT_NE(sql::check_system("UPDATE OR IGNORE t SET a = 1", false), nullptr);
    EXPECT_NE(sql::check_system("PRAGMA user_version", false), nullptr);
    EXPECT_NE(sql::check_system("CREATE TABLE x (a)", false), nullptr);
    EXPECT_NE(sql::check_system("SELECT 1; SELECT 2", false), nullptr);
    EXPECT_NE(sql::check_system("", false), nullptr);
}

TEST(TypeWall, parameters_and_targets_are_read_from_the_text) {
    constexpr TenantStmt stmt{"UPDATE project_ SET name = :name WHERE tenant_id = :tenant AND (id = :id OR :id IS NULL)"};
    static_assert(stmt.text().parameters == 2);
    static_assert(stmt.text().target == "project_");
    constexpr SystemStmt system{"SELECT 1 FROM project_ WHERE tenant_id = :tenant"};
    static_assert(system.text().parameters == 1);
    static_assert(system.text().target.empty());
}

// Whoever could make a scope could be any tenant.
static_assert(!std::is_default_constructible_v<TenantScope>);
static_assert(!std::is_constructible_v<TenantScope, TenantId, std::string, std::uint32_t, std::uint64_t>);
static_assert(!std::is_default_constructible_v<SystemScope>);
// Statements across tenants do not fit where one tenant acts.
template <class T, class S> concept runs = requires(T& t, const S& s) { t.query(s); };
static_assert(runs<Tx, TenantStmt> && runs<Tx, SharedStmt> && !runs<Tx, SystemStmt>);
static_assert(runs<SystemTx, SystemStmt> && !runs<SystemTx, TenantStmt>);

}  // namespace
}  // namespace tenon::db::testing
