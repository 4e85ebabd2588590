// A camera: of what was acknowledged as recorded at most a second is lost, and what is there decodes. How much of what had
// arrived is lost is printed: on a machine with time for it at most the second in the making.

#include <algorithm>
#include <optional>
#include <thread>

#include <camera_server.hpp>

#include "torture.hpp"

namespace tenon::torture {
namespace {

using namespace std::chrono_literals;

TEST(Victim, DISABLED_record) {
    Victim::play([](Victim& victim) {
        auto camera = victim.acme().cameras().get(CameraId::parse(Victim::setting("TORTURE_CAMERA")));
        camera.set_recording(Recording::continuous);
        int told = 0;
        auto last = camera.info().last_frame_at;
        const auto micros = [](Time time) { return std::to_string(time.time_since_epoch().count()); };
        // Three seconds from the first frame on; connecting and the wait for a key frame take their time.
        for (auto until = std::chrono::steady_clock::now() + 20s; std::chrono::steady_clock::now() < until; std::this_thread::sleep_for(20ms)) {
            const auto info = camera.info();
            const auto now = info.last_frame_at;
            // What had arrived when nothing is left to be told of it.
            if (told > 0 && info.health.arrived_at) tell("arrived", {micros(*info.health.arrived_at)});
            if (now == last) continue;
            if (told++ == 0) until = std::chrono::steady_clock::now() + 3s;
            tell("recorded", {micros(*now)});
            last = now;
        }
        camera.set_recording(Recording::off);
    });
}

TEST_F(Torture, recordings) {
    test::CameraServer server;
    auto created = acme().cameras().create({.name = "Door", .url = server.url()});
    settings["TORTURE_CAMERA"] = created.id().text();
    Duration worst{}, sum{};
    int killed_while_recording = 0;
    Time before{};  // the newest that earlier rounds were told
    for (int n = 0; n <= kills && !HasFailure(); ++n) {
        const auto told = round("record", 3s);
        std::optional<Time> last_recorded, last_arrived;
        for (const auto& one : told) (one.at(0) == "recorded" ? last_recorded : last_arrived) = Time{Duration{std::stoll(one.at(1))}};
        auto mine = acme();
        auto camera = mine.cameras().get(CameraId::parse(settings["TORTURE_CAMERA"]));
        camera.set_recording(Recording::off);
        if (last_recorded) {
            const Time last = *last_recorded;
            Duration lost = Duration::max();
            std::optional<RecordingInfo> newest;
            for (const auto& footage : camera.recordings()) {
                if (footage.start > last) continue;
                lost = std::min(lost, std::max(Duration{}, Duration{last - footage.end}));
                newest = footage;
            }
            EXPECT_LE(lost, 1s) << "of what was acknowledged";
            if (n > 0 && last > before && last_arrived && newest) {
                // What had arrived and is not there: the second in the making, and what this machine had not got to.
                const auto unsaved = std::max(Duration{}, Duration{*last_arrived - newest->end});
                EXPECT_LE(unsaved, 30s);
                ++killed_while_recording;
                worst = std::max(worst, unsaved);
                sum += unsaved;
            }
            if (newest && newest->end - newest->start > 100ms) {
                const auto clip = camera.export_clip({.start = std::max(newest->start, newest->end - 2s), .end = newest->end}).result();
                EXPECT_EQ(decoding_problems(clip.path), "");
                expect_sound();
                mine.exports().remove(clip.path.filename().string());
            }
            before = last;
        }
        expect_sound();
    }
    std::cout << "killed while recording: " << killed_while_recording << " of " << kills
              << ", of what had arrived lost at most " << worst.count() / 1000 << " ms, "
              << (killed_while_recording ? sum.count() / 1000 / killed_while_recording : 0) << " ms on average" << std::endl;
}

}  // namespace
}  // namespace tenon::torture
