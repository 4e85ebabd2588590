// The third wall alone: statements that the compiler would have refused reach the database, and the database refuses or
// sees nothing; then the second wall alone, with the triggers of the third removed.
#include <map>

#include <statement_maker.hpp>
#include <tenon/error.hpp>

#include "fixture.hpp"
#include "mutants.hpp"
#include "raw.hpp"

namespace tenon::db::testing {
namespace {

struct Sample {
    const char* sql;
    std::vector<std::string> arguments;  // names looked up in the world below
};

/// Statements of every shape that rooms use, with arguments that would hit the other tenant's rows.
const std::vector<Sample> samples = {
    {"SELECT id, name FROM project WHERE tenant_id = :tenant ORDER BY id", {}},
    {"SELECT count(*) FROM project WHERE tenant_id = :tenant", {}},
    {"SELECT id, name FROM project WHERE tenant_id = :tenant AND id = :id", {"b_project"}},
    {"SELECT p.name, a.size FROM project p JOIN asset a ON a.tenant_id = :tenant AND a.project_id = p.id "
     "WHERE p.tenant_id = :tenant ORDER BY a.id", {}},
    {"SELECT p.name, a.size FROM project p LEFT JOIN asset a ON a.tenant_id = :tenant AND a.project_id = :id "
     "WHERE p.tenant_id = :tenant ORDER BY p.id", {"b_project"}},
    {"SELECT (SELECT count(*) FROM asset a WHERE a.tenant_id = :tenant) FROM project p WHERE p.tenant_id = :tenant", {}},
    {"SELECT name FROM project WHERE tenant_id = :tenant UNION ALL SELECT host FROM domain WHERE tenant_id = :tenant", {}},
    {"UPDATE project_ SET note = 'touched' WHERE tenant_id = :tenant AND id = :id", {"b_project"}},
    {"UPDATE project_ SET note = 'touched' WHERE tenant_id = :tenant AND id = :id RETURNING name", {"b_project"}},
    {"UPDATE asset_ SET size = size + 1 WHERE tenant_id = :tenant", {}},
    {"UPDATE project_ SET version = (SELECT count(*) FROM asset WHERE tenant_id = :tenant) WHERE tenant_id = :tenant", {}},
    {"DELETE FROM asset_ WHERE tenant_id = :tenant", {}},
    {"DELETE FROM domain_ WHERE tenant_id = :tenant AND host = :host RETURNING host", {"b_host"}},
    {"INSERT INTO domain_ (tenant_id, host) VALUES (:tenant, :host)", {"b_host"}},
    {"INSERT INTO domain_ (tenant_id, host) SELECT :tenant, name FROM project WHERE tenant_id = :tenant", {}},
    {"INSERT INTO asset_ (tenant_id, id, project_id, size) VALUES (:tenant, :id, :project, 1)", {"b_asset", "a_project"}},
};

class Walls : public Store {
protected:
    struct Outcome {
        std::string rows;     // or the error's code
        std::string of_b;
        bool refused = false;
    };

    void SetUp() override {
        Store::SetUp();
        for (const auto* name : {"a_project", "b_project", "a_asset", "b_asset"}) ids[name] = fresh<ProjectId>();
    }

    void fill(const TenantScope& scope, const std::string& prefix) {
        static constexpr TenantStmt insert_domain{"INSERT INTO domain_ (tenant_id, host) VALUES (:tenant, :host)"};
        database->write(scope, [&](Tx& tx) {
            tx.exec(insert_project, ids[prefix + "_project"], prefix + " reel");
            tx.exec(insert_asset, ids[prefix + "_asset"], ids[prefix + "_project"], 5);
            tx.exec(insert_domain, prefix + ".example");
        });
    }

    /// A fresh file with the rows of a, and of b too if asked for.
    void world(bool with_b) {
        database.reset();
        for (const auto& entry : std::filesystem::directory_iterator(folder.path())) std::filesystem::remove(entry);
        reopen();
        fill(a, "a");
        if (with_b) fill(b, "b");
    }

