// A camera: record it, hear what becomes of it, cut a clip out of the footage.
//
//     camera rtsp://192.168.1.20/stream

#include <cstdio>

#include <tenon/tenon.hpp>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "Usage: %s RTSP-URL\n", argv[0]);
        return 2;
    }
    // Cameras live in private networks unless told otherwise; loopback must be named.
    tenon::Engine engine({.home = "studio", .camera_networks = {"127.0.0.0/8", "10.0.0.0/8", "192.168.0.0/16"}});
    auto setup = engine.open_operator({.actor = "setup", .reason = "onboarding"});
    auto shop = setup.tenants().create({.name = "Shop", .slug = "shop", .plan = "nvr/professional"});
    auto session = engine.open_session({.tenant = shop.id, .actor = "guard", .role = tenon::Role::owner});

    auto news = session.subscribe({.kinds = {"camera."}});  // a queue of one's own; nothing calls back
    auto door = session.cameras().create({.name = "Door", .url = argv[1], .recording = tenon::Recording::continuous});

    // Wait for six seconds of footage, at most a minute.
    for (int tick = 0; tick < 120; ++tick) {
        while (const auto event = news.next(500ms)) std::printf("%s %s\n", event->kind.c_str(), event->data.c_str());
        const auto footage = door.recordings();
        if (!footage.empty() && footage.back().end - footage.back().start >= 6s) break;
    }
    door.set_recording(tenon::Recording::off);

    const auto footage = door.recordings();
    if (footage.empty()) {
        std::fprintf(stderr, "no footage: %s\n", door.info().problem.c_str());
        return 1;
    }
    for (const auto& stretch : footage)
        std::printf("%lld frames in %.1f s\n", static_cast<long long>(stretch.frames),
                    static_cast<double>((stretch.end - stretch.start).count()) / 1e6);

    const auto start = footage.back().start + 1s;
    auto clip = door.export_clip({.start = start, .end = start + 3s, .cut = tenon::Cut::exact, .name = "visitor"}).result();
    std::printf("%s: %.1f s, not re-encoded\n", clip.path.c_str(), static_cast<double>(clip.duration.count()) / 1e6);
}
