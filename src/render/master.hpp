#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <vector>

#include <exec/progress.hpp>
#include <media/loudness.hpp>

#include "sound.hpp"

namespace tenon::render {

/// What is done to a whole mix: one gain, and a limiter only if that would lift a peak too high.
struct Level {
    double gain = 1;
    bool limited = false;
};

/// The mix of a plan at a level. Samples keep their places: the limiter's delay is read ahead.
class Master {
public:
    Master(const Plan& plan, const std::vector<std::filesystem::path>& files, const media::AudioEncoding& encoding,
           const Level& level, const std::stop_token& stop);

    media::AudioBlock next(std::int64_t count);
    std::vector<PieceDamage> damage() const { return mixer_.damage(); }

private:
    media::AudioBlock read(std::int64_t count);

    Mixer mixer_;
    Level level_;
    std::int64_t length_, read_ = 0, position_ = 0;
    std::unique_ptr<media::Limiter> limiter_;
};

/// How often level_for() listens to the whole mix at most.
inline constexpr int most_measurements = 4;

/// The level that brings the mix to `encoding`'s output to `target` LUFS; none for `target` 0 and for what cannot be
/// measured. Decodes the sound of all clips once, and again for each try with the limiter. `progress` advances by
/// most_measurements times the mix's length in all: what need not be measured is done at once.
Level level_for(const Plan& plan, const std::vector<std::filesystem::path>& files, const media::AudioEncoding& encoding,
                std::int32_t target, exec::ProgressSink& progress, const std::stop_token& stop);

}  // namespace tenon::render