    std::string dump_of_b() {
        Raw raw(options().file);
        const auto id = "x'" + raw.run("SELECT hex(x'" + hex(b.tenant()) + "')").at(0) + "'";
        std::string all;
        for (const auto* table : {"project_", "asset_", "domain_"})
            for (const auto& line : raw.run(std::string("SELECT quote(tenant_id), * FROM ") + table + " WHERE tenant_id = " + id))
                all += line + "\n";
        return all;
    }
    template <class T> static std::string hex(const T& id) {
        std::string text;
        for (const auto byte : base::bytes_of(id)) {
            constexpr auto digits = "0123456789abcdef";
            text += {digits[byte >> 4], digits[byte & 15]};
        }
        return text;
    }

    template <class Run> Outcome run(const Run& call) {
        Outcome outcome;
        try {
            outcome.rows = call();
        } catch (const Error& error) {
            outcome.rows = to_string(error.code());
            outcome.refused = true;
        }
        outcome.of_b = dump_of_b();
        return outcome;
    }

    Outcome as_a(const std::string& sql, const std::vector<std::string>& names) {
        const auto stmt = StatementMaker::tenant(sql);
        return run([&] {
            std::string rows;
            const auto collect = [&](Rows found) {
                while (found.next()) rows += "row\n";
                return rows;
            };
            const auto argument = [&](std::size_t i) -> Value {
                if (names[i] == "b_host") return "b.example";
                return ids[names[i]];
            };
            return database->write(a, [&](Tx& tx) {
                rows.clear();
                if (names.size() == 2) return collect(tx.query(stmt, argument(0), argument(1)));
                if (names.size() == 1) return collect(tx.query(stmt, argument(0)));
                return collect(tx.query(stmt));
            });
        });
    }

