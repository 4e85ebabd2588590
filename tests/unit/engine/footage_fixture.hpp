#pragma once

#include <functional>
#include <thread>

#include <core.hpp>
#include <feed.hpp>
#include <nvr/camera_rows.hpp>
#include <nvr/footage_writer.hpp>

#include "engine_fixture.hpp"

namespace tenon::tests {

/// A camera of Acme's with two minutes of footage, recorded without a camera and without waiting.
class FootageTest : public EngineTest {
protected:
    void SetUp() override {
        using namespace std::chrono_literals;
        auto mine = session(acme);
        camera = mine.cameras().create({.name = "Door", .url = "rtsp://127.0.0.1:9/live"}).id();
        auto& impl = *Internal::impl(*engine);
        const auto scope = impl.scope_of(acme.id);
        const auto site = impl.database->read(scope, [&](db::Reader& reader) { return nvr::rows::find(reader, camera)->site; });
        nvr::test::Feed feed;
        nvr::FragmentBuilder builder(feed.streams(), nvr::GapReason::none);
        nvr::FootageWriter writer(mine.workspace() / "recordings" / camera.text(), {acme.id, site, camera}, nullptr, {});
        for (std::size_t n = 0; n < 30 * 120; ++n)
            for (auto& fragment : builder.push(feed.packet(n, 1000s), start.time_since_epoch() - 1000s)) writer.append(std::move(fragment));
        for (auto& fragment : builder.flush(start.time_since_epoch() - 1000s)) writer.append(std::move(fragment));
        writer.finish();
    }
    static bool eventually(const std::function<bool()>& ready) {
        using namespace std::chrono_literals;
        const auto end = std::chrono::steady_clock::now() + 60s;
        while (!ready()) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::sleep_for(20ms);
        }
        return true;
    }

    static constexpr Time start{std::chrono::days{20'700} + std::chrono::hours{6}};
    CameraId camera;
};

}  // namespace tenon::tests
