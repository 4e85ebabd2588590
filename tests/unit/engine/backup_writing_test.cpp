// Backups whose files the host writes, through the public interface.
#include "engine_fixture.hpp"

#include <fstream>
#include <random>
#include <thread>

namespace {

using namespace tenon;
using namespace std::chrono_literals;

class BackupStreamTest : public tests::EngineTest {
protected:
    static Buffer noise(std::size_t size, unsigned seed = 1) {
        std::mt19937_64 random(seed);
        Buffer made(size);
        for (auto& each : made) each = static_cast<std::uint8_t>(random());
        return made;
    }
    static Buffer bytes(std::string_view text) { return {text.begin(), text.end()}; }
    std::int64_t weight() const {
        std::int64_t total = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path() / "home/backups" / acme.id.text()))
            if (entry.is_regular_file()) total += static_cast<std::int64_t>(entry.file_size());
        return total;
    }

    Session mine = session(acme);
};

TEST_F(BackupStreamTest, what_the_host_writes_comes_back) {
    auto stream = mine.backups().open_stream({.name = "database", .tags = {{"kind", "dump"}}, .upload_per_second = Bytes{100'000'000}});
    const auto large = noise(5'000'000);
    stream.open("dumps/shop.sql");
    stream.write(large);
    stream.write(bytes("the end"));
    stream.open("dumps/readme.txt");
    EXPECT_EQ(stream.written(), 5'000'007);
    EXPECT_THROW(stream.open("dumps"), Conflict);
    EXPECT_THROW(stream.open("../x"), InvalidArgument);
    stream.write(bytes("how to read it"));
    EXPECT_TRUE(mine.backups().list().empty());
    const auto result = stream.finish();
    EXPECT_EQ(result.files_new, 2);
    EXPECT_EQ(result.read.count, 5'000'021);
    EXPECT_GT(result.stored.count, 5'000'000);
    EXPECT_TRUE(result.problems.empty());
    EXPECT_THROW(stream.write(bytes("x")), Closed);
    EXPECT_THROW(stream.finish(), Closed);
    stream.close();

    const auto found = mine.backups().get(result.snapshot.id);
    EXPECT_EQ(found.name, "database");
    EXPECT_EQ(found.tags, (std::vector<Label>{{"kind", "dump"}}));
    EXPECT_EQ(used(mine, Resource::storage), weight());
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
    auto file = mine.backups().open_file({.snapshot = found.id, .path = "dumps/shop.sql"});
    EXPECT_EQ(file.read(4'999'999, 100), [&] {
        auto expected = bytes("?the end");
        expected.front() = large.back();
        return expected;
    }());
    EXPECT_EQ(mine.audit().list({.action = "backup.open_stream"}).size(), 1u);
    EXPECT_TRUE(mine.backups().check().result().problems.empty());
    auto again = mine.backups().open_stream({.name = "database"});
    again.open("dumps/shop.sql");
    again.write(large);
    again.write(bytes("the end"));
    EXPECT_LT(again.finish().stored.count, 100'000) << "what is there is not stored again";
}

TEST_F(BackupStreamTest, only_who_may_writes) {
    for (const auto role : {Role::viewer, Role::auditor})
        EXPECT_THROW(session(acme, role).backups().open_stream({.name = "x"}), PermissionDenied);
    EXPECT_THROW(mine.backups().open_stream({}), InvalidArgument);
    EXPECT_THROW(mine.backups().open_stream({.name = "x", .upload_per_second = Bytes{-1}}), InvalidArgument);
    EXPECT_THROW(mine.backups().open_stream({.name = "x", .tags = {{"", "y"}}}), InvalidArgument);
    auto stream = mine.backups().open_stream({.name = "x"});
    EXPECT_THROW(stream.write(bytes("no file")), InvalidArgument);
    stream.open("y");
    const auto id = stream.finish().snapshot.id;
    EXPECT_FALSE(session(other).backups().find(id));
    EXPECT_THROW(session(other).backups().open_file({.snapshot = id, .path = "y"}), NotFound);
}

TEST_F(BackupStreamTest, one_that_is_given_up_leaves_no_snapshot_and_holds_nothing) {
    {
        auto stream = mine.backups().open_stream({.name = "forgotten"});
        stream.open("x");
        stream.write(noise(3'000'000));
        EXPECT_GT(reserved(mine, Resource::storage), 0);
    }
    auto closed = mine.backups().open_stream({.name = "closed"});
    closed.open("x");
    closed.write(noise(3'000'000));
    closed.close();
    EXPECT_THROW(closed.write(bytes("x")), Closed);
    EXPECT_THROW(closed.finish(), Closed);
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
    EXPECT_TRUE(mine.backups().list().empty());
    mine.backups().prune({.unused_percent = 0}).join();
    EXPECT_EQ(used(mine, Resource::storage), weight());
}

TEST_F(BackupStreamTest, a_full_quota_ends_it) {
    auto setup = operators();
    setup.tenants().grant_limit({.tenant = acme.id, .name = "small", .resource = Resource::storage, .limit = 20'000'000, .reason = "test"});
    auto stream = mine.backups().open_stream({.name = "x"});
    stream.open("x");
    EXPECT_THROW(
        {
            for (int i = 0; i < 50; ++i) stream.write(noise(1'000'000, static_cast<unsigned>(i)));
        },
        QuotaExceeded);
    EXPECT_THROW(stream.write(bytes("x")), Closed);
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
    EXPECT_LE(used(mine, Resource::storage), 20'000'000);
    EXPECT_TRUE(mine.backups().list().empty());
}

TEST_F(BackupStreamTest, a_prune_waits_and_other_backups_do_not) {
    const auto put = [&](unsigned seed) {
        std::filesystem::create_directories(mine.workspace() / "projects");
        const auto content = noise(1'000'000, seed);
        std::ofstream(mine.workspace() / "projects/file", std::ios::binary).write(reinterpret_cast<const char*>(content.data()), 1'000'000);
        return mine.backups().start({.name = "beside"}).result().snapshot.id;
    };
    const auto first = put(7);
    auto stream = mine.backups().open_stream({.name = "slow"});
    stream.open("x");
    stream.write(noise(2'000'000));
    put(8);
    mine.backups().forget({.snapshots = {first}});
    auto pruning = mine.backups().prune({.unused_percent = 0});
    EXPECT_FALSE(pruning.join_for(500ms)) << "there is something to remove";
    stream.finish();
    pruning.join();
    EXPECT_EQ(mine.backups().list().size(), 2u);
    EXPECT_TRUE(mine.backups().check().result().problems.empty());
}

TEST_F(BackupStreamTest, the_end_of_the_engine_or_of_the_tenant_is_its_end) {
    auto stream = mine.backups().open_stream({.name = "x"});
    stream.open("x");
    operators().tenants().suspend(acme.id, "test");
    EXPECT_ANY_THROW(stream.write(bytes("x")));
    operators().tenants().resume(acme.id, "test");
    EXPECT_THROW(stream.write(bytes("x")), Closed);

    auto second = session(acme).backups().open_stream({.name = "y"});
    second.open("x");
    std::thread writing([&] {
        try {
            for (unsigned i = 0;; ++i) second.write(noise(1'000'000, i));
        } catch (const Closed&) {
        }
    });
    std::this_thread::sleep_for(50ms);
    engine->close();
    writing.join();
    EXPECT_THROW(second.finish(), Closed);
    second.close();
    engine.reset();
    open();
    EXPECT_TRUE(session(acme).backups().list().empty());
    EXPECT_TRUE(session(acme).backups().check().result().problems.empty());
}

}  // namespace
