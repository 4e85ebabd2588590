#include "fixture.hpp"

#include <thread>

#include <db/long_rows.hpp>
#include <tenon/error.hpp>

#include "raw.hpp"

namespace tenon::db::testing {
namespace {

class Migrations : public Store {
protected:
    static std::vector<Migration> plus(const std::string& sql) {
        auto all = example_tables();
        all.push_back({"example", 2, sql});
        return all;
    }
    void open(const std::vector<Migration>& migrations) {
        database.reset();
        database = Database::open(options(), migrations);
    }
};

TEST_F(Migrations, a_later_step_lifts_an_existing_file_and_keeps_its_rows) {
    static constexpr TenantStmt colours{"SELECT name, colour FROM project WHERE tenant_id = :tenant"};
    add_project(a, "reel");
    open(plus("ALTER TABLE project_ ADD COLUMN colour TEXT NOT NULL DEFAULT 'red';"));
    EXPECT_EQ(count(a), 1);
    database->read(a, [](Reader& r) {
        auto rows = r.query(colours);
        ASSERT_TRUE(rows.next());
        EXPECT_EQ(rows.text(0), "reel");
        EXPECT_EQ(rows.text(1), "red");
    });
    open(plus("ALTER TABLE project_ ADD COLUMN colour TEXT NOT NULL DEFAULT 'red';"));
}

TEST_F(Migrations, a_table_for_long_rows_keeps_its_rows_and_its_walls) {
    const auto mine = add_project(a, "reel");
    add_project(b, "reel");
    open(plus(tenant_table_for_long_rows("project", "id BLOB NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 1, note TEXT, at INTEGER",
                                         "PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, name)")));
    EXPECT_EQ(count(a), 1);
    EXPECT_EQ(count(b), 1);
    EXPECT_THROW(add_project(a, "reel"), Conflict);
    database->write(b, [&](Tx& tx) { EXPECT_EQ(tx.exec(rename_project, "not mine", mine), 0); });
    database.reset();
    Raw raw(options().file);
    EXPECT_EQ(raw.run("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'project_'").at(0), "3");
    EXPECT_EQ(raw.run("SELECT wr FROM pragma_table_list WHERE name = 'project_'").at(0), "0");
}

TEST_F(Migrations, a_file_of_a_newer_version_is_refused) {
    open(plus("CREATE TABLE later (a INTEGER) STRICT;"));
    database.reset();
    EXPECT_THROW(reopen(), Unsupported);
    EXPECT_THROW(Database::open(options(), {}), Unsupported);
    open(plus("CREATE TABLE later (a INTEGER) STRICT;"));
}

TEST_F(Migrations, a_changed_step_is_refused) {
    open(plus("CREATE TABLE later (a INTEGER) STRICT;"));
    database.reset();
    EXPECT_THROW(open(plus("CREATE TABLE later (b INTEGER) STRICT;")), Conflict);
}

TEST_F(Migrations, a_failing_step_leaves_the_file_as_it_was) {
    add_project(a, "reel");
    database.reset();
    EXPECT_THROW(open(plus("CREATE TABLE later (a INTEGER) STRICT; UPDATE project_ SET name = 'x'; SELECT nonsense;")), InternalError);
    reopen();
    EXPECT_EQ(count(a), 1);
    EXPECT_EQ(Raw(options().file).run("SELECT count(*) FROM project_ WHERE name = 'reel'").at(0), "1");
    EXPECT_EQ(Raw(options().file).run("SELECT count(*) FROM sqlite_schema WHERE name = 'later'").at(0), "0");
}

TEST_F(Migrations, many_open_a_new_file_at_once) {
    for (int round = 0; round < 10; ++round) {
        tests::TempFolder fresh_folder;
        std::vector<std::unique_ptr<Database>> stores(6);
        std::vector<std::thread> threads;
        for (auto& store : stores)
            threads.emplace_back([&] { store = Database::open({.file = fresh_folder / "metadata.db"}, example_tables()); });
        for (auto& t : threads) t.join();
        for (auto& store : stores) store->write(a, [&](Tx& tx) { tx.exec(insert_project, fresh<ProjectId>(), fresh<ProjectId>().text()); });
    }
}

TEST_F(Migrations, numbers_are_one_two_three) {
    EXPECT_THROW(open({{"room", 2, "CREATE TABLE t (a INTEGER) STRICT;"}}), InternalError);
}

TEST_F(Migrations, something_else_is_not_taken_for_a_store) {
    database.reset();
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) std::filesystem::remove(entry);
    Raw(options().file).run("CREATE TABLE theirs (a)");
    EXPECT_THROW(reopen(), Corrupt);
    EXPECT_EQ(Raw(options().file).run("SELECT count(*) FROM sqlite_schema").at(0), "1");
    EXPECT_THROW(Database::open({}, {}), InvalidArgument);
    EXPECT_THROW(Database::open({.file = folder / "missing/metadata.db"}, {}), NotFound);
}

TEST_F(Migrations, a_damaged_file_is_corrupt) {
    database.reset();
    Raw(options().file).run("PRAGMA wal_checkpoint(TRUNCATE)");
    std::filesystem::resize_file(options().file, 0);
    {
        FILE* file = fopen(options().file.c_str(), "wb");
        fputs("This is not a database at all, but it is long enough to be mistaken for one by its size. ", file);
        for (int i = 0; i < 200; ++i) fputs("More of the same. ", file);
        fclose(file);
    }
    EXPECT_THROW(reopen(), Corrupt);
}

TEST_F(Migrations, the_files_own_settings_are_as_the_design_says) {
    Raw raw(options().file);
    EXPECT_EQ(raw.run("PRAGMA journal_mode").at(0), "wal");
    EXPECT_EQ(raw.run("PRAGMA application_id").at(0), std::to_string(0x36c9a1f7));
    EXPECT_EQ(raw.run("PRAGMA user_version").at(0), "1");
    EXPECT_EQ(raw.run("SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT strict "
                      "AND name NOT LIKE 'sqlite_%'")
                  .at(0),
              "0");
}

}  // namespace
}  // namespace tenon::db::testing
