// A store moves from its file into a PostgreSQL database, beside the server of tests/support/postgres.py.
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <thread>

#include <sys/resource.h>

#include <child_process.hpp>
#include <db/move.hpp>
#include <postgres_home.hpp>
#include <tenon/error.hpp>

#include "fixture.hpp"
#include "mover.hpp"
#include "raw.hpp"

namespace tenon::db::testing {
namespace {

using namespace std::chrono_literals;
using tests::ChildProcess;

std::vector<Migration> moving_tables() {
    auto all = example_tables();
    all.push_back({"example", 2,
                   tenant_table("odd", "n INTEGER NOT NULL, number INTEGER, words TEXT, bytes BLOB", "PRIMARY KEY (tenant_id, n)") +
                       tenant_table("kept", "n INTEGER NOT NULL, line TEXT NOT NULL", "PRIMARY KEY (tenant_id, n)") +
                       "CREATE TRIGGER kept_kept BEFORE UPDATE ON kept_ BEGIN SELECT RAISE(ABORT, 'it stays as it is'); END;\n" +
                       "INSERT INTO plan (name, lim) VALUES ('from a step', 1);\n"});
    return all;
}

constexpr TenantStmt insert_odd{"INSERT INTO odd_ (tenant_id, n, number, words, bytes) VALUES (:tenant, :n, :number, :words, :bytes)"};
constexpr TenantStmt insert_kept{"INSERT INTO kept_ (tenant_id, n, line) VALUES (:tenant, :n, :line)"};
constexpr TenantStmt change_kept{"UPDATE kept_ SET line = :line WHERE tenant_id = :tenant"};
constexpr TenantStmt list_odd{"SELECT n, number, words, bytes FROM odd WHERE tenant_id = :tenant ORDER BY n"};
constexpr TenantStmt list_projects{"SELECT id, name, version FROM project WHERE tenant_id = :tenant ORDER BY id"};
constexpr SystemStmt insert_secret{"INSERT INTO secret (value) VALUES (:value) RETURNING id"};
constexpr SystemStmt insert_plan{"INSERT INTO plan (name, lim) VALUES (:name, :lim)"};
constexpr SystemStmt drop_plans{"DELETE FROM plan"};
constexpr SystemStmt list_plans{"SELECT name, lim FROM plan ORDER BY name"};

/// A row as one text, with kinds and lengths.
std::string shown(const Rows& rows, int column, Value::Kind kind) {
    if (rows.is_null(column)) return "null ";
    if (kind == Value::Kind::integer) return std::to_string(rows.i64(column)) + " ";
    if (kind == Value::Kind::text) return "'" + std::string(rows.text_view(column)) + "' ";
    const auto bytes = rows.blob_view(column);
    return "x" + std::to_string(bytes.size()) + std::string(bytes.begin(), bytes.end()) + " ";
}

class PostgresMoves : public ::testing::Test {
protected:
    void SetUp() override {
        if (!tests::postgres_server()) GTEST_SKIP() << "no server";
        home.emplace();
        database = Database::open({.file = file()}, moving_tables());
    }
    void TearDown() override { database.reset(); }

    std::filesystem::path file() const { return folder / "metadata.db"; }
    MoveOptions options() const { return {.file = file(), .postgres = home->address(), .busy_deadline = 1s, .name_key = "home"}; }
    std::vector<MovedTable> move() {
        database.reset();
        return move_to_postgres(options(), moving_tables());
    }
    void open_file() { database = Database::open({.file = file(), .busy_deadline = 1s}, moving_tables()); }
    void open_moved() { database = Database::open({.postgres = home->address()}, moving_tables()); }

