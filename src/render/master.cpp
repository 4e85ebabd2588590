#include "master.hpp"

#include <algorithm>
#include <cmath>

#include <exec/wait.hpp>

namespace tenon::render {
namespace {

// -1 dBTP is promised of the file: half a decibel is left for what AAC adds to a peak.
constexpr double ceiling_db = -1.5;
constexpr double most_gain_db = 40;   // beyond it there is nothing but noise
constexpr double close_enough = 0.1;  // LU
constexpr int tries = most_measurements - 1;

double ratio(double db) { return std::pow(10.0, db / 20); }

/// Listens to a plan's whole mix, at one level or another.
class Listener {
public:
    Listener(const Plan& plan, const std::vector<std::filesystem::path>& files, const media::AudioEncoding& encoding,
             exec::ProgressSink& progress, const std::stop_token& stop)
        : plan_(plan), files_(files), encoding_(encoding), progress_(progress), stop_(stop), length_(sound_length(plan, encoding.rate)),
          left_(most_measurements * length_) {}
    ~Listener() { progress_.advance(left_); }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    media::Loudness measure(const Level& level) {
        Master master(plan_, files_, encoding_, level, stop_);
        media::LoudnessMeter meter(encoding_.rate, encoding_.channels);
        const std::int64_t step = encoding_.rate / 4;
        for (std::int64_t done = 0; done < length_; done += step) {
            exec::check_stop(stop_);
            const std::int64_t some = std::min(step, length_ - done);
            meter.add(master.next(some));
            progress_.advance(some);
            left_ -= some;
        }
        return meter.result();
    }

private:
    const Plan& plan_;
    const std::vector<std::filesystem::path>& files_;
    const media::AudioEncoding& encoding_;
    exec::ProgressSink& progress_;
    const std::stop_token& stop_;
    const std::int64_t length_;
    std::int64_t left_;
};

}  // namespace

Master::Master(const Plan& plan, const std::vector<std::filesystem::path>& files, const media::AudioEncoding& encoding,
               const Level& level, const std::stop_token& stop)
    : mixer_(plan, files, encoding.rate, encoding.channels, stop), level_(level), length_(sound_length(plan, encoding.rate)) {
    if (!level.limited) return;
    limiter_ = std::make_unique<media::Limiter>(encoding.rate, encoding.channels, ratio(ceiling_db));
    read(limiter_->delay());
}

/// The next samples behind gain and limiter, and silence behind the mix's end.
media::AudioBlock Master::read(std::int64_t count) {
    const std::int64_t some = std::clamp<std::int64_t>(length_ - read_, 0, count);
    media::AudioBlock block = mixer_.next(some);
    const auto gain = static_cast<float>(level_.gain);
    for (auto& channel : block.channels) {
        for (float& sample : channel) sample *= gain;
        channel.resize(static_cast<std::size_t>(count));
    }
    read_ += count;
    if (limiter_) limiter_->process(block);
    return block;
}

media::AudioBlock Master::next(std::int64_t count) {
    media::AudioBlock block = read(count);
    block.position = position_;
    position_ += count;
    return block;
}

Level level_for(const Plan& plan, const std::vector<std::filesystem::path>& files, const media::AudioEncoding& encoding,
                std::int32_t target, exec::ProgressSink& progress, const std::stop_token& stop) {
    Listener listener(plan, files, encoding, progress, stop);
    const auto sounds = [&](const PlannedClip& clip) { return plan.sources[clip.source].has_sound; };
    if (target == 0 || std::none_of(plan.clips.begin(), plan.clips.end(), sounds)) return {};
    const media::Loudness mix = listener.measure({});
    if (!mix.integrated) return {};
    Level level{.gain = ratio(std::min(target - *mix.integrated, most_gain_db))};
    if (mix.true_peak * level.gain <= ratio(ceiling_db)) return level;
    level.limited = true;
    for (int i = 0; i < tries; ++i) {  // limiting takes loudness away: the gain makes up for it
        const auto limited = listener.measure(level).integrated;
        if (!limited || std::fabs(target - *limited) < close_enough) break;
        level.gain = std::min(level.gain * ratio(target - *limited), ratio(most_gain_db));
    }
    return level;
}

}  // namespace tenon::render
