#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include <media/frame.hpp>
#include <render/plan.hpp>

#include "piece.hpp"

namespace tenon::render {

/// How many samples an output's sound has: exactly as long as its pictures.
std::int64_t sound_length(const Plan& plan, std::int32_t rate);

/// The sound of a plan, mixed: every clip at its exact sample, equal power where two overlap, silence where there is
/// none.
class Mixer {
public:
    Mixer(const Plan& plan, const std::vector<std::filesystem::path>& files, std::int32_t rate, std::int32_t channels,
          std::stop_token stop);
    ~Mixer();

    /// The next `count` samples.
    media::AudioBlock next(std::int64_t count);
    /// What of the sources was damaged so far, within their clips.
    std::vector<PieceDamage> damage() const;

private:
    class Voice;
    void add(std::size_t clip, media::AudioBlock& block);
    void collect(std::size_t clip, std::vector<PieceDamage>& into) const;

    const Plan& plan_;
    const std::vector<std::filesystem::path>& files_;
    std::int32_t rate_, channels_;
    std::stop_token stop_;
    std::int64_t position_ = 0;
    std::vector<std::unique_ptr<Voice>> voices_;   // by clip, while it sounds
    std::vector<PieceDamage> past_;                // of clips that sound no more
};

}  // namespace tenon::render
