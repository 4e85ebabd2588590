// What is PostgreSQL's alone, on the server of tests/support/postgres.py: security by row, clashes, news, lost connections.
#include <atomic>
#include <csignal>
#include <thread>

#include <gtest/gtest.h>

#include <base/id.hpp>
#include <postgres_home.hpp>
#include <scope_maker.hpp>
#include <statement_maker.hpp>
#include <store_example.hpp>
#include <tenon/error.hpp>

#include "mutants.hpp"

namespace tenon::db::testing {
namespace {

using namespace std::chrono_literals;

class Postgres : public ::testing::Test {
protected:
    void SetUp() override {
        if (!tests::postgres_server()) GTEST_SKIP() << "no server";
        home.emplace();
        database = open();
    }
    std::unique_ptr<Database> open(Duration poll = 250ms) { return Database::open({.postgres = home->address(), .poll = poll}, example_tables()); }
    template <class T> T fresh() { return base::new_id<T>(base::system_clock()->now()); }
    ProjectId add_project(const TenantScope& scope, const std::string& name) {
        const auto id = fresh<ProjectId>();
        database->write(scope, [&](Tx& tx) { tx.exec(insert_project, id, name); });
        return id;
    }
    std::int64_t count(const TenantScope& scope) {
        return database->read(scope, [](Reader& r) {
            auto rows = r.query(count_projects);
            rows.next();
            return rows.i64(0);
        });
    }
    std::string refusal(const std::string& address) {
        try {
            Database::open({.postgres = address, .busy_deadline = 1s}, example_tables());
            return "";
        } catch (const Error& error) {
            return std::string(to_string(error.code())) + " " + error.what() + " " + error.subject();
        }
    }

