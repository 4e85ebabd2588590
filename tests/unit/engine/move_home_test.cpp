// A home's metadata go from its file into a PostgreSQL database. Beside tests/support/postgres.py only; what a whole home takes along is
// tried through the tool (tests/cli/move_to_postgresql_test.py), what happens to values and under kills in the db room.
#include <atomic>
#include <thread>

#include "engine_fixture.hpp"

namespace {

using namespace tenon;
using namespace std::chrono_literals;

class PostgresMovedHomes : public ::testing::Test {
protected:
    void SetUp() override {
        if (!tests::postgres_server()) GTEST_SKIP() << "no server";
        database.emplace();
        Engine engine({.home = home});
        auto setup = engine.open_operator({.actor = "setup", .reason = "test"});
        acme = setup.tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/basic"}).id;
        auto session = engine.open_session({.tenant = acme, .actor = "tester", .role = Role::owner});
        project = session.projects().create({.name = "Reel"}).id;
        asset = session.assets().import_file({.project = project, .path = tests::clip_with_sound}).id;
        hold = session.quotas().reserve({.asks = {{Resource::storage, 1000}}, .ttl = 1h, .keep = true}).id();
        const auto tomorrow = std::chrono::floor<Duration>(std::chrono::system_clock::now()) + 24h;
        waiting = session.backups().start({.name = "later", .schedule = {.start = tomorrow}}).id();
        records = session.audit().verify().records;
        used = session.quotas().get(Resource::storage);
    }
    MoveOptions options() const { return {.home = home, .postgres = database->address()}; }
    template <class Fn> static std::string refusal(Fn&& fn) {
        try {
            fn();
            return "";
        } catch (const Error& error) {
            return std::string(to_string(error.code())) + ": " + error.what() + " (" + error.subject() + ")";
        }
    }

    tests::TempFolder folder;
    const std::filesystem::path home = folder / "home";
    std::optional<tests::PostgresHome> database;
    TenantId acme;
    ProjectId project;
    AssetId asset;
    HoldId hold;
    JobId waiting;
    Quota used;
    std::int64_t records = 0;
};

TEST_F(PostgresMovedHomes, goes_on_where_it_was) {
    const auto moved = move_to_postgres(options());
    EXPECT_GT(moved.rows, 20);
    EXPECT_EQ(move_progress(home).percent, 100);
    EXPECT_EQ(refusal([&] { Engine engine({.home = home}); }),
              "invalid_argument: this home's metadata are in a PostgreSQL database: give its connection string (postgres)");
    {
        Engine engine({.home = home, .postgres = database->address()});
        auto session = engine.open_session({.tenant = acme, .actor = "tester", .role = Role::owner});
        EXPECT_EQ(session.projects().get(project).name, "Reel");
        EXPECT_TRUE(std::filesystem::exists(session.assets().get(asset).path));
        EXPECT_EQ(session.quotas().get(Resource::storage).used, used.used);
        EXPECT_EQ(session.quotas().get(Resource::storage).reserved, used.reserved);
        session.quotas().hold(hold).release();
        EXPECT_EQ(session.quotas().get(Resource::storage).reserved, used.reserved - 1000);
        EXPECT_GT(session.audit().verify().records, records);
        auto job = session.jobs().get(waiting);
        EXPECT_EQ(job.state(), JobState::scheduled);
        job.reschedule({});
        job.join();
        EXPECT_EQ(session.backups().list().size(), 1u);
    }
    EXPECT_TRUE(refusal([&] { move_to_postgres(options()); }).starts_with("conflict: this home's metadata were moved already"));
    const tests::PostgresHome other;
    const auto elsewhere = refusal([&] { Engine engine({.home = home, .postgres = other.address()}); });
    EXPECT_TRUE(elsewhere.starts_with("conflict: this home's metadata are in another")) << elsewhere;
}

TEST_F(PostgresMovedHomes, is_not_moved_while_an_engine_has_it_open_even_one_that_only_looks) {
    Engine engine({.home = home, .background = false});
    EXPECT_TRUE(refusal([&] { move_to_postgres(options()); }).starts_with("conflict: the home is open"));
    auto session = engine.open_session({.tenant = acme, .actor = "tester", .role = Role::owner});
    session.projects().rename(project, "Film");
    engine.close();
    move_to_postgres(options());
    Engine there({.home = home, .postgres = database->address()});
    EXPECT_EQ(there.open_session({.tenant = acme, .actor = "tester", .role = Role::owner}).projects().get(project).name, "Film");
}

TEST_F(PostgresMovedHomes, cancelled_from_another_thread_it_opens_as_before) {
    std::atomic<bool> ended = false;
    std::thread canceller([&] {
        while (!ended) cancel_move(home);
    });
    const auto said = refusal([&] { move_to_postgres(options()); });
    ended = true;
    canceller.join();
    EXPECT_TRUE(said.starts_with("cancelled: ")) << said;
    { Engine engine({.home = home}); }
    cancel_move(home);
    EXPECT_NO_THROW(move_to_postgres(options())) << "what was asked of an earlier one is not asked of this";
}

TEST_F(PostgresMovedHomes, wrong_words_are_named) {
    EXPECT_EQ(refusal([&] { move_to_postgres({.home = {}, .postgres = "x"}); }), "invalid_argument: a move needs the folder of a home (home)");
    EXPECT_EQ(refusal([&] { move_to_postgres({.home = home, .postgres = {}}); }),
              "invalid_argument: a move needs the connection string of a database (postgres)");
    EXPECT_TRUE(refusal([&] { move_to_postgres({.home = folder / "none", .postgres = "x"}); }).starts_with("not_found: "));
    EXPECT_FALSE(std::filesystem::exists(folder / "none"));
    EXPECT_TRUE(refusal([&] { move_progress(folder / "none"); }).starts_with("not_found: "));
    auto nonsense = options();
    nonsense.postgres = "nonsense password=geheim";
    const auto said = refusal([&] { move_to_postgres(nonsense); });
    EXPECT_TRUE(said.starts_with("invalid_argument: ")) << said;
    EXPECT_EQ(said.find("geheim"), std::string::npos);
}

}  // namespace
