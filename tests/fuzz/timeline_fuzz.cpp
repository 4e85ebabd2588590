// Edits as a host writes them, placed on assets too; and the data that looks, grades and outputs are made from.

#include <filesystem>
#include <stdexcept>
#include <string>

#include <base/bytes.hpp>
#include <base/file.hpp>
#include <grade.hpp>
#include <look.hpp>
#include <render/plan.hpp>

#include "fuzz.hpp"

namespace tenon::fuzz {
namespace {

enum : std::uint8_t { timeline, preset, grade, look };

constexpr AssetId street{1, 1}, talk{1, 2};

render::Source source(const AssetId& asset, Rational rate) {
    return {.asset = asset, .sha256 = {1}, .file_size = 1, .width = 64, .height = 36, .colour = {1, 1, 1, false}, .rate = rate,
            .duration = std::chrono::seconds(60), .has_sound = true};
}

/// What was read is written as it was, and a plan of it is sound or refused.
void edit(const std::string& text) {
    const Timeline cut = Timeline::from_json(text);
    const std::string written = cut.to_json();
    if (Timeline::from_json(written).to_json() != written) throw std::logic_error("a timeline changes when it is written and read");
    if (!cut.titles().empty() || !cut.images().empty() || cut.clips().size() > 64) return;   // painting is slow
    const auto plan = render::compile(cut, {"mp4"}, {source(street, {25, 1}), source(talk, {30'000, 1'001})});
    for (const auto& clip : plan.clips)
        if (clip.end <= clip.start || clip.first_frame > clip.end_frame || clip.end_frame > plan.frames)
            throw std::logic_error("a clip lies outside");
    std::int64_t frames = 0;
    for (const auto& chunk : plan.chunks) {
        if (chunk.first != frames || chunk.count <= 0) throw std::logic_error("chunks leave a gap");
        frames += chunk.count;
    }
    if (frames != plan.frames) throw std::logic_error("chunks end too early");
}

}  // namespace

std::vector<Input> seeds() {
    std::vector<Input> all;
    Timeline cut;
    cut.append({.asset = street, .start = std::chrono::seconds(1), .end = std::chrono::seconds(4)});
    cut.append({.asset = talk, .end = std::chrono::seconds(2), .transition = crossfade(std::chrono::milliseconds(500))});
    cut.grade("cinematic_warm");
    all.push_back(seed(timeline, cut.to_json()));
    cut.title({.text = "Grüße 👋", .duration = std::chrono::seconds(2), .look = "lower_third", .font = "Noto Sans"});
    cut.image({.asset = street, .duration = std::chrono::seconds(1), .x = 0.95, .y = 0.05, .width = 0.1, .opacity = 0.8});
    cut.lut(talk);
    all.push_back(seed(timeline, cut.to_json()));
    const auto shipped = [&](std::uint8_t selector, const char* folder) {
        for (const auto& file : std::filesystem::directory_iterator(std::string(TENON_SOURCE "/share/tenon/") + folder))
            all.push_back(seed(selector, base::read_file(file.path(), 1 << 20)));
    };
    shipped(preset, "presets");
    shipped(grade, "grades");
    shipped(look, "titles");
    return all;
}

}  // namespace tenon::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tenon;
    if (size == 0) return 0;
    const std::string text(base::text_of({data + 1, size - 1}));
    fuzz::reads([&] {
        switch (data[0] % 4) {
            case fuzz::timeline: return fuzz::edit(text);
            case fuzz::preset: return (void)render::parse_preset(text);
            case fuzz::grade: return (void)render::parse_grade(text);
            default: return (void)render::parse_look(text);
        }
    });
    return 0;
}
