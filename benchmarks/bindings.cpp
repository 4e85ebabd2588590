// What the same calls cost without a border to cross: the figures that benchmarks/bindings.py stands beside.
//
// Question  What does it cost to call the engine from C++: an int, a string there and back, a typed exception, a view of a
//           frame of 1080 lines?
// Input     An engine of one tenant in a temporary folder, a clip of ten seconds.
// Baseline  None: this is the baseline. Writes bindings_cpp.json.

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <tenon/tenon.hpp>

namespace {

/// The least of seven rounds, in nanoseconds a call.
template <class Call>
double measure(int calls, Call&& call) {
    double least = 1e18;
    for (int round = 0; round < 7; ++round) {
        const auto began = std::chrono::steady_clock::now();
        for (int i = 0; i < calls; ++i) call();
        least = std::min(least, std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - began).count() / calls);
    }
    return least;
}

std::int64_t sink = 0;

}  // namespace

int main() {
    std::string folder = (std::filesystem::temp_directory_path() / "bindings-XXXXXX").string();
    if (!mkdtemp(folder.data())) return 1;
    tenon::Engine engine({.home = folder});
    auto operators = engine.open_operator({.actor = "bench", .reason = "bench"});
    auto tenant = operators.tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/professional"});
    auto session = engine.open_session({.tenant = tenant.id, .actor = "bench", .role = tenon::Role::owner});
    auto project = session.projects().create({.name = "x"});
    auto clip = session.assets().import_file({.project = project.id, .path = TENON_FOOTAGE "/clapper.mp4"});
    auto events = session.subscribe(), ended = session.subscribe();
    ended.close();
    const auto frame = session.assets().frame(clip.id, {.width = 1920});
    tenon::Timeline cut;
    const std::string name = "twenty characters ok";

    const double number = measure(1'000'000, [&] { sink += events.number(); });
    const double text = measure(200'000, [&] {
        cut.grade(name);
        sink += static_cast<std::int64_t>(cut.grade_name().size());
    });
    const double error = measure(10'000, [&] {
        try {
            (void)ended.next(std::chrono::seconds(0));
        } catch (const tenon::Closed&) {
            ++sink;
        }
    });
    const double view = measure(100'000, [&] { sink += frame.plane(0).data()[0]; });
    std::ofstream("bindings_cpp.json") << "{\"int call\": " << number << ", \"string there and back\": " << text
                                       << ", \"typed exception\": " << error << ", \"view of a 1080p frame\": " << view << "}\n";
    std::printf("C++: int %.1f ns, string %.1f ns, exception %.0f ns, view %.1f ns (%lld)\n", number, text, error, view,
                static_cast<long long>(sink));
    engine.close();
    std::filesystem::remove_all(folder);
}
