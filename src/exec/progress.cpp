#include <exec/progress.hpp>

#include <algorithm>
#include <cmath>
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
constexpr double rate_memory = 3e6;  // in microseconds: what was longer ago than that counts for little
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

    /// An average over time in which what was longer ago counts less and less.
    struct Rate {
        double average = 0;      // a microsecond
        std::int64_t count = 0;  // when it was that
    };

    explicit State(std::shared_ptr<const base::Clock> c) : clock(std::move(c)) {}

    const std::shared_ptr<const base::Clock> clock;
    std::mutex mutex;  // guards all below
    std::string stage, unit;
    double before = 0;  // the shares of the stages that ended
    double share = 0;
    std::int64_t done = 0, total = 0, files = 0;
    std::int64_t found = 0;             // of done: by an earlier run
    Duration stage_from{}, rated_at{};  // since when the stage is, and until when its rates are those below
    Rate units, of_files;
    double shown = 0;  // the most that was ever reported
    bool over = false;
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
        units = moved(units, done - found, now);
        of_files = moved(of_files, files, now);
        rated_at = now;
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

    /// What a rate is by now, of something of which there is so much.
    Rate moved(const Rate& rate, std::int64_t count, Duration now) const {
        const auto passed = static_cast<double>((now - rated_at).count());
        if (passed <= 0) return rate;
        const auto kept = std::exp(-passed / rate_memory);
        return {rate.average * kept + (1 - kept) * static_cast<double>(count - rate.count) / passed, count};
    }
    double a_second(const Rate& rate, std::int64_t count) const {
        const auto now = clock->monotonic();
        if (stage.empty() || over || now - stage_from < least_history) return 0;
        // Nothing was known before the stage: its first seconds weigh as much as they are.
        const auto known = 1 - std::exp(-static_cast<double>((now - stage_from).count()) / rate_memory);
        return moved(rate, count, now).average / known * 1e6;
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
    s.done = s.found = s.files = 0;
    s.total = std::max<std::int64_t>(total, 0);
    s.sample();
    s.units = s.of_files = {};
    s.stage_from = s.rated_at = s.clock->monotonic();
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
    state_->found += by;
    const double gained = state_->fraction() - before;
    for (auto& sample : state_->samples) sample.fraction += gained;
    state_->sample();
}

void ProgressState::files(std::int64_t by) {
    const std::lock_guard lock(state_->mutex);
    state_->files += by;
    state_->sample();
}

void ProgressState::finish() {
    const std::lock_guard lock(state_->mutex);
    state_->before = 1;
    state_->share = 0;
    state_->shown = 1;
    state_->over = true;
}

tenon::Progress ProgressState::snapshot() const {
    const std::lock_guard lock(state_->mutex);
    auto& s = *state_;
    const double fraction = s.fraction();
    s.sample();
    return {.percent = fraction * 100, .stage = s.stage, .done = s.done, .total = s.total, .unit = s.unit, .eta = s.eta(),
            .per_second = s.a_second(s.units, s.done - s.found), .files = s.files, .files_per_second = s.a_second(s.of_files, s.files)};
}

}  // namespace tenon::exec
