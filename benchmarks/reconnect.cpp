// Question: how soon is a camera recorded again, from the moment on at which it can be reached? Input: 768x576 at 30 frames a
// second over RTSP on this machine, away for 1 to 20 seconds at a time, so that the pauses between attempts have grown as long as
// they get; it begins with a key frame, as cameras do. Measured is what of its picture is missing, up to the first frame that is
// recorded, and when that frame was on disk.
//
//     bench_reconnect [TIMES]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

#include <camera_server.hpp>
#include <temp_folder.hpp>
#include <tenon/tenon.hpp>

using namespace tenon;
using namespace std::chrono_literals;

namespace {

Time now() { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }

double seconds(Duration span) { return static_cast<double>(span.count()) / 1e6; }

/// The first footage that begins after `since`, once it is on disk.
RecordingInfo footage_after(const Camera& camera, Time since) {
    for (;; std::this_thread::sleep_for(2ms))
        for (const auto& footage : camera.recordings({.start = since}))
            if (footage.start >= since) return footage;
}

}  // namespace

int main(int argc, char** argv) {
    const int times = argc > 1 ? std::atoi(argv[1]) : 12;
    test::CameraServer server;
    const tests::TempFolder folder;
    Engine engine({.home = folder.path() / "home", .camera_networks = {"127.0.0.0/8"}});
    auto setup = engine.open_operator({.actor = "bench", .reason = "bench"});
    const auto tenant = setup.tenants().create({.name = "A", .slug = "a", .plan = "studio/premium"});
    auto session = engine.open_session({.tenant = tenant.id, .actor = "bench", .role = Role::owner});
    const auto camera = session.cameras().create({.name = "Door", .url = server.url(), .recording = Recording::continuous});
    (void)footage_after(camera, Time{});
    std::mt19937 random(3);
    std::vector<double> missing, stored;
    for (int n = 0; n < times; ++n) {
        server.down();
        const Duration away = std::chrono::milliseconds(1000 + random() % 19'000);
        std::this_thread::sleep_for(away);
        server.up();
        const auto up = now();
        const auto footage = footage_after(camera, up - 100ms);
        stored.push_back(seconds(now() - up));
        missing.push_back(std::max(0.0, seconds(footage.start - up)));
        std::printf("away for %5.1f s   picture missing %5.2f s   on disk after %5.2f s   %s\n", seconds(away), missing.back(), stored.back(),
                    footage.gap_before.c_str());
        std::fflush(stdout);
    }
    std::sort(missing.begin(), missing.end());
    std::sort(stored.begin(), stored.end());
    const auto middle = missing.size() / 2;
    std::printf("reachable to first recorded frame: median %.2f s, worst %.2f s (goal: at most 5 s); on disk: median %.2f s, worst %.2f s\n",
                missing[middle], missing.back(), stored[middle], stored.back());
}
