#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

#include "sound.hpp"
#include "studio.hpp"

using namespace tenon;
using namespace tenon::test;

namespace {

constexpr std::int32_t rate = 48'000;
constexpr std::int64_t millisecond = rate / 1'000;

/// Three to six ranges of the slates, cut or blended into each other.
Timeline random_edit(std::mt19937& random, const std::vector<AssetId>& slates) {
    const auto between = [&](int least, int most) { return std::uniform_int_distribution<int>(least, most)(random); };
    Timeline edit;
    const int clips = between(3, 6);
    for (int i = 0; i < clips; ++i) {
        const auto start = std::chrono::microseconds(between(0, 1'500'000));
        TimelineClip clip{.asset = slates[static_cast<std::size_t>(between(0, static_cast<int>(slates.size()) - 1))],
                          .start = start,
                          .end = start + std::chrono::microseconds(between(1'200'000, 2'400'000))};
        if (i > 0 && between(0, 2) == 0) clip.transition = crossfade(std::chrono::microseconds(between(40'000, 400'000)));
        edit.append(clip);
    }
    return edit;
}

/// Where the first loud sample near `at` stands.
std::optional<std::int64_t> click_near(const std::vector<float>& sound, std::int64_t at) {
    constexpr float loud = 0.25F;
    const std::int64_t to = std::min<std::int64_t>(static_cast<std::int64_t>(sound.size()), at + 10 * millisecond);
    for (std::int64_t i = std::max<std::int64_t>(0, at - 10 * millisecond); i < to; ++i)
        if (std::fabs(sound[static_cast<std::size_t>(i)]) > loud) return i;
    return std::nullopt;
}

}  // namespace

/// A slate clicks on each whole second, together with its white picture: the click's place in the mix, against the place that
/// the plan gives that picture's time, is the offset between picture and sound.
TEST(Joints, SoundIsWithinAMillisecondOfThePictureInAHundredRandomEdits) {
    Studio studio;
    const std::vector<AssetId> slates{studio.slate(4), studio.slate(4, {30'000, 1'001}), studio.slate(4, {24, 1})};
    std::int64_t seen = 0;
    for (unsigned seed = 1; seed <= 100; ++seed) {
        std::mt19937 random(seed);
        const render::Request request = studio.request(random_edit(random, slates));
        const render::Plan& plan = request.plan;
        render::Mixer mixer(plan, request.sources, rate, 2, {});
        const auto sound = mixer.next(render::sound_length(plan, rate)).channels[0];
        for (std::size_t i = 0; i < plan.clips.size(); ++i) {
            const auto& clip = plan.clips[i];
            // Inside of a fade a click is too soft to be found.
            const render::Flicks from = i > 0 ? std::max(clip.start, plan.clips[i - 1].end) : clip.start;
            const render::Flicks to = i + 1 < plan.clips.size() ? std::min(clip.end, plan.clips[i + 1].start) : clip.end;
            for (std::int64_t second = 0; second < 4; ++second) {
                const render::Flicks at = clip.start + render::flicks_of(std::chrono::seconds(second)) - clip.in;
                const std::int64_t expected = render::sample_of(at, rate);
                const std::int64_t begin = render::sample_of(from, rate) + 15 * millisecond;
                const std::int64_t end = render::sample_of(to, rate) - 15 * millisecond;
                if (expected < begin || expected > end) continue;
                const auto found = click_near(sound, expected);
                ASSERT_TRUE(found) << "edit " << seed << ", clip " << i << ", second " << second;
                EXPECT_LE(std::llabs(*found - expected), millisecond) << "edit " << seed << ", clip " << i;
                ++seen;
            }
        }
    }
    EXPECT_GT(seen, 300);
}