    void fill() {
        constexpr auto least = std::numeric_limits<std::int64_t>::min(), most = std::numeric_limits<std::int64_t>::max();
        const std::vector<std::uint8_t> nothing, bytes = {0, 1, 10, 13, 92, 127, 128, 255, 0};
        for (const auto& scope : {a, b}) {
            database->write(scope, [&](Tx& tx) {
                int n = 0;
                for (const std::int64_t number : {least, least + 1, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1} << 32, most})
                    tx.exec(insert_odd, ++n, number, nullptr, nullptr);
                for (const char* words : {"", " ", "\t\n\r\\N\\.", "'\"$1;--", "\x01\x1f\x7f",
                                          "h\xc3\xa9llo \xf0\x9f\x8e\xac \xe2\x80\xae", "\xef\xbf\xbf", "NULL"})
                    tx.exec(insert_odd, ++n, nullptr, words, nullptr);
                tx.exec(insert_odd, ++n, nullptr, nullptr, nothing);
                tx.exec(insert_odd, ++n, nullptr, nullptr, bytes);
                tx.exec(insert_odd, ++n, nullptr, nullptr, std::vector<std::uint8_t>(3'000'000, 7));
                tx.exec(insert_kept, 1, "a line");
            });
            for (const char* name : {"b", "B", "\xc3\xa9", "a b"}) {
                const auto project = base::new_id<ProjectId>(base::system_clock()->now());
                database->write(scope, [&](Tx& tx) {
                    tx.exec(insert_project, project, name);
                    tx.exec(insert_asset, base::new_id<AssetId>(base::system_clock()->now()), project, 1);
                });
            }
        }
        database->write(system, [&](SystemTx& tx) {
            tx.exec(drop_plans);
            tx.exec(insert_plan, "kept", 5);
            for (int i = 0; i < 3; ++i) tx.exec(insert_secret, "s");
            set_meta(tx, "master_key", "abc");
            advance_counter(tx, "gapless", 41);
        });
    }
    /// Everything that a tenant and the system can see.
    std::string all() {
        std::string text;
        for (const auto& scope : {a, b})
            database->read(scope, [&](Reader& r) {
                auto odd = r.query(list_odd);
                while (odd.next())
                    text += shown(odd, 0, Value::Kind::integer) + shown(odd, 1, Value::Kind::integer) + shown(odd, 2, Value::Kind::text) +
                            shown(odd, 3, Value::Kind::blob) + "\n";
                auto projects = r.query(list_projects);
                while (projects.next())
                    text += shown(projects, 0, Value::Kind::blob) + shown(projects, 1, Value::Kind::text) +
                            shown(projects, 2, Value::Kind::integer) + "\n";
            });
        database->read(system, [&](SystemReader& r) {
            auto plans = r.query(list_plans);
            while (plans.next()) text += shown(plans, 0, Value::Kind::text) + shown(plans, 1, Value::Kind::integer) + "\n";
            text += meta(r, "master_key").value_or("no key");
        });
        return text;
    }
    /// The refusal of `attempt`: its code, its text and its subject.
    template <class Fn> static std::string refusal(Fn&& attempt) {
        try {
            attempt();
            return "";
        } catch (const Error& error) {
            return std::string(to_string(error.code())) + ": " + error.what() + " [" + error.subject() + "]";
        }
    }
    static std::int64_t rows_of(const std::vector<MovedTable>& tables, std::string_view name) {
        for (const auto& table : tables)
            if (table.name == name) return table.rows;
        return -1;
    }
    std::map<std::string, std::string> settings() { return {{"TEST_STORE", file().string()}, {"TEST_TARGET", home->address()}}; }

