// Decoded pictures in memory: one at a time, a loop over many, and planes that outlive all they came from.

#include <cstdint>
#include <cstdio>
#include <optional>

#include <tenon/tenon.hpp>

using namespace std::chrono_literals;

double brightness(const tenon::Plane& plane) {
    std::int64_t sum = 0;
    for (std::int32_t y = 0; y < plane.height(); ++y) {
        const std::uint8_t* row = plane.data() + y * plane.stride();
        for (std::int32_t x = 0; x < plane.width(); ++x) sum += row[x];
    }
    return static_cast<double>(sum) / (255.0 * plane.width() * plane.height());
}

int main() {
    std::optional<tenon::Plane> kept;
    {
        tenon::Engine engine({.home = "studio"});
        auto setup = engine.open_operator({.actor = "setup", .reason = "onboarding"});
        auto acme = setup.tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/professional"});
        auto session = engine.open_session({.tenant = acme.id, .actor = "studio-app", .role = tenon::Role::editor});
        auto project = session.projects().create({.name = "Spring reel"});
        auto clip = session.assets().import_file({.project = project.id, .path = "interview.mp4"});

        const auto frame = session.assets().frame(clip.id, {.at = 2s});
        std::printf("%d x %d, %s, %d planes, at %.2f s\n", frame.width(), frame.height(), to_string(frame.format()), frame.planes(),
                    static_cast<double>(frame.time().count()) / 1e6);

        // Every second, small and gray: enough to find where it is dark.
        auto frames = session.assets().frames(clip.id, {.start = 1s, .end = 6s, .step = 1s, .format = tenon::PixelFormat::gray, .width = 96});
        while (const auto each = frames.next())
            std::printf("%.2f s: %.2f\n", static_cast<double>(each->time().count()) / 1e6, brightness(each->plane(0)));
        kept = frame.plane(0);
    }
    std::printf("without its engine: %d x %d\n", kept->width(), kept->height());
}
