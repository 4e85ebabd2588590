#include "engine_fixture.hpp"

#include <fstream>

namespace {

using namespace tenon;
using namespace std::chrono_literals;

class AssetTest : public tests::EngineTest {
protected:
    std::filesystem::path write(const std::string& name, const std::string& bytes) {
        const auto path = folder.path() / name;
        std::ofstream(path, std::ios::binary) << bytes;
        return path;
    }
    std::size_t files_in(const std::filesystem::path& root) {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) count += entry.is_regular_file();
        return count;
    }
    Session mine = session(acme);
    Project project = mine.projects().create({.name = "reel"});
};

TEST_F(AssetTest, import_copies_probes_and_charges) {
    const auto asset = mine.assets().import_file({.project = project.id, .path = tests::clip_with_sound});
    EXPECT_EQ(asset.name, "balle-jbart.mp4");
    EXPECT_EQ(asset.video_codec, "h264");
    EXPECT_EQ(asset.audio_codec, "aac");
    EXPECT_EQ(asset.height, 576);
    EXPECT_EQ(asset.frame_rate, (Rational{25, 1}));
    EXPECT_EQ(asset.sample_rate, 48000);
    EXPECT_NEAR(static_cast<double>(asset.duration.count()), 10.2e6, 0.1e6);
    EXPECT_EQ(asset.size.count, static_cast<std::int64_t>(std::filesystem::file_size(tests::clip_with_sound)));
    EXPECT_EQ(std::filesystem::file_size(asset.path), static_cast<std::uintmax_t>(asset.size.count));
    EXPECT_GT(std::filesystem::file_size(asset.thumbnail), 500u);
    EXPECT_EQ(used(mine, Resource::storage),
              asset.size.count + static_cast<std::int64_t>(std::filesystem::file_size(asset.thumbnail)));
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
    EXPECT_EQ(mine.assets().get(asset.id).sha256, asset.sha256);
    EXPECT_EQ(mine.assets().list({.project = project.id}).size(), 1u);

    auto theirs = session(other);
    EXPECT_FALSE(theirs.assets().find(asset.id));
    EXPECT_THROW(theirs.assets().remove(asset.id), NotFound);
    EXPECT_THROW(theirs.assets().import_file({.project = project.id, .path = tests::clip_with_sound}), NotFound);

    mine.assets().remove(asset.id);
    EXPECT_EQ(used(mine, Resource::storage), 0);
    EXPECT_FALSE(std::filesystem::exists(asset.path));
    EXPECT_FALSE(std::filesystem::exists(asset.thumbnail));
}

TEST_F(AssetTest, what_is_no_media_leaves_nothing_behind) {
    std::string half(std::filesystem::file_size(tests::clip_with_sound) / 2, '\0');
    std::ifstream(tests::clip_with_sound, std::ios::binary).read(half.data(), static_cast<std::streamsize>(half.size()));
    struct Case {
        std::filesystem::path path;
        std::vector<Errc> codes;
    };
    const Case cases[] = {
        {folder.path() / "missing.mp4", {Errc::not_found}},
        {folder.path(), {Errc::invalid_argument}},
        {write("empty.mp4", ""), {Errc::unsupported}},
        {write("text.mp4", "this is a text, not a film\n"), {Errc::unsupported, Errc::corrupt}},
        {write("zeros.mp4", std::string(100'000, '\0')), {Errc::unsupported, Errc::corrupt}},
    };
    for (const auto& c : cases) {
        try {
            mine.assets().import_file({.project = project.id, .path = c.path});
            FAIL() << c.path;
        } catch (const Error& error) {
            EXPECT_NE(std::find(c.codes.begin(), c.codes.end(), error.code()), c.codes.end()) << c.path << ": " << to_string(error.code());
            EXPECT_STRNE(error.what(), "");
            EXPECT_EQ(error.subject().find("ast_"), std::string::npos) << "the subject is the caller's file, not our copy";
        }
        EXPECT_EQ(files_in(mine.workspace()), 0u) << c.path;
        EXPECT_EQ(reserved(mine, Resource::storage), 0) << c.path;
        EXPECT_EQ(used(mine, Resource::storage), 0) << c.path;
    }
    EXPECT_TRUE(mine.assets().list().empty());
}

TEST_F(AssetTest, a_file_beyond_the_plan_is_refused_before_a_byte_is_copied) {
    const auto limit = *mine.quotas().get(Resource::storage).limit;
    auto hold = mine.quotas().reserve({.asks = {{Resource::storage, limit - 1000}}});
    EXPECT_THROW(mine.assets().import_file({.project = project.id, .path = tests::clip_with_sound}), QuotaExceeded);
    EXPECT_EQ(files_in(mine.workspace()), 0u);
    hold.release();
    EXPECT_NO_THROW(mine.assets().import_file({.project = project.id, .path = tests::clip_with_sound}));
}

TEST_F(AssetTest, a_contact_sheet_shows_what_is_in_it) {
    const auto asset = mine.assets().import_file({.project = project.id, .path = tests::clip_with_sound});
    const auto target = folder.path() / "sheet.png";
    mine.pictures().contact_sheet({.asset = asset.id, .target = target, .columns = 3, .rows = 2, .cell_width = 160});
    std::string head(8, '\0');
    std::ifstream(target, std::ios::binary).read(head.data(), 8);
    EXPECT_EQ(head, "\x89PNG\r\n\x1a\n");
    EXPECT_GT(std::filesystem::file_size(target), 5'000u);
    EXPECT_THROW(mine.pictures().contact_sheet({.target = target}), InvalidArgument);
    EXPECT_THROW(mine.pictures().contact_sheet({.exported = "none.mp4", .target = target}), NotFound);
    EXPECT_THROW(session(other).pictures().contact_sheet({.asset = asset.id, .target = target}), NotFound);
}

TEST_F(AssetTest, removing_a_project_takes_its_assets_along) {
    const auto asset = mine.assets().import_file({.project = project.id, .path = tests::clip_with_sound, .name = "Interview"});
    EXPECT_EQ(asset.name, "Interview");
    mine.projects().remove(project.id);
    EXPECT_FALSE(mine.assets().find(asset.id));
    EXPECT_FALSE(std::filesystem::exists(asset.path));
    EXPECT_EQ(used(mine, Resource::storage), 0);
}

}  // namespace
