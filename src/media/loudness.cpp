#include <media/loudness.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include <ebur128.h>

#include <media/decoder.hpp>
#include <media/input.hpp>
#include <tenon/error.hpp>

namespace tenon::media {
namespace {

struct MeterFree {
    void operator()(ebur128_state* state) const { ebur128_destroy(&state); }
};

void checked_meter(int code) {
    if (code == EBUR128_ERROR_NOMEM) throw Unavailable("there is not enough memory to measure loudness");
    if (code != EBUR128_SUCCESS) throw InternalError("loudness cannot be measured");
}

}  // namespace

double Loudness::true_peak_db() const {
    constexpr double least = 1e-6;
    return 20 * std::log10(std::max(true_peak, least));
}

struct LoudnessMeter::Impl {
    std::unique_ptr<ebur128_state, MeterFree> state;
    std::vector<float> interleaved{};
};

LoudnessMeter::LoudnessMeter(std::int32_t rate, std::int32_t channels) : impl_(new Impl{}) {
    impl_->state.reset(ebur128_init(static_cast<unsigned>(channels), static_cast<unsigned long>(rate),
                                    EBUR128_MODE_I | EBUR128_MODE_LRA | EBUR128_MODE_TRUE_PEAK | EBUR128_MODE_HISTOGRAM));
    if (!impl_->state) throw Unavailable("there is not enough memory to measure loudness");
}
LoudnessMeter::LoudnessMeter(LoudnessMeter&&) noexcept = default;
LoudnessMeter& LoudnessMeter::operator=(LoudnessMeter&&) noexcept = default;
LoudnessMeter::~LoudnessMeter() = default;

void LoudnessMeter::add(const AudioBlock& block) {
    const std::size_t channels = block.channels.size(), samples = static_cast<std::size_t>(block.samples());
    if (channels != impl_->state->channels) throw InternalError("a meter was shown another number of channels than it measures");
    impl_->interleaved.resize(channels * samples);
    for (std::size_t c = 0; c < channels; ++c)
        for (std::size_t i = 0; i < samples; ++i) impl_->interleaved[i * channels + c] = block.channels[c][i];
    checked_meter(ebur128_add_frames_float(impl_->state.get(), impl_->interleaved.data(), samples));
}

Loudness LoudnessMeter::result() const {
    Loudness loudness;
    double integrated = 0;
    checked_meter(ebur128_loudness_global(impl_->state.get(), &integrated));
    if (std::isfinite(integrated)) loudness.integrated = integrated;
    checked_meter(ebur128_loudness_range(impl_->state.get(), &loudness.range));
    for (unsigned c = 0; c < impl_->state->channels; ++c) {
        double peak = 0;
        checked_meter(ebur128_true_peak(impl_->state.get(), c, &peak));
        loudness.true_peak = std::max(loudness.true_peak, peak);
    }
    return loudness;
}

Loudness measure_loudness(const std::filesystem::path& path, std::int32_t rate, std::int32_t channels, const std::stop_token& stop,
                          const std::function<void(std::int64_t)>& heard) {
    Input input = Input::open(path, {}, stop);
    LoudnessMeter meter(rate, channels);
    if (input.audio() == nullptr) return meter.result();
    const StreamInfo stream = *input.audio();
    input.select({stream.index});
    AudioDecoder decoder(stream, rate, channels);
    const auto drain = [&] {
        while (const auto block = decoder.receive()) {
            meter.add(*block);
            if (heard) heard(block->samples());
        }
    };
    while (const auto packet = input.next()) {
        decoder.send(*packet);
        drain();
    }
    decoder.finish();
    drain();
    return meter.result();
}

}  // namespace tenon::media
