// Who has work is remembered, and one transaction ends a job and begins the next.
#include "line.hpp"

#include <atomic>

#include <gtest/gtest.h>

#include <base/id.hpp>
#include <jobs/queue.hpp>
#include <scope_maker.hpp>
#include <temp_folder.hpp>
#include <test_store.hpp>

namespace tenon::jobs {
namespace {

using namespace std::chrono_literals;
using db::testing::ScopeMaker;

TenantId customer(std::uint64_t n) { return {n, n}; }
JobId job_numbered(std::uint64_t n) { return {n, n}; }

TEST(JobLine, asks_the_store_first_and_then_remembers) {
    Line line;
    const Turns turns;
    EXPECT_FALSE(line.empty()) << "what a store holds at the start is not known";
    EXPECT_TRUE(line.distrusted());
    EXPECT_FALSE(line.distrusted());
    EXPECT_TRUE(line.empty());
    line.add(customer(1), job_numbered(2));
    line.add(customer(2), job_numbered(1));
    EXPECT_EQ(line.next(turns), customer(2)) << "his job has waited longer";
    line.remove(customer(2));
    EXPECT_EQ(line.next(turns), customer(1));
    line.remove(customer(1));
    EXPECT_FALSE(line.next(turns));
}

TEST(JobLine, a_tenant_without_a_place_is_away_until_one_of_his_jobs_stops) {
    Line line;
    (void)line.distrusted();
    line.add(customer(1), {});
    line.set_aside(customer(1));
    line.add(customer(1), job_numbered(7));
    EXPECT_TRUE(line.empty()) << "more work is no place";
    line.bring_back(customer(2));
    EXPECT_TRUE(line.empty()) << "nobody said that he has work";
    line.bring_back(customer(1));
    EXPECT_TRUE(line.contains(customer(1)));
    line.set_aside(customer(1));
    line.distrust();
    EXPECT_TRUE(line.distrusted());
    line.add(customer(1), {});
    EXPECT_TRUE(line.contains(customer(1))) << "a plan may have grown meanwhile";
}

TEST(JobLine, what_is_wrong_with_the_next_job_keeps_none_from_ending) {
    const tests::TempFolder folder;
    const auto store = db::Database::open(tests::store_in(folder.path()), migrations());
    const auto acme = ScopeMaker::tenant(base::new_id<TenantId>(base::system_clock()->now()));
    std::atomic<bool> cursed = true;
    std::atomic<int> refused = 0;
    Hooks hooks;
    hooks.scope = [](const TenantId& id) { return std::optional(ScopeMaker::tenant(id)); };
    hooks.started = [&](db::Tx&, const JobRow& job) {
        if (job.kind != "second" || !cursed) return true;
        ++refused;
        throw Unavailable("not now");
    };
    Queue queue({.clock = base::system_clock(), .log = base::Log::none(), .nodes = folder.path() / "run", .workers = 1, .tick = 50ms}, *store,
                ScopeMaker::system(), std::move(hooks));
    for (const char* kind : {"first", "second"}) queue.add_kind(kind, {.run = [](const Attempt&) { return Outcome{}; }});
    const auto add = [&](const NewJob& job) { return store->write(acme, [&](db::Tx& tx) { return queue.enqueue(tx, job); }); };
    const auto first = add({.kind = "first", .priority = 1});
    const auto second = add({.kind = "second"});
    queue.start();
    const auto ended = queue.wait_end(acme, first, 60s, {});
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->state, JobState::succeeded);
    EXPECT_GE(refused, 1) << "it was tried with the end of the first";
    EXPECT_EQ(queue.find(acme, second)->state, JobState::ready);
    cursed = false;
    const auto later = queue.wait_end(acme, second, 60s, {});
    ASSERT_TRUE(later);
    EXPECT_EQ(later->state, JobState::succeeded);
    EXPECT_EQ(later->attempt, 1);
}

}  // namespace
}  // namespace tenon::jobs
