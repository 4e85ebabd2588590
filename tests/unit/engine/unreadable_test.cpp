// Folders that may not be read or written: typed errors, nothing half-made, nothing held.

#include "engine_fixture.hpp"
#include "tenant_state.hpp"

#include <functional>
#include <map>

#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace tenon;

/// Root may read everything: for so long the process is somebody else.
class AsNobody {
public:
    AsNobody() : root_(geteuid() == 0) {
        if (root_ && seteuid(65534) != 0) throw std::runtime_error("cannot become somebody else");
    }
    ~AsNobody() {
        if (root_) static_cast<void>(!seteuid(0));
    }
    AsNobody(const AsNobody&) = delete;
    AsNobody& operator=(const AsNobody&) = delete;

private:
    const bool root_;
};

using UnreadableTest = tests::EngineTest;

TEST_F(UnreadableTest, folders_that_may_not_be_touched_are_refused_by_every_call_that_meets_one) {
    open_looking();  // whoever works in the background would be somebody else, too
    auto mine = session(acme);
    const auto project = mine.projects().create({.name = "reel"}).id;
    const auto asset = mine.assets().import_file({.project = project, .path = tests::footage / "clapper.mp4"}).id;
    const auto sealed = folder / "sealed";
    std::filesystem::create_directory(sealed);
    std::filesystem::copy_file(tests::footage / "clapper.mp4", sealed / "film.mp4");
    const auto assets = mine.workspace() / "projects" / project.text() / "assets";
    const auto before = tests::state_of(mine);
    ASSERT_EQ(chmod(sealed.c_str(), 0), 0);
    ASSERT_EQ(chmod(assets.c_str(), 0), 0);
    const std::map<std::string, std::function<void()>> calls = {
        {"import from it", [&] { mine.assets().import_file({.project = project, .path = sealed / "film.mp4"}); }},
        {"import into it", [&] { mine.assets().import_file({.project = project, .path = tests::footage / "clapper.mp4"}); }},
        {"a home in it", [&] { Engine(tests::placed({.home = sealed / "home"})); }},
        {"a key in it", [&] { Engine(tests::placed({.home = folder / "second", .master_key_file = sealed / "key"})); }},
        {"a catalogue in it", [&] { Engine(tests::placed({.home = folder / "third", .plan_catalogues = {sealed / "plans.json"}})); }},
        {"a sheet of what lies in it", [&] { mine.pictures().contact_sheet({.asset = asset, .target = folder / "sheet.png"}); }},
        {"an audit trail into it", [&] { mine.audit().export_file(sealed / "audit.json"); }},
    };
    for (const auto& [name, call] : calls) {
        Errc code{};
        {
            const AsNobody nobody;
            try {
                call();
            } catch (const Error& error) {
                code = error.code();
            }
        }
        EXPECT_EQ(code, Errc::permission_denied) << name << ": " << to_string(code);
    }
    ASSERT_EQ(chmod(sealed.c_str(), 0700), 0);
    ASSERT_EQ(chmod(assets.c_str(), 0700), 0);
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
    EXPECT_EQ(tests::state_of(mine), before);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(sealed), {}), 1);
    EXPECT_FALSE(std::filesystem::exists(folder / "sheet.png"));
    EXPECT_EQ(mine.assets().import_file({.project = project, .path = sealed / "film.mp4"}).name, "film.mp4");
}

}  // namespace
