#include "engine_fixture.hpp"

#include <fstream>

#include <sys/mount.h>

namespace {

using namespace tenon;
using namespace std::chrono_literals;

class PicturesTest : public tests::EngineTest {
protected:
    static std::string content(const std::filesystem::path& path) {
        std::ifstream stream(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), {}};
    }
    static bool is_png(const std::filesystem::path& path) { return content(path).starts_with("\x89PNG\r\n\x1a\n"); }
    std::filesystem::path to(const char* name) const { return folder.path() / name; }
    Timeline edit() const {
        Timeline cut;
        cut.append({.asset = clip.id, .start = 1s, .end = 3s});
        cut.append({.asset = clip.id, .start = 5s, .end = 7s, .transition = crossfade(400ms)});
        cut.title({.text = "Acme", .duration = 1s});
        return cut;
    }

    Session mine = session(acme);
    Project project = mine.projects().create({.name = "reel"});
    Asset clip = mine.assets().import_file({.project = project.id, .path = tests::clip_with_sound, .name = "Interview"});
};

TEST_F(PicturesTest, each_is_made_and_a_viewer_may_have_them) {
    const auto viewer = session(acme, Role::viewer).pictures();
    viewer.contact_sheet({.asset = clip.id, .target = to("sheet.png"), .columns = 2, .rows = 2, .cell_width = 160});
    EXPECT_TRUE(is_png(to("sheet.png")));
    viewer.grade_still({.asset = clip.id, .grade = "cinematic_warm", .at = 2s, .target = to("look.png"), .width = 640});
    EXPECT_TRUE(is_png(to("look.png")));
    viewer.timeline({.timeline = edit(), .target = to("cut.svg"), .title = "Spring"});
    EXPECT_NE(content(to("cut.svg")).find("Interview"), std::string::npos);
    const Waveform waveform = viewer.waveform({.asset = clip.id, .target = to("sound.png"), .data_target = to("sound.json"), .points = 500});
    EXPECT_TRUE(is_png(to("sound.png")));
    EXPECT_EQ(content(to("sound.json")), waveform.to_json());
    EXPECT_EQ(waveform.channels, 2);
    EXPECT_NEAR(static_cast<double>(waveform.duration.count()), static_cast<double>(clip.duration.count()), 2e5);
    ASSERT_EQ(waveform.minimum.size(), waveform.maximum.size());
    ASSERT_EQ(waveform.minimum.size(), waveform.rms.size());
    EXPECT_GT(waveform.minimum.size(), 900u);
    EXPECT_LE(waveform.minimum.size(), 1000u);
    const auto clapper = mine.assets().import_file({.project = project.id, .path = tests::footage / "clapper.mp4"});
    EXPECT_NEAR(viewer.waveform({.asset = clapper.id}).peak, 0.7, 0.1);
    EXPECT_FALSE(std::filesystem::exists(to("none.png")));
}

TEST_F(PicturesTest, the_edit_of_a_render_can_be_drawn) {
    Timeline cut;
    cut.append({.asset = clip.id, .start = 1s, .end = 1500ms});
    auto job = mine.renders().start({.project = project.id, .timeline = cut, .outputs = {"social_square"}, .name = "short"});
    job.join();
    mine.pictures().timeline({.render = job.id(), .target = to("short.svg")});
    EXPECT_NE(content(to("short.svg")).find(">short<"), std::string::npos);
    EXPECT_THROW(session(other).pictures().timeline({.render = job.id(), .target = to("x.svg")}), NotFound);
    const auto file = job.result().outputs.at(0).path.filename().string();
    EXPECT_GT(mine.pictures().waveform({.exported = file}).duration, 400ms);
}

TEST_F(PicturesTest, what_cannot_be_drawn_is_refused_and_leaves_nothing) {
    const auto pictures = mine.pictures();
    const auto target = to("out");
    EXPECT_THROW(pictures.grade_still({.asset = clip.id, .grade = "none such", .target = target}), NotFound);
    EXPECT_THROW(pictures.grade_still({.asset = clip.id, .grade = "cinematic_warm", .target = target, .width = 1}), InvalidArgument);
    EXPECT_THROW(pictures.grade_still({.asset = clip.id, .grade = "cinematic_warm"}), InvalidArgument);
    EXPECT_THROW(pictures.timeline({.target = target}), InvalidArgument);
    EXPECT_THROW(pictures.timeline({.timeline = edit(), .target = target, .width = 1}), InvalidArgument);
    EXPECT_THROW(pictures.timeline({.timeline = edit(), .target = target, .title = std::string("a\0b", 3)}), InvalidArgument);
    EXPECT_THROW(pictures.waveform({.asset = clip.id, .points = 0}), InvalidArgument);
    EXPECT_THROW(pictures.waveform({}), InvalidArgument);
    const auto silent = mine.assets().import_file({.project = project.id, .path = tests::footage / "vtest.avi"});
    EXPECT_THROW(pictures.waveform({.asset = silent.id, .target = target}), Unsupported);
    for (const auto& within : {folder.path() / "home" / "x.png", mine.workspace() / "x.png"}) {
        EXPECT_THROW(pictures.contact_sheet({.asset = clip.id, .target = within}), PermissionDenied);
        EXPECT_THROW(pictures.grade_still({.asset = clip.id, .grade = "cinematic_warm", .target = within}), PermissionDenied);
        EXPECT_THROW(pictures.waveform({.asset = clip.id, .target = within}), PermissionDenied);
        EXPECT_THROW(pictures.waveform({.asset = clip.id, .data_target = within}), PermissionDenied);
        EXPECT_THROW(pictures.timeline({.timeline = edit(), .target = within}), PermissionDenied);
        EXPECT_FALSE(std::filesystem::exists(within));
    }
    EXPECT_FALSE(std::filesystem::exists(target));
    auto theirs = session(other).pictures();
    EXPECT_THROW(theirs.grade_still({.asset = clip.id, .grade = "cinematic_warm", .target = target}), NotFound);
    EXPECT_THROW(theirs.waveform({.asset = clip.id}), NotFound);
    EXPECT_THROW(theirs.timeline({.timeline = edit(), .target = target}), NotFound);
    EXPECT_THROW(session(acme, Role::billing).pictures().timeline({.timeline = edit(), .target = target}), PermissionDenied);
}

TEST_F(PicturesTest, a_full_disk_is_named_and_nothing_is_left_of_a_picture) {
    const auto small = to("small");
    std::filesystem::create_directory(small);
    if (::mount("none", small.c_str(), "tmpfs", 0, "size=8k") != 0) GTEST_SKIP() << "needs the right to mount";
    const auto pictures = mine.pictures();
    const auto keep = small / "keep.png";
    std::ofstream(keep) << "the old one";
    EXPECT_THROW(pictures.contact_sheet({.asset = clip.id, .target = keep}), NoSpace);
    EXPECT_THROW(pictures.grade_still({.asset = clip.id, .grade = "cinematic_warm", .target = keep}), NoSpace);
    EXPECT_THROW(pictures.waveform({.asset = clip.id, .target = keep}), NoSpace);
    EXPECT_THROW(pictures.waveform({.asset = clip.id, .data_target = keep, .points = 10'000}), NoSpace);
    EXPECT_THROW(pictures.timeline({.timeline = edit(), .target = keep}), NoSpace);
    EXPECT_EQ(content(keep), "the old one");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(small), {}), 1) << "and nothing beside it";
    ::umount2(small.c_str(), MNT_DETACH);
}

}  // namespace
