#include <footage_use.hpp>
#include <recordings.hpp>

#include "footage_fixture.hpp"

namespace tenon {
namespace {

using namespace std::chrono_literals;

class FootageUseTest : public tests::FootageTest {
protected:
    void SetUp() override {
        tests::FootageTest::SetUp();
        engine::recordings_of(impl()).recorder.take_in(impl().scope_of(acme.id));
    }
    EngineImpl& impl() { return *Internal::impl(*engine); }
    /// As the next process does when it looks after old footage for the first time.
    void reopen() {
        engine.reset();
        open();
    }
};

TEST_F(FootageUseTest, RetentionLeavesWhatAQueuedClipReadsAndNothingElse) {
    auto mine = session(acme);
    auto door = mine.cameras().get(camera);
    const auto all = door.recordings().at(0);
    const auto job = door.export_clip({.start = all.end - 20s,
                                       .end = all.end - 10s,
                                       .name = "late",
                                       .schedule = {.start = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()) + 24h}});
    door.set_retention({.keep_bytes = {1}});
    reopen();
    auto again = session(acme);
    const auto left = [&] { return again.cameras().get(camera).recordings(); };
    ASSERT_TRUE(eventually([&] { return !left().empty() && left().front().start > all.start + 10s; })) << "what nobody reads goes";
    EXPECT_LE(left().front().start, all.end - 20s);
    again.jobs().get(job.id()).reschedule({});
    auto clip = again.cameras().find_clip(job.id()).value();
    ASSERT_TRUE(clip.join_for(60s));
    EXPECT_EQ(clip.state(), JobState::succeeded);
    EXPECT_GE(clip.result().frames, 300) << "from the key frame at or before its start";
    reopen();
    EXPECT_TRUE(eventually([&] { return session(acme).cameras().get(camera).recordings().empty(); })) << "nobody reads it any more";
}

TEST_F(FootageUseTest, AClipIsPlannedBeforeOrAfterFootageIsRemovedNeverMeanwhile) {
    auto removing = engine::footage_in_use(impl(), impl().scope_of(acme.id), camera);
    ASSERT_TRUE(removing);
    EXPECT_TRUE(removing->ranges.empty());
    std::atomic<bool> queued = false;
    std::jthread asks([&, mine = session(acme)]() mutable {
        (void)mine.cameras().get(camera).export_clip({.start = start, .end = start + 5s}).result();
        queued = true;
    });
    std::this_thread::sleep_for(100ms);
    EXPECT_FALSE(queued);
    EXPECT_TRUE(session(acme).jobs().list().empty());
    removing.reset();
    asks.join();
    EXPECT_TRUE(queued);

    const auto planning = engine::hold_footage(impl(), acme.id, {});
    EXPECT_FALSE(engine::footage_in_use(impl(), impl().scope_of(acme.id), camera));
    EXPECT_TRUE(engine::footage_in_use(impl(), impl().scope_of(other.id), camera)) << "another tenant's is another matter";
}

}  // namespace
}  // namespace tenon
