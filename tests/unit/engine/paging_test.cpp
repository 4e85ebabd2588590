#include <algorithm>

#include <base/id.hpp>
#include <core.hpp>
#include <export_rows.hpp>

#include "engine_fixture.hpp"

namespace tenon {
namespace {

using namespace std::chrono_literals;

struct PagingTest : tests::EngineTest {
    PagingTest() { open_looking(); }
};

TEST_F(PagingTest, exports_follow_each_other_newest_first_also_those_of_one_moment) {
    auto mine = session(acme);
    auto& impl = *Internal::impl(*engine);
    const auto job = base::new_id<JobId>(impl.now());
    const auto begin = impl.now();
    impl.database->write(impl.scope_of(acme.id), [&](db::Tx& tx) {
        for (int i = 0; i < 25; ++i)
            engine::export_rows::insert(tx, {
                                                .name = "clip-" + std::to_string(100 + i) + ".mp4",
                                                .job = i % 5 == 0 ? base::new_id<JobId>(begin) : job,
                                                .size = {1},
                                                .sha256 = "",
                                                .created_at = begin + Duration{i / 10},
                                            });
    });
    const auto pages = [&](ExportFilter filter) {
        std::vector<std::string> names;
        for (;;) {
            const auto page = mine.exports().list(filter);
            for (const auto& file : page) names.push_back(file.name);
            if (page.empty()) return names;
            filter.after = page.back().name;
        }
    };
    std::vector<std::string> all;
    for (const auto& file : mine.exports().list()) all.push_back(file.name);
    ASSERT_EQ(all.size(), 25u);
    EXPECT_EQ(all.front(), "clip-120.mp4");
    EXPECT_EQ(all.back(), "clip-109.mp4");
    EXPECT_EQ(pages({.limit = 3}), all);
    EXPECT_EQ(pages({.limit = 25}), all);
    EXPECT_EQ(pages({.job = job, .limit = 3}).size(), 20u);
    EXPECT_THROW((void)mine.exports().list({.after = "gone.mp4"}), NotFound);
    EXPECT_THROW((void)session(other).exports().list({.after = "clip-101.mp4"}), NotFound) << "another tenant's";
}

TEST_F(PagingTest, jobs_follow_each_other_newest_first) {
    auto mine = session(acme);
    auto& impl = *Internal::impl(*engine);
    impl.database->write(impl.scope_of(acme.id), [&](db::Tx& tx) {
        for (int i = 0; i < 1100; ++i) impl.queue->enqueue(tx, {.kind = "render"});
    });
    std::vector<JobId> ids;
    JobFilter filter{.limit = 1000};
    for (auto page = mine.jobs().list(filter); !page.empty(); page = mine.jobs().list(filter)) {
        for (const auto& job : page) ids.push_back(job.id);
        filter.after = ids.back();
    }
    EXPECT_EQ(ids.size(), 1100u);
    EXPECT_TRUE(std::is_sorted(ids.rbegin(), ids.rend()));
    EXPECT_TRUE(session(other).jobs().list(filter).empty());
    EXPECT_FALSE(mine.jobs().list({.limit = 1}).at(0).started_at);
}

}  // namespace
}  // namespace tenon
