#include "fixture.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include <tenon/error.hpp>

namespace tenon::db::testing {
namespace {

TEST_F(Store, what_was_overwritten_stands_in_no_file_once_the_log_is_emptied) {
    constexpr static SystemStmt put{"INSERT INTO secret (id, value) VALUES (1, :value) ON CONFLICT (id) DO UPDATE SET value = :value"};
    const auto holds = [&](const std::string& text) {
        std::string bytes;
        for (const auto* name : {"metadata.db", "metadata.db-wal"}) {
            std::ifstream file(folder / name, std::ios::binary);
            bytes.append(std::istreambuf_iterator<char>(file), {});
        }
        return bytes.find(text) != std::string::npos;
    };
    const auto write = [&](const std::string& text) { database->write(system, [&](SystemTx& tx) { tx.exec(put, text); }); };
    write("first secret");
    write("x");
    EXPECT_TRUE(holds("first secret")) << "in the log";
    database->read(a, [&](Reader& reader) {
        (void)reader.query(count_projects).next();
        std::thread other([&] {
            write("y");
            EXPECT_FALSE(database->empty_log()) << "somebody reads";
        });
        other.join();
    });
    EXPECT_TRUE(database->empty_log());
    EXPECT_TRUE(database->empty_log());
    EXPECT_FALSE(holds("first secret"));
    write("second secret");
    write("z");
    EXPECT_TRUE(holds("second secret"));
    database->close();
    EXPECT_FALSE(std::filesystem::exists(folder / "metadata.db-wal")) << "whoever keeps the object does not keep the log";
    EXPECT_FALSE(holds("second secret"));
    reopen();
}

TEST_F(Store, a_lineage_ends_when_something_is_undone_or_written_elsewhere) {
    const auto lineage = [&] { return database->write(a, [](Tx& tx) { return tx.lineage(); }); };
    const auto first = lineage();
    add_project(a, "one");
    EXPECT_EQ(lineage(), first);
    EXPECT_THROW(add_project(a, "one"), Conflict);
    EXPECT_EQ(lineage(), first) << "nothing had been changed, so nothing was undone";
    EXPECT_THROW(database->write(a, [&](Tx& tx) {
        tx.exec(insert_project, fresh<ProjectId>(), "two");
        tx.exec(insert_project, fresh<ProjectId>(), "one");
    }),
                 Conflict);
    const auto second = lineage();
    EXPECT_NE(second, first);
    auto other = Database::open(options(), example_tables());
    EXPECT_NE(other->write(a, [](Tx& tx) { return tx.lineage(); }), second);
    other->write(a, [&](Tx& tx) { tx.exec(insert_project, fresh<ProjectId>(), "two"); });
    EXPECT_NE(lineage(), second);
}

TEST_F(Store, text_may_hold_any_byte) {
    const std::string name("a\0b\xff", 4);
    const auto id = add_project(a, name);
    EXPECT_EQ(database->read(a, [&](Reader& r) {
        auto rows = r.query(find_project, id);
        return rows.next() ? rows.text(0) : "";
    }), name);
}

}  // namespace
}  // namespace tenon::db::testing
