// Host names whose name server does not answer.

#include <nvr/host_lookup.hpp>

#include <condition_variable>
#include <future>

#include "recorder_fixture.hpp"

namespace tenon::nvr {
namespace {

using namespace std::chrono_literals;
using tenon::test::CameraServer;
using test::Studio;

HostAddress address(std::uint8_t last) {
    HostAddress address;
    address.bytes[10] = address.bytes[11] = 0xff;
    address.bytes[12] = 127;
    address.bytes[15] = last;
    return address;
}

/// A name server that says nothing before it is told to. What it holds outlives lookups that are still under way.
struct SilentServer {
    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        bool open = false;           // all under mutex
        int asked = 0;
        int answered = 0;
    };
    std::shared_ptr<State> state = std::make_shared<State>();

    HostLookup::Resolve resolve() const {
        return [state = state](const std::string& host) -> std::vector<HostAddress> {
            std::unique_lock lock(state->mutex);
            ++state->asked;
            state->changed.notify_all();
            state->changed.wait(lock, [&] { return state->open; });
            ++state->answered;
            state->changed.notify_all();
            if (host == "nowhere") return {};
            return {address(1), address(2)};
        };
    }
    void open() const {
        const std::lock_guard lock(state->mutex);
        state->open = true;
        state->changed.notify_all();
    }
    [[nodiscard]] bool wait(const std::function<bool(const State&)>& ready) const {
        std::unique_lock lock(state->mutex);
        return state->changed.wait_for(lock, 60s, [&] { return ready(*state); });
    }
    ~SilentServer() { open(); }
};

TEST(HostLookup, WhoAsksGoesOnWhenTheTimeIsUpOrHeIsStopped) {
    const SilentServer server;
    HostLookup lookup(server.resolve());
    EXPECT_THROW((void)lookup.addresses("camera.lan", 10ms, {}), Unavailable);
    EXPECT_THROW((void)lookup.addresses("camera.lan", 10ms, {}), Unavailable);
    EXPECT_TRUE(server.wait([](const auto& s) { return s.asked == 1; })) << "one name is asked for once";
    std::stop_source stop;
    auto asking = std::async(std::launch::async, [&] { return lookup.addresses("camera.lan", 1h, stop.get_token()); });
    stop.request_stop();
    ASSERT_EQ(asking.wait_for(60s), std::future_status::ready);
    EXPECT_THROW((void)asking.get(), Cancelled);
    EXPECT_EQ(lookup.addresses("10.0.0.1", 0s, {}).at(0).text(), "10.0.0.1") << "nobody has to be asked for an address";
    EXPECT_EQ(lookup.addresses("fd12::1", 0s, {}).at(0).text(), "[fd12::1]");

    auto patient = std::async(std::launch::async, [&] { return lookup.addresses("camera.lan", 1h, {}); });
    server.open();
    ASSERT_EQ(patient.wait_for(60s), std::future_status::ready);
    const auto found = patient.get();
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].text(), "127.0.0.1");
    EXPECT_THROW((void)lookup.addresses("nowhere", 60s, {}), Unavailable);
}

TEST(HostLookup, NamesOnTheirWayAreBoundedAndAnAnswerMakesRoom) {
    const SilentServer server;
    HostLookup lookup(server.resolve());
    const auto most = static_cast<int>(HostLookup::most_at_once);
    for (int i = 0; i < most; ++i) EXPECT_THROW((void)lookup.addresses("camera-" + std::to_string(i), 0s, {}), Unavailable);
    try {
        (void)lookup.addresses("one-more", 1h, {});
        ADD_FAILURE();
    } catch (const Unavailable& error) {
        EXPECT_NE(std::string(error.what()).find("too many"), std::string::npos);
    }
    server.open();
    ASSERT_TRUE(server.wait([&](const auto& s) { return s.answered == most; }));
    EXPECT_EQ(lookup.addresses("camera-0", 60s, {}).size(), 2u);
}

TEST(HostLookup, WhatIsStillUnderWayOutlivesWhoAsked) {
    const SilentServer server;
    {
        HostLookup lookup(server.resolve());
        EXPECT_THROW((void)lookup.addresses("camera.lan", 0s, {}), Unavailable);
        ASSERT_TRUE(server.wait([](const auto& s) { return s.asked == 1; }));
    }
    server.open();
    EXPECT_TRUE(server.wait([](const auto& s) { return s.answered == 1; }));
}

TEST(HostLookup, ADeadNameServerHoldsUpNeitherOtherCamerasNorTheEnd) {
    CameraServer camera;
    const SilentServer server;
    Studio studio;
    studio.stop();
    studio.lookup = std::make_shared<HostLookup>(server.resolve());
    studio.start();
    const auto a = studio.home.a;
    const auto stuck = studio.add(a, "rtsp://camera.lan/live");
    ASSERT_TRUE(server.wait([](const auto& s) { return s.asked == 1; }));
    const auto good = studio.add(a, camera.url());
    EXPECT_TRUE(studio.wait(60s, [&] { return studio.covered(a, good) >= 1s; })) << "the good camera is disturbed";
    studio.set(a, stuck, Recording::off);
    EXPECT_TRUE(studio.wait(60s, [&] { return !studio.recorder->status(stuck); })) << "the clerk waits for the name server";
    studio.set(a, stuck, Recording::continuous);
    EXPECT_TRUE(studio.wait(60s, [&] { return studio.status(stuck).state == CameraState::retrying; }));
    EXPECT_NE(studio.status(stuck).problem.find("name server"), std::string::npos) << studio.status(stuck).problem;
    auto ending = std::async(std::launch::async, [&] { studio.stop(); });
    EXPECT_EQ(ending.wait_for(60s), std::future_status::ready) << "the end waits for the name server";
    server.open();  // in any case, or a failure would never end
    ending.get();
    test::expect_whole(studio, a, good);
}

}  // namespace
}  // namespace tenon::nvr
