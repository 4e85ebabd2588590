#include <exec/progress.hpp>

#include <algorithm>
#include <deque>
#include <mutex>
#include <string>

#include <exec/progress_state.hpp>

namespace tenon::exec {
namespace {

class NoProgress final : public ProgressSink {
    void stage(std::string_view, double, std::int64_t, std::string_view) override {}
    void total(std::int64_t) override {}
    void advance(std::int64_t) override {}
};

constexpr Duration window = std::chrono::seconds(10);
constexpr Duration sample_every = std::chrono::milliseconds(250);
constexpr Duration least_history = std::chrono::milliseconds(500);
constexpr double longest_eta = 1e6 * 3600 * 24 * 365;  // a year in microseconds: beyond that it is not an estimate

}  // namespace

ProgressSink& no_progress() {
    static NoProgress none;
    return none;
}

struct ProgressState::State {
    struct Sample {
        Duration time;
        double fraction;
    };

    explicit State(std::shared_ptr<const base::Clock> c) : clock(std::move(c)) {}

    const std::shared_ptr<const base::Clock> clock;
    std::mutex mutex;  // guards all below
    std::string stage, unit;
    double before = 0;  // the shares of the stages that ended
    double share = 0;
    std::int64_t done = 0, total = 0;
    double shown = 0;  // the most that was ever reported
    std::deque<Sample> samples;

    double fraction() {
        const double part = total > 0 ? std::min(1.0, static_cast<double>(done) / static_cast<double>(total)) : 0;
        shown = std::max(shown, std::clamp(before + share * part, 0.0, 1.0));
        return shown;
    }

    // Keeps one sample older than the window: the rate is measured from there.
    void sample() {
        const auto now = clock->monotonic();
        if (!samples.empty() && now - samples.back().time < sample_every) return;
        samples.push_back({now, fraction()});
        while (samples.size() > 2 && now - samples[1].time >= window) samples.pop_front();
    }

    std::optional<Duration> eta() {
        if (shown >= 1) return Duration::zero();
        if (samples.empty()) return {};
        const auto& from = samples.front();
        const auto elapsed = clock->monotonic() - from.time;
        const auto gained = shown - from.fraction;
        if (elapsed < least_history || gained <= 0) return {};
        const double left = (1 - shown) / gained * static_cast<double>(elapsed.count());
        if (left > longest_eta) return {};
        return Duration{static_cast<std::int64_t>(left)};
    }
};

ProgressState::ProgressState(std::shared_ptr<const base::Clock> clock) : state_(new State(std::move(clock))) {}
ProgressState::~ProgressState() = default;

void ProgressState::stage(std::string_view name, double share, std::int64_t total, std::string_view unit) {
    const std::lock_guard lock(state_->mutex);
    auto& s = *state_;
    s.before = std::min(1.0, s.before + s.share);
    s.share = std::clamp(share, 0.0, 1.0);
    s.stage = name;
    s.unit = unit;
    s.done = 0;
    s.total = std::max<std::int64_t>(total, 0);
    s.sample();
}

void ProgressState::total(std::int64_t value) {
    const std::lock_guard lock(state_->mutex);
    state_->total = std::max<std::int64_t>(value, 0);
    state_->sample();
}

void ProgressState::advance(std::int64_t by) {
    const std::lock_guard lock(state_->mutex);
    state_->done += by;
    state_->sample();
}

void ProgressState::found(std::int64_t by) {
    const std::lock_guard lock(state_->mutex);
    const double before = state_->fraction();
    state_->done += by;
    const double gained = state_->fraction() - before;
    for (auto& sample : state_->samples) sample.fraction += gained;
    state_->sample();
}

void ProgressState::finish() {
    const std::lock_guard lock(state_->mutex);
    state_->before = 1;
    state_->share = 0;
    state_->shown = 1;
}

tenon::Progress ProgressState::snapshot() const {
    const std::lock_guard lock(state_->mutex);
    auto& s = *state_;
    const double fraction = s.fraction();
    s.sample();
    return {.percent = fraction * 100, .stage = s.stage, .done = s.done, .total = s.total, .unit = s.unit, .eta = s.eta()};
}

}  // namespace tenon::exec