    std::map<std::string, ProjectId> ids;
};

TEST_F(Walls, the_engine_alone_stops_every_mutant) {
    std::size_t mutants = 0, refused = 0;
    for (const auto& sample : samples) {
        ASSERT_EQ(sql::check_tenant(sample.sql), nullptr) << sample.sql;
        for (const auto& mutant : mutants_of(sample.sql)) {
            ++mutants;
            world(true);
            const auto before = dump_of_b();
            const auto both = as_a(mutant.sql, sample.arguments);
            EXPECT_EQ(both.of_b, before) << mutant.how << ": " << mutant.sql;
            refused += both.refused;
            if (both.refused) continue;
            // Not refused: then what it found does not depend on the other tenant's rows at all.
            world(false);
            const auto alone = as_a(mutant.sql, sample.arguments);
            EXPECT_EQ(both.rows, alone.rows) << mutant.how << ": " << mutant.sql;
        }
    }
    EXPECT_GE(mutants, 100u);
    EXPECT_GE(refused, 20u);
}

TEST_F(Walls, a_global_key_of_another_tenant_survives_or_replace) {
    world(true);
    const auto before = dump_of_b();
    for (const auto* sql : {"INSERT OR REPLACE INTO domain_ (tenant_id, host) VALUES (:tenant, 'b.example')",
                            "REPLACE INTO domain_ (tenant_id, host) VALUES (:tenant, 'b.example')",
                            "UPDATE OR REPLACE domain_ SET host = 'b.example' WHERE tenant_id = :tenant",
                            "INSERT INTO domain_ (tenant_id, host) VALUES (:tenant, 'b.example') "
                            "ON CONFLICT (host) DO UPDATE SET tenant_id = :tenant",
                            "INSERT INTO domain_ (tenant_id, host) VALUES (:tenant, 'b.example') "
                            "ON CONFLICT (host) DO UPDATE SET host = 'stolen'"}) {
        const auto outcome = as_a(sql, {});
        EXPECT_TRUE(outcome.refused) << sql;
        EXPECT_EQ(outcome.of_b, before) << sql;
    }
}

TEST_F(Walls, rows_are_never_written_in_another_tenants_name) {
    world(true);
    const auto before = dump_of_b();
    const auto foreign = "x'" + hex(b.tenant()) + "'";
    for (const auto& sql : {"INSERT INTO domain_ (tenant_id, host) VALUES (" + foreign + ", 'new.example')",
                            "UPDATE domain_ SET tenant_id = " + foreign + " WHERE tenant_id = :tenant",
                            "DELETE FROM domain_ WHERE tenant_id = " + foreign,
                            std::string("INSERT INTO domain_ (tenant_id, host) VALUES (x'00', 'new.example')"),
                            std::string("INSERT INTO domain_ (tenant_id, host) VALUES (NULL, 'new.example')")}) {
        const auto outcome = as_a(sql, {});
        EXPECT_TRUE(outcome.refused) << sql;
        EXPECT_EQ(outcome.of_b, before) << sql;
    }
}

TEST_F(Walls, the_authorizer_keeps_tenants_to_their_views) {
    world(true);
    for (const auto* sql : {"SELECT name FROM project_", "SELECT count(*) FROM project_", "SELECT value FROM secret",
                            "SELECT 1 FROM secret",
                            "SELECT key FROM meta", "SELECT name FROM schema_object", "SELECT sql FROM sqlite_schema",
                            "SELECT name FROM plan", "SELECT * FROM pragma_table_list", "PRAGMA user_version", "PRAGMA query_only = 0",
                            "ATTACH ':memory:' AS other", "CREATE TABLE x (a)", "CREATE TEMP TABLE x (a)", "DROP TABLE project_",
                            "DROP TRIGGER project_insert", "ALTER TABLE project_ ADD COLUMN x", "BEGIN", "COMMIT", "ROLLBACK",
                            "SAVEPOINT x", "RELEASE request", "VACUUM", "ANALYZE", "REINDEX",
                            "INSERT INTO secret (value) VALUES ('x')", "DELETE FROM secret", "DELETE FROM sqlite_schema",
                            "UPDATE plan SET lim = 1", "INSERT INTO project (tenant_id, id, name) VALUES (:tenant, x'00', 'x')"}) {
        const auto stmt = StatementMaker::tenant(sql);
        EXPECT_THROW(database->write(a, [&](Tx& tx) { tx.query(stmt); }), InternalError) << sql;
        EXPECT_THROW(database->read(a, [&](Reader& r) { r.query(stmt); }), InternalError) << sql;
    }
    add_project(a, "still works");
}

TEST_F(Walls, system_statements_have_their_own_bounds) {
    world(true);
    for (const auto* sql : {"SELECT name FROM project",  // a view is empty without a tenant: naming it is a mistake
                            "PRAGMA user_version", "ATTACH ':memory:' AS other", "CREATE TABLE x (a)", "DROP TABLE project_", "COMMIT",
                            "DELETE FROM schema_migration", "SELECT sql FROM sqlite_schema", "VACUUM"}) {
        const auto stmt = StatementMaker::system(sql);
        EXPECT_THROW(database->write(system, [&](SystemTx& tx) { tx.query(stmt); }), InternalError) << sql;
        EXPECT_THROW(database->read(system, [&](SystemReader& r) { r.query(stmt); }), InternalError) << sql;
    }
    const auto write = StatementMaker::system("UPDATE project_ SET note = 'x'");
    EXPECT_THROW(database->read(system, [&](SystemReader& r) { r.query(write); }), InternalError);
    EXPECT_EQ(database->write(system, [&](SystemTx& tx) { return tx.exec(SystemStmt("UPDATE project_ SET note = 'x'")); }), 2);
}

TEST_F(Walls, shared_tables_are_read_by_tenants_and_written_by_the_system) {
    static constexpr SharedStmt plans{"SELECT lim FROM plan WHERE name = :name"};
    static constexpr SharedStmt secrets{"SELECT value FROM secret"};
    static constexpr SharedStmt projects{"SELECT name FROM project"};
    database->write(system, [](SystemTx& tx) { tx.exec(SystemStmt("INSERT INTO plan (name, lim) VALUES (:name, :lim)"), "pro", 5); });
    for (const auto& scope : {a, b})
        EXPECT_EQ(database->read(scope, [](Reader& r) {
            auto rows = r.query(plans, "pro");
            return rows.next() ? rows.i64(0) : 0;
        }), 5);
    EXPECT_THROW(database->read(a, [](Reader& r) { r.query(secrets); }), InternalError);
    EXPECT_THROW(database->read(a, [](Reader& r) { r.query(projects); }), InternalError);
}

TEST_F(Walls, what_the_system_prepared_does_not_serve_a_tenant) {
    // Equal literals have one address, and statements are kept by address.
    static constexpr char text[] = "SELECT count(*) FROM secret";
    static constexpr SystemStmt allowed(text);
    static constexpr SharedStmt refused(text);
    ASSERT_EQ(allowed.text().sql, refused.text().sql);
    EXPECT_THROW(database->write(system, [&](SystemTx& tx) {
        EXPECT_TRUE(tx.query(allowed).next());
        tx.tenant(a).query(refused);
    }), InternalError);
}

TEST_F(Walls, a_read_never_writes) {
    world(true);
    const auto before = dump_of_b();
    const auto stmt = StatementMaker::tenant("DELETE FROM asset_ WHERE tenant_id = :tenant");
    EXPECT_THROW(database->read(a, [&](Reader& r) { r.query(stmt); }), InternalError);
    EXPECT_EQ(dump_of_b(), before);
    EXPECT_EQ(Raw(options().file).run("SELECT count(*) FROM asset_").at(0), "2");
}

// ---- the second wall alone ----

class Schema : public Walls {
protected:
    /// As `world`, without triggers: only keys are left to refuse what crosses tenants.
    void bare_world() {
        world(true);
        database.reset();
        Raw raw(options().file);
        for (const auto& name : raw.run("SELECT name FROM sqlite_schema WHERE type = 'trigger'")) raw.run("DROP TRIGGER " + name);
        reopen();
    }
};

TEST_F(Schema, a_reference_into_another_tenant_cannot_be_stored) {
    bare_world();
    const auto before = dump_of_b();
    const auto foreign = hex(ids["b_project"]);
    for (const auto& sql : {"INSERT INTO asset_ (tenant_id, id, project_id, size) VALUES (:tenant, x'01', x'" + foreign + "', 1)",
                            "UPDATE asset_ SET project_id = x'" + foreign + "' WHERE tenant_id = :tenant",
                            std::string("UPDATE asset_ SET tenant_id = :tenant"),
                            "UPDATE asset_ SET tenant_id = x'" + hex(b.tenant()) + "' WHERE tenant_id = :tenant"}) {
        const auto outcome = as_a(sql, {});
        EXPECT_TRUE(outcome.refused) << sql;
        EXPECT_EQ(outcome.of_b, before) << sql;
    }
}

TEST_F(Schema, the_same_id_may_live_in_two_tenants) {
    world(true);
    database->write(b, [&](Tx& tx) { tx.exec(insert_project, ids["a_project"], "same id"); });
    database->write(b, [&](Tx& tx) { tx.exec(drop_project, ids["a_project"]); });
    EXPECT_EQ(count(a), 1);
    EXPECT_EQ(count(b), 1);
}

TEST(Tables, a_declaration_that_could_cross_tenants_is_refused) {
    const auto refuses = [](const char* name, const char* columns, const char* constraints) {
        EXPECT_THROW(tenant_table(name, columns, constraints), InvalidArgument) << columns << " | " << constraints;
    };
    refuses("x_", "id BLOB NOT NULL", "PRIMARY KEY (tenant_id, id)");
    refuses("x", "id BLOB NOT NULL", "");
    refuses("x", "id BLOB PRIMARY KEY", "CHECK (1)");
    refuses("x", "id BLOB NOT NULL", "PRIMARY KEY (id, tenant_id)");
    refuses("x", "tenant_id BLOB, id BLOB NOT NULL", "PRIMARY KEY (tenant_id, id)");
    refuses("x", "id BLOB NOT NULL REFERENCES project_ (id)", "PRIMARY KEY (tenant_id, id)");
    refuses("x", "id BLOB NOT NULL, p BLOB", "PRIMARY KEY (tenant_id, id), FOREIGN KEY (p) REFERENCES project_ (id)");
    refuses("x", "id BLOB NOT NULL, p BLOB", "PRIMARY KEY (tenant_id, id), FOREIGN KEY (p, tenant_id) REFERENCES project_ (id, tenant_id)");
    refuses("x", "id BLOB NOT NULL, p BLOB", "PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, p) REFERENCES project_ (id, tenant_id)");
    refuses("x", "id BLOB NOT NULL, p BLOB",
            "PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, p) REFERENCES project_ (tenant_id, id) DEFERRABLE INITIALLY DEFERRED");
    EXPECT_NO_THROW(tenant_table("x", "id BLOB NOT NULL, plan TEXT",
                                 "PRIMARY KEY (tenant_id, id), FOREIGN KEY (plan) REFERENCES plan (name)"));
}

}  // namespace
}  // namespace tenon::db::testing
