// A disk that fills up at any point of what the core writes: typed errors, nothing half-made, what was held is returned,
// and the process works on as soon as there is room.

#include "engine_fixture.hpp"
#include "tenant_state.hpp"

#include <fstream>

#include <core.hpp>
#include <small_disk.hpp>

TENON_SMALL_DISK

namespace {

using namespace tenon;
using namespace std::chrono_literals;
using tests::SmallDisk;

const auto film = tests::footage / "clapper.mp4";

class FullDiskTest : public tests::EngineTest {
protected:
    std::string below(const std::string& path) const { return (folder.path() / "home" / path).string(); }
    template <class Call> Errc code_of(Call&& call) {
        try {
            call();
            return Errc{};
        } catch (const Error& error) {
            EXPECT_LT(std::string(error.what()).size(), 1000u);
            return error.code();
        }
    }
    Errc import_code() { return code_of([&] { mine.assets().import_file({.project = project, .path = film}); }); }

    Session mine = session(acme);
    ProjectId project = mine.projects().create({.name = "reel"}).id;
};

TEST_F(FullDiskTest, an_import_fails_cleanly_wherever_the_disk_fills) {
    mine.assets().remove(mine.assets().import_file({.project = project, .path = film}).id);  // its folder stays
    const auto size = static_cast<std::int64_t>(std::filesystem::file_size(film));
    const auto before = tests::state_of(mine);
    for (const std::int64_t room : {std::int64_t{0}, std::int64_t{1}, size / 2, size - 1, size, size + 100}) {
        SCOPED_TRACE("room for " + std::to_string(room) + " of " + std::to_string(size) + " bytes");
        {
            const SmallDisk disk(below("workspaces"), room);
            EXPECT_EQ(import_code(), Errc::no_space);
            EXPECT_GT(disk.refused(), 0);
        }
        EXPECT_EQ(reserved(mine, Resource::storage), 0);
        EXPECT_EQ(tests::state_of(mine), before);
    }
    EXPECT_EQ(import_code(), Errc{});
}

TEST_F(FullDiskTest, a_database_without_room_refuses_changes_and_takes_them_again) {
    for (const std::int64_t room : {0, 1, 100, 4096, 5000, 9000}) {
        SCOPED_TRACE(room);
        const auto before = tests::state_of(mine);
        Errc code{};
        {
            const SmallDisk disk(below("metadata.db"), room);
            code = code_of([&] { mine.projects().create({.name = "no room"}); });
            EXPECT_EQ(mine.projects().list().empty(), false) << "reading goes on";
        }
        EXPECT_EQ(code, Errc::no_space);
        EXPECT_EQ(tests::state_of(mine), before);
    }
    const auto made = mine.projects().create({.name = "room again"});
    mine.projects().remove(made.id);
    EXPECT_NO_THROW(mine.audit().verify());
}

TEST_F(FullDiskTest, a_hold_that_could_not_be_returned_is_returned_when_there_is_room) {
    mine.assets().remove(mine.assets().import_file({.project = project, .path = film}).id);
    const auto before = tests::state_of(mine);
    for (const std::int64_t room : {8'000, 20'000, 40'000}) {
        {
            // The copy fills what is left, and then the database cannot even write that the import failed.
            const SmallDisk disk(below(""), room);
            EXPECT_EQ(import_code(), Errc::no_space);
        }
        Internal::impl(*engine)->recover_holds();
        EXPECT_EQ(reserved(mine, Resource::storage), 0);
        EXPECT_EQ(tests::state_of(mine), before);
    }
    EXPECT_EQ(import_code(), Errc{});
}

TEST_F(FullDiskTest, renders_pictures_and_backups_fail_cleanly) {
    const auto asset = mine.assets().import_file({.project = project, .path = film}).id;
    Timeline cut;
    cut.append({.asset = asset, .start = 0s, .end = 300ms});
    const auto used_before = used(mine, Resource::storage);
    for (const std::int64_t room : {0, 3000}) {
        SCOPED_TRACE(room);
        const SmallDisk disk(below("workspaces"), room);
        EXPECT_EQ(code_of([&] { mine.renders().start({.project = project, .timeline = cut, .outputs = {"mp4"}}).result(); }), Errc::no_space);
        EXPECT_TRUE(mine.exports().list().empty());
        EXPECT_EQ(reserved(mine, Resource::storage), 0);
        EXPECT_EQ(reserved(mine, Resource::render_time), 0);
        EXPECT_EQ(used(mine, Resource::storage), used_before);
        EXPECT_TRUE(std::filesystem::is_empty(mine.workspace() / "exports"));
    }
    {
        const SmallDisk disk(below("backups"), 2000);
        EXPECT_EQ(code_of([&] { mine.backups().start({.name = "nightly"}).result(); }), Errc::no_space);
    }
    EXPECT_TRUE(mine.backups().list().empty());
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
    const auto sheet = folder / "sheet.png";
    {
        const SmallDisk disk(folder.path().string() + "/sheet", 1000);
        EXPECT_EQ(code_of([&] { mine.pictures().contact_sheet({.asset = asset, .target = sheet}); }), Errc::no_space);
    }
    EXPECT_FALSE(std::filesystem::exists(sheet));
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
        EXPECT_FALSE(entry.path().filename().string().starts_with("sheet")) << entry.path();
    EXPECT_EQ(mine.renders().start({.project = project, .timeline = cut, .outputs = {"mp4"}}).result().outputs.size(), 1u);
    EXPECT_NO_THROW(mine.backups().start({.name = "nightly"}).result());
}

TEST_F(FullDiskTest, a_log_without_room_stops_nothing) {
    const SmallDisk disk(below("logs"), 0);
    EXPECT_EQ(import_code(), Errc{});
    EXPECT_NO_THROW(operators().tenants().suspend(other.id, "unpaid"));
}

TEST_F(FullDiskTest, a_home_without_room_opens_or_says_why) {
    engine.reset();
    {
        const SmallDisk disk(below(""), 0);
        const auto code = code_of([&] { open(); });
        EXPECT_TRUE(code == Errc{} || code == Errc::no_space) << to_string(code);
        engine.reset();
        EXPECT_EQ(code_of([&] { Engine(tests::placed({.home = folder / "home" / "second"})); }), Errc::no_space);
    }
    open();
    auto again = session(acme);
    EXPECT_EQ(again.projects().list().size(), 1u);
    EXPECT_NO_THROW(again.audit().verify());
}

}  // namespace
