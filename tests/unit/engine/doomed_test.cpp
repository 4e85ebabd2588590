#include "engine_fixture.hpp"

#include <chrono>
#include <fstream>
#include <thread>

#include <base/clock.hpp>
#include <base/id.hpp>
#include <core.hpp>
#include <doomed.hpp>
#include <import_recovery.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;

/// What a process that dies between a commit and the removal of its files leaves.
class DoomedTest : public tests::EngineTest {
protected:
    std::filesystem::path workspace() { return session(acme).workspace(); }
    /// A row of a removal whose files are still there.
    void doom(const std::filesystem::path& path) {
        auto& impl = *Internal::impl(*engine);
        impl.database->write(impl.scope_of(acme.id), [&](db::Tx& tx) { engine::doomed::add(tx, path, impl.workspace(acme.id)); });
    }
    std::vector<TenantId> tenants_with_rows() {
        auto& impl = *Internal::impl(*engine);
        return engine::doomed::tenants(*impl.database, impl.system);
    }
    static std::filesystem::path write(const std::filesystem::path& path) {
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << "left behind";
        return path;
    }
    template <class Condition>
    static bool eventually(Condition condition) {
        const auto end = std::chrono::steady_clock::now() + 60s;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::sleep_for(10ms);
        }
        return true;
    }
};

TEST_F(DoomedTest, what_a_killed_removal_left_is_swept_when_the_home_is_opened) {
    open_looking();  // no sweep but the one that the test waits for
    const auto file = write(workspace() / "exports" / "reel.mp4"), inside = write(workspace() / "projects" / "gone" / "assets" / "a.mp4");
    const auto kept = write(workspace() / "exports" / "kept.mp4");
    doom(file);
    doom(inside.parent_path().parent_path());
    doom(workspace() / "exports" / "was-never-made");
    EXPECT_EQ(tenants_with_rows(), std::vector{acme.id});
    EXPECT_TRUE(std::filesystem::exists(file));
    EXPECT_TRUE(std::filesystem::exists(inside));
    engine.reset();
    EXPECT_TRUE(std::filesystem::exists(file)) << "closing removes nothing";
    open();
    EXPECT_TRUE(eventually([&] { return tenants_with_rows().empty(); }));
    EXPECT_FALSE(std::filesystem::exists(file));
    EXPECT_FALSE(std::filesystem::exists(inside.parent_path().parent_path()));
    EXPECT_TRUE(std::filesystem::exists(kept));
}

TEST_F(DoomedTest, a_removal_works_off_its_own_rows_and_gives_storage_back_once) {
    auto mine = session(acme);
    const auto project = mine.projects().create({.name = "reel"});
    const auto asset = mine.assets().import_file({.project = project.id, .path = tests::clip_with_sound});
    mine.assets().remove(asset.id);
    EXPECT_TRUE(tenants_with_rows().empty());
    EXPECT_FALSE(std::filesystem::exists(asset.path));
    EXPECT_EQ(used(mine, Resource::storage), 0);
    const auto second = mine.assets().import_file({.project = project.id, .path = tests::clip_with_sound});
    mine.projects().remove(project.id);
    EXPECT_TRUE(tenants_with_rows().empty());
    EXPECT_FALSE(std::filesystem::exists(second.path.parent_path()));
    EXPECT_EQ(used(mine, Resource::storage), 0);
}

TEST_F(DoomedTest, a_path_outside_of_the_workspace_is_never_doomed) {
    EXPECT_THROW(doom(workspace().parent_path() / "other"), Corrupt);
    EXPECT_THROW(doom(workspace()), Corrupt);
    EXPECT_TRUE(tenants_with_rows().empty());
}

TEST_F(DoomedTest, the_mark_of_a_dead_import_is_swept_and_that_of_a_living_one_is_not) {
    open_looking();
    const auto dead = write(workspace() / "temp" / (base::new_id<AssetId>(base::system_clock()->now()).text() + ".import"));
    const auto alive = workspace() / "temp" / (base::new_id<AssetId>(base::system_clock()->now()).text() + ".import");
    const auto lock = engine::lock_import_mark(alive);
    EXPECT_TRUE(std::filesystem::exists(dead));
    engine.reset();
    open();
    EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(dead); }));
    EXPECT_TRUE(std::filesystem::exists(alive));
}

TEST_F(DoomedTest, a_workspace_that_cannot_be_reached_keeps_its_holds_and_no_other_tenant_waiting) {
    const auto imports_held = [&] {
        auto& impl = *Internal::impl(*engine);
        return impl.database->read(impl.system, [](db::SystemReader& reader) {
            return tenant::quota::causes(reader, tenant::quota::CauseKind::upload).size();
        });
    };
    open_looking();
    const auto place = workspace();
    auto& impl = *Internal::impl(*engine);
    impl.database->write(impl.scope_of(acme.id), [&](db::Tx& tx) {
        const auto now = base::system_clock()->now();
        const auto cause = engine::import_cause(base::new_id<ProjectId>(now), base::new_id<AssetId>(now));
        tenant::quota::reserve(tx, base::new_id<HoldId>(now), {.asks = {{Resource::storage, 1000}}, .cause = cause}, now);
    });
    engine.reset();
    const auto away = place.parent_path() / "away";
    std::filesystem::rename(place, away);
    std::filesystem::create_symlink("/nowhere/mounted", place);
    open();
    EXPECT_NO_THROW(session(other).projects().create({.name = "reel"}));
    EXPECT_EQ(imports_held(), 1u);
    engine.reset();
    std::filesystem::remove(place);
    std::filesystem::rename(away, place);
    open();
    EXPECT_EQ(imports_held(), 0u);
}

TEST_F(DoomedTest, an_import_that_ended_while_it_was_looked_at_keeps_its_files) {
    const engine::Workspace mine{workspace()};
    const auto project = session(acme).projects().create({.name = "reel"});
    const auto asset = session(acme).assets().import_file({.project = project.id, .path = tests::clip_with_sound});
    const auto cause = engine::import_cause(project.id, asset.id);
    EXPECT_TRUE(engine::import_lives(mine, cause, [](const AssetId&) { return true; }));
    EXPECT_TRUE(std::filesystem::exists(asset.path));
    const auto making = write(asset.path.parent_path() / (asset.id.text() + ".jpg.tmp-1-0"));
    EXPECT_FALSE(engine::import_lives(mine, cause, [](const AssetId&) { return false; }));
    EXPECT_FALSE(std::filesystem::exists(asset.path));
    EXPECT_FALSE(std::filesystem::exists(making));
}

}  // namespace
