// Imports and removals of assets.

#include <map>

#include "torture.hpp"

namespace tenon::torture {
namespace {

TEST(Victim, DISABLED_import) {
    Victim::play([](Victim& victim) {
        auto mine = victim.acme();
        const auto project = ProjectId::parse(Victim::setting("TORTURE_PROJECT"));
        for (int round = 0; round < 4; ++round) {
            const auto first = mine.assets().import_file({.project = project, .path = small_clip});
            tell("imported", {first.id.text(), first.sha256});
            const auto second = mine.assets().import_file({.project = project, .path = clip});
            tell("imported", {second.id.text(), second.sha256});
            tell("removing", {second.id.text()});
            mine.assets().remove(second.id);
            tell("removed", {second.id.text()});
        }
    });
}

TEST_F(Torture, imports) {
    auto project = acme().projects().create({.name = "imports"});
    settings["TORTURE_PROJECT"] = project.id.text();
    std::size_t acknowledged = 0;
    for (int n = 0; n <= kills && !HasFailure(); ++n) {
        std::map<AssetId, std::string> there;
        std::map<AssetId, std::string> unsure;
        for (const auto& told : round("import")) {
            const auto id = AssetId::parse(told.at(1));
            if (told[0] == "imported") there[id] = told.at(2);
            if (told[0] == "removing") unsure.insert(there.extract(id));
            if (told[0] == "removed") {
                unsure.erase(id);
                EXPECT_FALSE(acme().assets().find(id)) << "was removed";
            }
        }
        auto mine = acme();
        acknowledged += there.size();
        for (const auto& [id, sha256] : there) {
            const auto asset = mine.assets().find(id);
            ASSERT_TRUE(asset) << id.text() << " was acknowledged";
            EXPECT_EQ(asset->sha256, sha256);
        }
        const auto assets = mine.assets().list({.limit = 1000});
        // One more than was acknowledged may be whole: its process died before it could say so.
        EXPECT_LE(assets.size(), there.size() + unsure.size() + 1);
        expect_sound();
        for (const auto& asset : assets) mine.assets().remove(asset.id);
        expect_sound();
    }
    std::cout << acknowledged << " imports were acknowledged and not lost" << std::endl;
}

}  // namespace
}  // namespace tenon::torture