    tests::TempFolder folder;
    std::optional<tests::PostgresHome> home;
    std::unique_ptr<Database> database;
    TenantScope a = ScopeMaker::tenant(base::new_id<TenantId>(base::system_clock()->now()));
    TenantScope b = ScopeMaker::tenant(base::new_id<TenantId>(base::system_clock()->now()));
    SystemScope system = ScopeMaker::system();
};

TEST_F(PostgresMoves, every_value_of_every_table_arrives_as_it_was) {
    fill();
    const auto before = all();
    const auto tables = move();
    EXPECT_EQ(rows_of(tables, "odd_"), 34);
    EXPECT_EQ(rows_of(tables, "project_"), 8);
    EXPECT_EQ(rows_of(tables, "plan"), 1) << "what a step put there and somebody removed does not come back";
    EXPECT_EQ(rows_of(tables, "schema_migration"), 2);
    EXPECT_EQ(rows_of(tables, "domain_"), 0);
    open_moved();
    EXPECT_EQ(all(), before);
    EXPECT_EQ(database->write(system, [](SystemTx& tx) { return advance_counter(tx, "gapless"); }), 42);
    // Numbers that the store gives go on where they were.
    EXPECT_EQ(database->write(system,
                              [](SystemTx& tx) {
                                  auto rows = tx.query(insert_secret, "t");
                                  rows.next();
                                  return rows.i64(0);
                              }),
              4);
}

TEST_F(PostgresMoves, what_holds_in_a_database_that_was_never_moved_to_holds_in_this_one) {
    fill();
    move();
    open_moved();  // which tries the walls
    const auto project = base::new_id<ProjectId>(base::system_clock()->now());
    EXPECT_THROW(database->write(a,
                                 [&](Tx& tx) { tx.exec(insert_asset, base::new_id<AssetId>(base::system_clock()->now()), project, 1); }), NotFound);
    EXPECT_THROW(database->write(a, [&](Tx& tx) { tx.exec(insert_project, project, "b"); }), Conflict);
    EXPECT_THROW(database->write(a, [&](Tx& tx) { tx.exec(change_kept, "another"); }), Error);
    // Word for word what an untouched database has.
    const tests::PostgresHome fresh;
    Database::open({.postgres = fresh.address()}, moving_tables());
    const auto shape = [](const tests::PostgresHome& one) {
        std::string text;
        for (const char* sql : {"SELECT c.relname || ' ' || relrowsecurity || relforcerowsecurity || ' ' || coalesce(reloptions::text, '') "
                                "FROM pg_class c "
                                "WHERE relnamespace = 'store'::regnamespace AND relkind IN ('r', 'v', 'i') ORDER BY 1",
                                "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || convalidated "
                                "FROM pg_constraint WHERE "
                                "connamespace = 'store'::regnamespace ORDER BY 1",
                                "SELECT tgrelid::regclass || ' ' || tgname || tgenabled::text "
                                "FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid WHERE NOT "
                                "tgisinternal AND relnamespace = 'store'::regnamespace ORDER BY 1",
                                "SELECT polrelid::regclass || ' ' || polname || pg_get_expr(polqual, polrelid) "
                                "FROM pg_policy JOIN pg_class c ON c.oid = "
                                "polrelid WHERE relnamespace = 'store'::regnamespace ORDER BY 1"}) {
            PGconn* c = PQconnectdb(one.boss().c_str());
            PGresult* r = PQexec(c, sql);
            EXPECT_EQ(PQresultStatus(r), PGRES_TUPLES_OK) << PQerrorMessage(c);
            for (int i = 0; i < PQntuples(r); ++i) text += std::string(PQgetvalue(r, i, 0)) + "\n";
            PQclear(r);
            PQfinish(c);
        }
        return text;
    };
    const auto untouched = shape(fresh);
    EXPECT_EQ(shape(*home), untouched);
    EXPECT_GT(untouched.size(), 2000u);
}

TEST_F(PostgresMoves, the_file_is_no_store_any_more_and_the_next_move_says_so) {
    fill();
    const auto before = all();
    std::string name;
    database.reset();
    auto with_name = options();
    with_name.moved = [&](const std::string& given) { name = given; };
    move_to_postgres(with_name, moving_tables());
    EXPECT_EQ(name.size(), 32u);
    EXPECT_EQ(refusal([&] { open_file(); }),
              "conflict: the rows of this metadata file were moved to a PostgreSQL database, which is the store now [postgres]");
    EXPECT_EQ(refusal([&] { move(); }), "conflict: this home's metadata were moved already [" + file().string() + "]");
    open_moved();
    EXPECT_EQ(database->read(system, [](SystemReader& r) { return meta(r, "home"); }), name);
    // The way back: the file is as it was.
    Raw(file()).run("PRAGMA application_id=919183863");
    open_file();
    EXPECT_EQ(all(), before);
}

TEST_F(PostgresMoves, an_open_file_a_full_database_and_another_schema_are_refused_and_nothing_has_changed) {
    fill();
    const auto before = all();
    EXPECT_EQ(refusal([&] { move_to_postgres(options(), moving_tables()); }),
              "conflict: the home is open: close every process that has it open, then move it [" + file().string() + "]");
    {
        ChildProcess other("PostgresMovePart.DISABLED_has_it_open", settings());
        database.reset();
        ASSERT_EQ(other.read(1), "+");
        EXPECT_TRUE(refusal([&] { move(); }).starts_with("conflict: the home is open"));
    }
    auto newer = moving_tables();
    newer.push_back({"example", 3, system_table("later", "n INTEGER PRIMARY KEY")});
    {
        const tests::TempFolder there;
        Database::open({.file = there / "metadata.db"}, newer);
        auto from_newer = options();
        from_newer.file = there / "metadata.db";
        EXPECT_TRUE(refusal([&] { move_to_postgres(from_newer, moving_tables()); }).starts_with("unsupported: "));
        from_newer.file = there / "nothing.db";
        EXPECT_TRUE(refusal([&] { move_to_postgres(from_newer, moving_tables()); }).starts_with("not_found: "));
        EXPECT_FALSE(std::filesystem::exists(there / "nothing.db"));
    }
    open_moved();
    database.reset();
    EXPECT_EQ(refusal([&] { move(); }), "conflict: the database holds metadata already: move them to an empty one [postgres]");
    auto nowhere = options();
    nowhere.postgres = "host=/nowhere user=app password=hunter2";
    const auto unreachable = refusal([&] { move_to_postgres(nowhere, moving_tables()); });
    EXPECT_TRUE(unreachable.starts_with("unavailable: ")) << unreachable;
    EXPECT_EQ(unreachable.find("hunter2"), std::string::npos);
    open_file();
    EXPECT_EQ(all(), before);
}

TEST_F(PostgresMoves, an_older_file_is_lifted_first) {
    database.reset();
    std::filesystem::remove(file());
    Database::open({.file = file()}, example_tables());
    EXPECT_EQ(rows_of(move(), "schema_migration"), 2);
}

TEST_F(PostgresMoves, a_text_that_postgresql_cannot_hold_is_named) {
    fill();
    database->write(a, [](Tx& tx) { tx.exec(insert_odd, 99, nullptr, std::string_view("with\0in", 7), nullptr); });
    EXPECT_EQ(refusal([&] { move(); }), "unsupported: a text holds a NUL, which PostgreSQL cannot [odd_.words]");
    Raw(file()).run("DROP TRIGGER odd_update; UPDATE odd_ SET words = CAST(x'c328' AS TEXT) WHERE n = 99");
    EXPECT_EQ(refusal([&] { move(); }), "unsupported: a text is not UTF-8, and PostgreSQL holds no other [odd_.words]");
    open_file();
    open_moved();  // of which nothing remained
}

TEST_F(PostgresMoves, a_row_that_refers_to_nothing_is_damage) {
    fill();
    database.reset();
    Raw(file()).run("PRAGMA foreign_keys=OFF; DROP TRIGGER project_delete; DELETE FROM project_ WHERE name = 'b'");
    EXPECT_TRUE(refusal([&] { move(); }).starts_with("corrupt: a row of the metadata store refers to something that does not exist"));
    open_file();
}

TEST_F(PostgresMoves, whatever_the_database_holds_otherwise_is_found_before_anything_counts) {
    fill();
    database.reset();
    for (const char* damage : {"UPDATE odd_ SET number = 9223372036854775806 WHERE number = 9223372036854775807",
                               "UPDATE odd_ SET bytes = set_byte(bytes, 2999999, 8) WHERE n = 17", "UPDATE odd_ SET words = NULL WHERE words = ''",
                               "UPDATE odd_ SET words = ' ' WHERE words = ''", "DELETE FROM asset_ WHERE size = 1", "UPDATE plan SET lim = 6",
                               "INSERT INTO domain_ VALUES ('\\x00', 'one.more')", "UPDATE meta SET value = 'abd'",
                               "UPDATE project_ SET note = 'of nobody' WHERE name = 'B'",
                               "UPDATE schema_migration SET applied_at = applied_at + 1"}) {
        const auto found = refusal([&] {
            const auto given = options();
            const auto steps = moving_tables();
            Mover mover(given, steps);
            mover.copy();
            mover.target().damage(damage);
            mover.verify();
        });
        EXPECT_TRUE(found.starts_with("corrupt: what the database gives back of a table is not what was copied")) << damage << ": " << found;
    }
    open_file();
    database.reset();
    move();
}

TEST_F(PostgresMoves, it_tells_how_far_it_is_and_ends_when_it_is_told_to) {
    fill();
    database->write(b, [](Tx& tx) {
        for (int i = 100; i < 5100; ++i) tx.exec(insert_kept, i, "line");
    });
    const auto before = all();
    database.reset();
    auto watched = options();
    std::vector<MoveStep> steps;
    watched.tell = [&](const MoveStep& step) { steps.push_back(step); };
    for (const auto stage : {MoveStep::Stage::copy, MoveStep::Stage::verify}) {
        std::stop_source stop;
        auto stopped = watched;
        stopped.stop = stop.get_token();
        stopped.tell = [&](const MoveStep& step) {
            if (step.stage == stage && step.rows >= 2000) stop.request_stop();
        };
        EXPECT_TRUE(refusal([&] { move_to_postgres(stopped, moving_tables()); }).starts_with("cancelled: "));
    }
    open_file();
    EXPECT_EQ(all(), before);
    database.reset();
    move_to_postgres(watched, moving_tables());
    ASSERT_GT(steps.size(), 11u);
    std::int64_t last = 0;
    for (const auto& step : steps) {
        EXPECT_EQ(step.total, steps[0].total);
        if (step.stage != MoveStep::Stage::copy) continue;
        EXPECT_GE(step.rows, last);
        last = step.rows;
    }
    EXPECT_EQ(last, steps[0].total / 1000 * 1000);
}

/// What the children of this file's tests do.
class PostgresMovePart : public ::testing::Test {
protected:
    static MoveOptions options() {
        return {.file = ChildProcess::setting("TEST_STORE"), .postgres = ChildProcess::setting("TEST_TARGET"), .name_key = "home"};
    }
    static void die() {
        ::kill(getpid(), SIGKILL);
        for (;;) pause();
    }
    /// Of the whole process until now, in KiB.
    static std::int64_t memory() {
        rusage use{};
        getrusage(RUSAGE_SELF, &use);
        return use.ru_maxrss;
    }
};

TEST_F(PostgresMovePart, DISABLED_has_it_open) {
    const auto store = Database::open({.file = ChildProcess::setting("TEST_STORE")}, moving_tables());
    ChildProcess::report("+", 1);
    for (;;) pause();
}

TEST_F(PostgresMovePart, DISABLED_moves) { move_to_postgres(options(), moving_tables()); }

TEST_F(PostgresMovePart, DISABLED_moves_and_tells_its_memory) {
    move_to_postgres(options(), moving_tables());
    const auto most = memory();
    ChildProcess::report(&most, sizeof most);
}

/// Time stands still, but in the moment between the database's commit and the file's.
class DeadlyClock final : public base::Clock {
public:
    Time now() const override {
        if (armed) {
            ::kill(getpid(), SIGKILL);
            for (;;) pause();
        }
        return base::system_clock()->now();
    }
    Duration monotonic() const override { return base::system_clock()->monotonic(); }
    Duration boot() const override { return base::system_clock()->boot(); }
    bool armed = false;
};

TEST_F(PostgresMovePart, DISABLED_dies_at_a_given_moment) {
    const std::string moment = ChildProcess::setting("TEST_MOMENT");
    auto given = options();
    const auto clock = std::make_shared<DeadlyClock>();
    given.clock = clock;
    given.tell = [&](const MoveStep& step) {
        if (moment == "copy" && step.stage == MoveStep::Stage::copy && step.rows >= 2000) die();
        if (moment == "verify" && step.stage == MoveStep::Stage::verify && step.rows >= 2000) die();
        if (moment == "finish" && step.stage == MoveStep::Stage::finish) die();
        clock->armed = moment == "committed" && step.stage == MoveStep::Stage::finish;
    };
    given.moved = [&](const std::string&) {
        if (moment == "marked") die();
    };
    move_to_postgres(given, moving_tables());
}

TEST_F(PostgresMoves, killed_at_each_of_its_steps_there_is_one_store_and_the_next_move_ends_it) {
    fill();
    database->write(b, [](Tx& tx) {
        for (int i = 100; i < 3100; ++i) tx.exec(insert_kept, i, "line");
    });
    const auto before = all();
    database.reset();
    for (const char* moment : {"copy", "verify", "finish", "committed", "marked"}) {
        auto told = settings();
        told["TEST_MOMENT"] = moment;
        ASSERT_EQ(ChildProcess("PostgresMovePart.DISABLED_dies_at_a_given_moment", told).wait(), -1) << moment;
        const std::string at = moment;
        if (at == "marked") {
            EXPECT_TRUE(refusal([&] { open_file(); }).starts_with("conflict: the rows of this metadata file were moved"));
        } else {
            open_file();
            EXPECT_EQ(all(), before) << moment;
            database.reset();
        }
        if (at == "committed" || at == "marked") {
            EXPECT_EQ(refusal([&] { open_moved(); }),
                      "conflict: a home's metadata were being moved to this database, and that did not end: move them again [postgres]");
        }
    }
    // What is left of one home's move is no place for another's.
    {
        const tests::TempFolder there;
        Database::open({.file = there / "metadata.db"}, moving_tables());
        auto other = options();
        other.file = there / "metadata.db";
        const auto refused = refusal([&] { move_to_postgres(other, moving_tables()); });
        EXPECT_TRUE(refused.starts_with("conflict: the database holds what is left of another home's")) << refused;
    }
    // Between the last two steps somebody changes a value: the move that is to end it compares once more.
    home->damage("UPDATE plan SET lim = 6");
    EXPECT_TRUE(refusal([&] { move(); }).starts_with("corrupt: what the database gives back"));
    home->damage("UPDATE plan SET lim = 5");
    EXPECT_GT(rows_of(move(), "kept_"), 3000);
    open_moved();
    EXPECT_EQ(all(), before);
}

TEST_F(PostgresMoves, killed_at_any_moment_twenty_times_no_row_is_lost) {
    fill();
    database->write(b, [](Tx& tx) {
        for (int i = 100; i < 20100; ++i) tx.exec(insert_kept, i, "a line of some length, so that this takes a while");
    });
    const auto before = all();
    database.reset();
    std::minstd_rand random(7);
    int killed = 0;
    for (int round = 0; round < 20; ++round) {
        ChildProcess child("PostgresMovePart.DISABLED_moves", settings());
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 900));
        child.kill();
        killed += child.wait() == -1;
        std::string file_says, database_says;
        file_says = refusal([&] { open_file(); });
        if (file_says.empty()) {
            EXPECT_EQ(all(), before);
            database.reset();
            continue;
        }
        EXPECT_TRUE(file_says.starts_with("conflict: the rows of this")) << file_says;
        database_says = refusal([&] { open_moved(); });
        if (!database_says.empty()) {
            EXPECT_TRUE(database_says.starts_with("conflict: a home's metadata were being moved")) << database_says;
            move();
            open_moved();
        }
        EXPECT_EQ(all(), before);
        // And from the start.
        database.reset();
        home.emplace();
        Raw(file()).run("PRAGMA application_id=919183863");
    }
    EXPECT_GE(killed, 5);
    move();
    open_moved();
    EXPECT_EQ(all(), before);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(PostgresMoves, sixty_thousand_rows_take_the_memory_of_a_few) {
    fill();
    database.reset();
    const auto memory_of_a_move = [&] {
        ChildProcess child("PostgresMovePart.DISABLED_moves_and_tells_its_memory", settings());
        std::int64_t most = 0;
        const auto told = child.read(sizeof most);
        EXPECT_EQ(told.size(), sizeof most);
        if (told.size() == sizeof most) std::memcpy(&most, told.data(), sizeof most);
        EXPECT_EQ(child.wait(), 0);
        return most;
    };
    const auto few = memory_of_a_move();
    home.emplace();
    Raw(file()).run("PRAGMA application_id=919183863; DROP TRIGGER kept_insert; "
                    "WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i "
                    "< 60099) INSERT INTO kept_ SELECT zeroblob(16), i, printf('%01000d', i) FROM n");
    const auto many = memory_of_a_move();
    EXPECT_LT(many - few, 8 * 1024) << few << " and " << many << " KiB";
    RecordProperty("few_kib", std::to_string(few));
    RecordProperty("many_kib", std::to_string(many));
}
#endif

}  // namespace
}  // namespace tenon::db::testing
