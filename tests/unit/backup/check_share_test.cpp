// Checks that read a part: round after round everything is read, and nothing is said of what was not.
#include "fixture.hpp"

#include <set>

#include <crypto/hash.hpp>

#include "repository_impl.hpp"

namespace tenon::tests {
namespace {

using namespace backup;

class CheckShares : public BackupTest {
protected:
    CheckReport part(Repository& repository, const std::string& after, std::int32_t percent, CheckDepth depth = CheckDepth::full) {
        return repository.check(depth, exec::no_progress(), {}, false, {}, {.percent = percent, .after = after});
    }
    std::vector<std::string> fill(Repository& repository) {
        for (int i = 0; i < 8; ++i) {
            write(source() / std::to_string(i), crypto::random_bytes(40'000));
            back_up(repository);
        }
        std::vector<std::string> packs;
        for (const auto& object : blob::list_all(*store(), "packs/")) packs.push_back(object.name);
        return packs;
    }
    /// Packs of folders are read by each check, on its way through all trees.
    bool is_data(const std::string& name) { return decode_header(blob::get_all(*store(), name, 1 << 30), name).kind == Kind::data; }
};

TEST_F(CheckShares, damage_anywhere_is_found_within_a_round_and_the_rest_of_the_round_says_nothing) {
    auto repository = create();
    const auto packs = fill(*repository);
    ASSERT_GT(packs.size(), 10u);
    for (const auto depth : {CheckDepth::objects, CheckDepth::full})
        for (const auto& name : packs) {
            const auto good = blob::get_all(*store(), name, 1 << 30);
            const bool data = is_data(name);
            flip(repo() / name);
            std::string after;
            int found = 0, looks = 0;
            bool round = false;
            for (; !round && looks < 12; ++looks) {
                const auto report = part(*repository, after, 10, depth);
                found += report.problems.empty() ? 0 : 1;
                for (const auto& problem : report.problems) EXPECT_EQ(problem.object, name);
                after = report.last_pack;
                round = report.came_round;
            }
            EXPECT_TRUE(round) << "ten parts of ten are all";
            EXPECT_GE(found, 1) << name;
            if (data) {
                EXPECT_LE(found, 2) << name << ": the last part may come to what the first one had";
            }
            write(repo() / name, good);
        }
    EXPECT_EQ(all(check(*repository).problems), "");
}

TEST_F(CheckShares, each_pack_is_read_once_a_round_and_as_many_bytes_as_were_asked_for) {
    auto repository = create();
    const auto packs = fill(*repository);
    const auto whole = check(*repository);
    EXPECT_TRUE(whole.came_round);
    EXPECT_EQ(whole.last_pack, packs.back());
    std::int64_t weight = 0;
    for (const auto& object : blob::list_all(*store(), "packs/")) weight += static_cast<std::int64_t>(object.size);
    const auto beside = check(*repository, CheckDepth::structure).bytes_read;  // lists, folders, records
    EXPECT_FALSE(check(*repository, CheckDepth::structure).came_round);
    for (const std::int32_t percent : {1, 7, 50, 99}) {
        std::string after;
        std::int64_t read = 0;
        int looks = 0;
        for (bool round = false; !round; ++looks) {
            const auto report = part(*repository, after, percent, CheckDepth::objects);
            EXPECT_TRUE(report.came_round || report.last_pack > after) << "it goes on";
            EXPECT_GE((report.bytes_read - beside) * 100, weight * percent);
            read += report.bytes_read - beside;
            after = report.last_pack;
            round = report.came_round;
        }
        EXPECT_LE(looks, 100 / percent + 1) << percent;
        EXPECT_LE(read, 2 * weight);
    }
    // Where the last one ended is gone: it goes on behind that name all the same.
    EXPECT_EQ(part(*repository, "packs/ff/" + std::string(64, 'f'), 1).last_pack, part(*repository, "", 1).last_pack);
    EXPECT_GT(part(*repository, packs.front() + "0", 1).last_pack, packs.front());
}

TEST_F(CheckShares, what_was_not_read_stays_known_as_damaged) {
    auto repository = create();
    auto packs = fill(*repository);
    while (!is_data(packs.back())) packs.pop_back();
    flip(repo() / packs.back());
    EXPECT_FALSE(check(*repository).problems.empty());
    const auto damaged = [&] { return repository->inside().annotations.damaged_packs(repository->inside().keys, *store(), {}).packs.size(); };
    EXPECT_EQ(damaged(), 1u);
    EXPECT_TRUE(part(*repository, "", 1).problems.empty());
    EXPECT_EQ(damaged(), 1u) << "this check has not seen it whole";
}

}  // namespace
}  // namespace tenon::tests
