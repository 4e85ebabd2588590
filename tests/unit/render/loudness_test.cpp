#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <memory>

#include "studio.hpp"

using namespace tenon;
using namespace tenon::test;
using namespace std::chrono_literals;

namespace {

std::string output_of(const std::string& command) {
    std::string text;
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen((command + " 2>&1").c_str(), "r"), pclose);
    char buffer[4096];
    while (const std::size_t n = fread(buffer, 1, sizeof buffer, pipe.get())) text.append(buffer, n);
    return text;
}

struct Told {
    double integrated = 0, peak = 0;
};

/// What ffmpeg's own meter says.
Told ebur128(const std::filesystem::path& path) {
    const std::string text = output_of("ffmpeg -nostdin -hide_banner -i '" + path.native() + "' -af ebur128=peak=true -f null -");
    const auto after = [&](const char* word) {
        const auto summary = text.rfind("Summary:");
        const auto at = summary == std::string::npos ? summary : text.find(word, summary);
        if (at == std::string::npos) {
            ADD_FAILURE() << text;
            return 0.0;
        }
        return std::stod(text.substr(at + std::string(word).size()));
    };
    return {after("I:"), after("Peak:")};
}

/// Pictures with the given sound, a filter graph of ffmpeg's.
std::filesystem::path filmed(const Folder& folder, const std::string& name, const std::string& sound, int seconds) {
    const auto path = folder / name;
    output_of("ffmpeg -nostdin -y -f lavfi -i testsrc2=s=160x90:r=25 -f lavfi -i '" + sound + "' -t " + std::to_string(seconds) +
              " -c:v libx264 -preset ultrafast -c:a pcm_s16le '" + path.native() + "'");
    return path;
}

render::RenderedOutput rendered(const Studio& studio, const AssetId& asset, std::optional<std::int32_t> loudness) {
    Timeline cut;
    cut.append({.asset = asset});
    return render::run(studio.request(cut, {"mp4"}, "temp", loudness), exec::no_progress(), {}).outputs.at(0);
}

}  // namespace

TEST(Loudness, SoftSoundIsLiftedToThePresetsTarget) {
    Studio studio;
    const AssetId soft = studio.add(filmed(studio.folder, "soft.mov", "anoisesrc=c=pink:a=0.02:r=44100:seed=7", 2));
    const auto file = rendered(studio, soft, std::nullopt);
    const Told told = ebur128(file.path);
    EXPECT_NEAR(told.integrated, -14, 0.5);
    ASSERT_TRUE(file.loudness.integrated);
    EXPECT_NEAR(*file.loudness.integrated, told.integrated, 0.2);
    EXPECT_LE(told.peak, -1.0);
}

TEST(Loudness, PeaksAreLimitedAndTheTargetIsReachedNevertheless) {
    Studio studio;
    // Bursts far above the rest: one gain alone would lift them over full scale.
    const AssetId spiky = studio.add(filmed(
        studio.folder, "spiky.mov", "aevalsrc=(0.06+0.8*lt(mod(t\\,0.5)\\,0.004))*sin(2*PI*997*t)|0.05*sin(2*PI*440*t):s=48000", 3));
    const auto file = rendered(studio, spiky, std::nullopt);
    const Told told = ebur128(file.path);
    EXPECT_NEAR(told.integrated, -14, 0.5);
    EXPECT_LE(told.peak, -1.0 + 0.05);
    EXPECT_LE(file.loudness.true_peak_db(), -0.9);
}

TEST(Loudness, TargetsCanBeSetAndTurnedOff) {
    Studio studio;
    const AssetId tone = studio.add(filmed(studio.folder, "tone.mov", "sine=f=997:r=48000", 1));
    EXPECT_NEAR(ebur128(rendered(studio, tone, -23).path).integrated, -23, 0.5);
    EXPECT_NEAR(ebur128(rendered(studio, tone, 0).path).integrated, ebur128(studio.files[0]).integrated, 0.3);
    EXPECT_THROW(rendered(studio, tone, -60), InvalidArgument);
}

TEST(Loudness, SilenceStaysSilent) {
    Studio studio;
    const auto file = rendered(studio, studio.add(filmed(studio.folder, "mute.mov", "anullsrc=r=48000", 1)), std::nullopt);
    EXPECT_FALSE(file.loudness.integrated);
    EXPECT_LT(file.loudness.true_peak_db(), -90);
}

TEST(Loudness, ProgressMovesWhileItIsMeasured) {
    struct Watch final : exec::ProgressSink {
        std::string name;
        std::int64_t done = 0, expected = 0;
        std::map<std::string, int> steps;   // how often a stage moved
        void end() const { EXPECT_EQ(done, expected) << name; }
        void stage(std::string_view stage, double, std::int64_t total, std::string_view) override {
            end();
            name = stage;
            done = 0;
            expected = total;
        }
        void total(std::int64_t value) override { expected = value; }
        void advance(std::int64_t by) override {
            EXPECT_GE(by, 0);
            done += by;
            EXPECT_LE(done, expected) << name;
            if (by > 0) ++steps[name];
        }
    } watch;
    Studio studio;
    Timeline cut;
    cut.append({.asset = studio.add(filmed(studio.folder, "soft.mov", "anoisesrc=c=pink:a=0.02:r=48000:seed=7", 1))});
    auto request = studio.request(cut, {"mp4"}, "temp", std::nullopt);
    render::run(request, watch, {});
    watch.end();
    EXPECT_GE(watch.steps.at("sound"), 8) << "four quarters of a second are heard at least twice";
    EXPECT_GE(watch.steps.at("measure"), 4);
    watch.steps.clear();
    watch.done = watch.expected = 0;
    render::run(request, watch, {});   // everything is there already: stages end all the same
    watch.end();
}

TEST(Limiter, NothingBelowTheCeilingIsTouchedAndNothingAboveItLeaves) {
    constexpr std::int32_t rate = 48'000;
    constexpr double ceiling = 0.8;
    media::Limiter limiter(rate, 1, ceiling);
    media::AudioBlock block{0, {std::vector<float>(rate)}};
    auto& samples = block.channels[0];
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const double loud = i > 24'000 && i < 26'000 ? 3.0 : 0.2;
        samples[i] = static_cast<float>(loud * std::sin(0.4 * static_cast<double>(i)));
    }
    const std::vector<float> before = samples;
    limiter.process(block);
    const auto delay = static_cast<std::size_t>(limiter.delay());
    for (std::size_t i = delay; i < samples.size(); ++i) {
        EXPECT_LE(std::fabs(samples[i]), ceiling + 1e-4) << i;
        if (i - delay < 23'000) { ASSERT_NEAR(samples[i], before[i - delay], 1e-6) << i; }
    }
}
