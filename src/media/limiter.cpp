#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <numbers>
#include <vector>

#include <media/loudness.hpp>

namespace tenon::media {
namespace {

constexpr int phases = 4, taps = 16;  // BS.1770 asks for four times the rate at least

using Kernel = std::array<std::array<float, taps>, phases>;

/// Windowed sinc: phase p gives the value p/4 of a sample behind the middle of its taps.
Kernel interpolator() {
    constexpr double pi = std::numbers::pi;
    Kernel kernel{};
    for (int p = 0; p < phases; ++p) {
        double sum = 0;
        for (int t = 0; t < taps; ++t) {
            const double x = t - (taps / 2 - 1) - static_cast<double>(p) / phases;
            const double at = (x + taps / 2.0) / taps;
            const double window = 0.42 - 0.5 * std::cos(2 * pi * at) + 0.08 * std::cos(4 * pi * at);
            const double sinc = x == 0 ? 1 : std::sin(pi * x) / (pi * x);
            kernel[static_cast<std::size_t>(p)][static_cast<std::size_t>(t)] = static_cast<float>(window * sinc);
            sum += window * sinc;
        }
        for (float& value : kernel[static_cast<std::size_t>(p)]) value = static_cast<float>(value / sum);
    }
    return kernel;
}

}  // namespace

struct Limiter::Impl {
    double ceiling;
    std::int64_t ahead;  // length of the look-ahead, samples
    double recovery;     // share of the missing gain that comes back with each sample
    Kernel kernel = interpolator();
    std::vector<std::vector<float>> line{};         // by channel: ring of samples that wait
    std::vector<std::array<float, taps>> recent{};  // by channel: what the interpolator sees, newest last
    struct Low {
        std::int64_t at;
        double gain;
    };
    std::deque<Low> lows{};        // rising gains, within the look-ahead: the first is the least
    std::vector<double> smooth{};  // ring of the last `ahead` held gains …
    double sum = 0;                // … and what they add up to
    double held = 1;
    std::int64_t at = 0;

    Impl(std::int32_t rate, std::int32_t channels, double limit)
        : ceiling(limit), ahead(std::max<std::int64_t>(1, rate / 200)), recovery(1 - std::exp(-1.0 / (0.05 * rate))),
          line(static_cast<std::size_t>(channels), std::vector<float>(static_cast<std::size_t>(wait()))),
          recent(static_cast<std::size_t>(channels)), smooth(static_cast<std::size_t>(ahead), 1.0), sum(static_cast<double>(ahead)) {}

    // A sample's own peaks are known once half of the taps lie behind it.
    std::int64_t wait() const { return ahead + taps / 2; }

    double peak_after(std::size_t channel, float sample) {
        auto& seen = recent[channel];
        std::move(seen.begin() + 1, seen.end(), seen.begin());
        seen.back() = sample;
        float loudest = 0;
        for (const float value : seen) loudest = std::max(loudest, std::fabs(value));
        // The taps' absolute values add up to less than three: below a third nothing can reach the ceiling.
        if (static_cast<double>(loudest) * 3 < ceiling) return static_cast<double>(loudest);
        float peak = 0;
        for (const auto& phase : kernel) {
            float value = 0;
            for (std::size_t t = 0; t < taps; ++t) value += phase[t] * seen[t];
            peak = std::max(peak, std::fabs(value));
        }
        return static_cast<double>(peak);
    }

    /// The gain for the sample that leaves now.
    double gain_for(double peak) {
        const double wanted = peak > ceiling ? ceiling / peak : 1;
        while (!lows.empty() && lows.back().gain >= wanted) lows.pop_back();
        lows.push_back({at, wanted});
        while (lows.front().at <= at - ahead - 2) lows.pop_front();  // a peak lies between two samples
        held = std::min(lows.front().gain, held + (1 - held) * recovery);
        double& place = smooth[static_cast<std::size_t>(at % ahead)];
        sum += held - place;
        place = held;
        return std::min(1.0, sum / static_cast<double>(ahead));
    }
};

Limiter::Limiter(std::int32_t rate, std::int32_t channels, double ceiling) : impl_(new Impl(rate, channels, ceiling)) {}
Limiter::Limiter(Limiter&&) noexcept = default;
Limiter& Limiter::operator=(Limiter&&) noexcept = default;
Limiter::~Limiter() = default;

std::int64_t Limiter::delay() const { return impl_->wait(); }

void Limiter::process(AudioBlock& block) {
    Impl& impl = *impl_;
    const std::int64_t samples = block.samples(), wait = impl.wait();
    for (std::int64_t i = 0; i < samples; ++i, ++impl.at) {
        double peak = 0;
        for (std::size_t c = 0; c < impl.line.size(); ++c) peak = std::max(peak, impl.peak_after(c, block.channels[c][static_cast<std::size_t>(i)]));
        const auto gain = static_cast<float>(impl.gain_for(peak));
        for (std::size_t c = 0; c < impl.line.size(); ++c) {
            float& place = impl.line[c][static_cast<std::size_t>(impl.at % wait)];
            float& sample = block.channels[c][static_cast<std::size_t>(i)];
            const float in = sample;
            sample = place * gain;
            place = in;
        }
    }
}

}  // namespace tenon::media