    std::optional<tests::PostgresHome> home;
    std::unique_ptr<Database> database;
    TenantScope a = ScopeMaker::tenant(fresh<TenantId>());
    TenantScope b = ScopeMaker::tenant(fresh<TenantId>());
    SystemScope system = ScopeMaker::system();
};

using PostgresWalls = Postgres;

TEST_F(PostgresWalls, a_login_that_passes_by_security_by_row_is_refused) {
    EXPECT_TRUE(refusal(home->boss()).starts_with("unsupported rows of tenants would not be kept apart: the login may pass by"));
    EXPECT_EQ(refusal(home->address()), "");
}

TEST_F(PostgresWalls, a_table_a_view_or_a_policy_that_was_weakened_is_refused) {
    const std::pair<const char*, const char*> damages[] = {
        {"ALTER TABLE project_ NO FORCE ROW LEVEL SECURITY", "ALTER TABLE project_ FORCE ROW LEVEL SECURITY"},
        {"ALTER TABLE secret DISABLE ROW LEVEL SECURITY", "ALTER TABLE secret ENABLE ROW LEVEL SECURITY"},
        {"CREATE TABLE other (id bigint)", "DROP TABLE other"},
        {"CREATE POLICY more ON project_ USING (true)", "DROP POLICY more ON project_"},
        {"ALTER POLICY scope ON project_ USING (true)",
         "ALTER POLICY scope ON project_ USING (tenant_id = (SELECT scope_tenant()) OR (SELECT scope_system()))"},
        {"ALTER VIEW project SET (security_invoker = false)", "ALTER VIEW project SET (security_invoker = true)"},
        {"CREATE OR REPLACE FUNCTION scope_system() RETURNS boolean LANGUAGE sql AS 'SELECT true'",
         "CREATE OR REPLACE FUNCTION scope_system() RETURNS boolean LANGUAGE sql STABLE AS $$SELECT current_setting('scope.system')::boolean$$"},
    };
    for (const auto& [damage, repair] : damages) {
        home->damage(damage);
        EXPECT_TRUE(refusal(home->address()).starts_with("unsupported rows of tenants would not be kept apart")) << damage;
        home->damage(repair);
        EXPECT_EQ(refusal(home->address()), "") << repair;
    }
}

TEST_F(PostgresWalls, statements_without_a_predicate_stay_within_their_tenant) {
    const auto mine = add_project(a, "mine");
    database->write(a, [&](Tx& tx) { tx.exec(insert_asset, fresh<AssetId>(), mine, 1); });
    add_project(b, "theirs");
    database->write(system, [](SystemTx& tx) { tx.exec(StatementMaker::system("INSERT INTO secret (value) VALUES ('x')")); });
    const auto one = [&](const char* sql) {
        return database->read(b, [&](Reader& r) {
            auto rows = r.query(StatementMaker::tenant(sql));
            rows.next();
            return rows.i64(0);
        });
    };
    EXPECT_EQ(one("SELECT count(*) FROM project"), 1);
    EXPECT_EQ(one("SELECT count(*) FROM project_"), 1);
    EXPECT_EQ(one("SELECT count(*) FROM asset_"), 0);
    EXPECT_EQ(one("SELECT count(*) FROM secret"), 0);
    EXPECT_EQ(one("SELECT count(*) FROM meta"), 0);
    const auto change = [&](const char* sql) {
        return database->write(b, [&](Tx& tx) { return tx.exec(StatementMaker::tenant(sql)); });
    };
    EXPECT_EQ(change("UPDATE project_ SET note = 'x'"), 1);
    EXPECT_EQ(change("DELETE FROM asset_"), 0);
    EXPECT_EQ(change("DELETE FROM project_"), 1);
    EXPECT_THROW(change("INSERT INTO secret (value) VALUES ('x')"), InternalError);
    EXPECT_THROW(change("INSERT INTO plan (name, lim) VALUES ('x', 1)"), InternalError);
    EXPECT_EQ(count(a), 1);
    const auto put = StatementMaker::tenant("INSERT INTO project_ (tenant_id, id, name) VALUES (:of, :id, 'x')");
    EXPECT_THROW(database->write(b, [&](Tx& tx) { tx.exec(put, a.tenant(), fresh<ProjectId>()); }), InternalError);
    const auto give = StatementMaker::tenant("UPDATE project_ SET tenant_id = :of");
    EXPECT_THROW(database->write(a, [&](Tx& tx) { tx.exec(give, b.tenant()); }), Error);
    EXPECT_EQ(count(a), 1);
    EXPECT_EQ(count(b), 0);
}

TEST_F(PostgresWalls, every_mutant_of_the_example_statements_leaves_the_other_tenant_alone) {
    const auto mine = add_project(a, "mine");
    database->write(a, [&](Tx& tx) { tx.exec(insert_asset, fresh<AssetId>(), mine, 1); });
    const auto state = [&] {
        return database->read(a, [&](Reader& r) {
            std::string all;
            for (auto rows = r.query(list_assets); rows.next();) all += rows.text(0) + std::to_string(rows.i64(2)) + "\n";
            return all;
        });
    };
    const auto before = state();
    int tried = 0;
    for (const auto* statement : {&rename_project, &drop_project, &count_projects, &find_project})
        for (const auto& mutant : mutants_of(statement->text().sql)) {
            ++tried;
            const auto damaged = StatementMaker::tenant(mutant.sql);
            try {
                const auto seen = database->write(b, [&](Tx& tx) {
                    if (damaged.text().parameters == 2) return tx.exec(damaged, "x", mine);
                    if (damaged.text().target.empty()) {
                        auto rows = damaged.text().parameters == 1 ? tx.query(damaged, mine) : tx.query(damaged);
                        return rows.next() && std::string_view(statement->text().sql).find("count(") == std::string_view::npos ? std::int64_t{1} : 0;
                    }
                    return damaged.text().parameters == 1 ? tx.exec(damaged, mine) : tx.exec(damaged);
                });
                EXPECT_EQ(seen, 0) << mutant.sql;
            } catch (const Error&) {
            }
            EXPECT_EQ(state(), before) << mutant.sql;
        }
    EXPECT_GT(tried, 10);
}

TEST_F(Postgres, the_connection_string_is_in_no_error) {
    for (const auto& address : {home->address() + " password=s3cret-word host=/nowhere", std::string("postgresql://u:s3cret-word@/x?host=/nowhere"),
                                std::string("password='s3cret-word"), home->address() + " user=nobody_here password=s3cret-word"}) {
        const auto said = refusal(address);
        EXPECT_NE(said, "");
        EXPECT_EQ(said.find("s3cret"), std::string::npos) << said;
        EXPECT_EQ(said.find("nowhere"), std::string::npos) << said;
    }
    EXPECT_THROW(Database::open({.file = "/tmp/x", .postgres = home->address()}, {}), InvalidArgument);
}

TEST_F(Postgres, a_column_may_be_called_like_a_type_and_be_added_later) {
    const auto tables = [](bool later) {
        std::vector<Migration> steps = {{"words", 1, tenant_table("word", "id BLOB NOT NULL, text TEXT NOT NULL", "PRIMARY KEY (tenant_id, id)")}};
        if (later) steps.push_back({"words", 2, "ALTER TABLE word_ ADD COLUMN integer INTEGER NOT NULL DEFAULT 7;\n"});
        return steps;
    };
    static constexpr TenantStmt put{"INSERT INTO word_ (tenant_id, id, text) VALUES (:tenant, :id, :text)"};
    static constexpr TenantStmt get{"SELECT text, integer FROM word WHERE tenant_id = :tenant"};
    const tests::PostgresHome other;
    Database::open({.postgres = other.address()}, tables(false))->write(a, [&](Tx& tx) { tx.exec(put, fresh<ProjectId>(), "reel"); });
    Database::open({.postgres = other.address()}, tables(true))->read(a, [&](Reader& r) {
        auto rows = r.query(get);
        ASSERT_TRUE(rows.next());
        EXPECT_EQ(rows.text(0), "reel");
        EXPECT_EQ(rows.i64(1), 7);
    });
    EXPECT_THROW(Database::open({.postgres = other.address()}, tables(false)), Unsupported);
}

TEST_F(Postgres, a_group_that_clashes_runs_again) {
    home->damage("CREATE SEQUENCE tries; GRANT ALL ON SEQUENCE tries TO app; CREATE FUNCTION clash() RETURNS trigger LANGUAGE plpgsql AS "
                 "$$BEGIN IF nextval('tries') < 4 THEN RAISE serialization_failure; END IF; RETURN NEW; END$$; "
                 "CREATE TRIGGER clash BEFORE INSERT ON project_ FOR EACH ROW EXECUTE FUNCTION clash()");
    add_project(a, "late");
    EXPECT_EQ(count(a), 1);
    home->damage("ALTER SEQUENCE tries RESTART; CREATE OR REPLACE FUNCTION clash() RETURNS trigger LANGUAGE plpgsql AS "
                 "$$BEGIN RAISE deadlock_detected; END$$");
    try {
        add_project(a, "never");
        ADD_FAILURE() << "it always clashes";
    } catch (const Unavailable& error) {
        EXPECT_TRUE(error.retryable());
    }
    EXPECT_EQ(count(a), 1);
}

TEST_F(Postgres, a_lost_connection_is_made_anew) {
    add_project(a, "before");
    home->damage("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
    std::this_thread::sleep_for(50ms);
    add_project(a, "after");
    try {
        count(a);  // the reader finds its own loss when it asks
    } catch (const Unavailable& error) {
        EXPECT_TRUE(error.retryable());
    }
    EXPECT_EQ(count(a), 2);
}

TEST_F(Postgres, who_stands_still_inside_of_a_transaction_loses_it_and_begins_anew) {
    const auto slow = Database::open({.postgres = home->address(), .busy_deadline = 1s}, example_tables());
    std::atomic<int> runs = 0;
    std::jthread stopped([&] {
        const auto id = fresh<ProjectId>();
        slow->write(a, [&](Tx& tx) {
            tx.exec(insert_project, id, "slow");
            if (++runs == 1) std::this_thread::sleep_for(4s);  // as one who is stopped by a signal
        });
    });
    while (runs == 0) std::this_thread::sleep_for(1ms);
    const auto begun = std::chrono::steady_clock::now();
    add_project(a, "quick");
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 3s);
    stopped.join();
    EXPECT_EQ(runs, 2);
    EXPECT_EQ(count(a), 2);
}

TEST_F(Postgres, a_server_that_says_nothing_is_given_up) {
    const auto impatient = Database::open({.postgres = home->address(), .busy_deadline = 500ms, .read_deadline = 500ms}, example_tables());
    const auto number = [&] {
        return impatient->read(a, [](Reader& r) {
            auto rows = r.query(count_projects);
            rows.next();
            return rows.i64(0);
        });
    };
    EXPECT_EQ(number(), 0);
    const auto signal_all = [&](int which) {
        for (const auto pid : home->processes()) ::kill(pid, which);
    };
    signal_all(SIGSTOP);
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_THROW(number(), Unavailable);
    const auto id = fresh<ProjectId>();
    EXPECT_NO_THROW(impatient->write(a, [&](Tx& tx) { tx.exec(insert_project, id, "x"); })) << "what had not begun runs on another connection";
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 60s);
    signal_all(SIGCONT);
    EXPECT_EQ(number(), 1);
}

TEST_F(Postgres, another_store_hears_of_a_commit_long_before_its_poll_and_not_of_each) {
    auto other = open(60s);
    std::atomic<int> told = 0;
    const auto watch = other->on_foreign_change([&] { ++told; });
    std::this_thread::sleep_for(300ms);
    constexpr int writes = 300;
    for (int i = 0; i < writes; ++i) add_project(a, std::to_string(i));
    for (const auto begun = std::chrono::steady_clock::now(); told == 0;) {
        ASSERT_LT(std::chrono::steady_clock::now() - begun, 20s);
        std::this_thread::sleep_for(5ms);
    }
    EXPECT_GE(told, 1);
    EXPECT_LT(told, writes);
}

}  // namespace
}  // namespace tenon::db::testing
