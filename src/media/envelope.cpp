#include <media/envelope.hpp>

#include <algorithm>
#include <cmath>

#include <media/decoder.hpp>
#include <tenon/error.hpp>

namespace tenon::media {
namespace {

// Fine enough for the most points that can be asked for; when it is full, neighbours are merged.
constexpr std::size_t most_buckets = std::size_t{1} << 18;
constexpr int finest = 4;                                    // samples of a bucket before any merging, as a power of two
constexpr Duration run_up = std::chrono::milliseconds(300);  // a codec's first block after a seek may be incomplete

struct Bucket {
    float least = 0, most = 0;
    double squares = 0;

    void add(float value) {
        least = std::min(least, value);
        most = std::max(most, value);
        squares += double{value} * value;
    }
    void add(const Bucket& other) {
        least = std::min(least, other.least);
        most = std::max(most, other.most);
        squares += other.squares;
    }
};

/// Grows with the sound, in bounded memory: its buckets become coarser as it gets longer.
class Buckets {
public:
    explicit Buckets(std::int32_t channels) : channels_(static_cast<std::size_t>(channels)) {}

    void add(const AudioBlock& block, std::int64_t from, std::int64_t to, std::int64_t position) {
        reach(position + to - from);
        for (std::size_t c = 0; c < channels_; ++c)
            for (std::int64_t i = from; i < to; ++i)
                buckets_[static_cast<std::size_t>((position + i - from) >> shift_) * channels_ + c].add(
                    block.channels[c][static_cast<std::size_t>(i)]);
    }

    /// One point for each.
    Envelope points() const {
        Envelope result{.channels = static_cast<std::int32_t>(channels_), .samples = samples_, .samples_per_point = std::int64_t{1} << shift_};
        for (std::size_t i = 0; i < buckets_.size(); ++i) {
            const std::int64_t heard = result.samples_in(static_cast<std::int64_t>(i / channels_));
            result.minimum.push_back(buckets_[i].least);
            result.maximum.push_back(buckets_[i].most);
            result.rms.push_back(static_cast<float>(std::sqrt(buckets_[i].squares / static_cast<double>(heard))));
        }
        return result;
    }

private:
    std::int64_t count() const { return ((samples_ - 1) >> shift_) + 1; }

    void reach(std::int64_t samples) {
        samples_ = std::max(samples_, samples);
        while (count() > static_cast<std::int64_t>(most_buckets)) merge();
        buckets_.resize(static_cast<std::size_t>(count()) * channels_);
    }

    void merge() {
        std::vector<Bucket> halved((buckets_.size() / channels_ + 1) / 2 * channels_);
        for (std::size_t i = 0; i < buckets_.size() / channels_; ++i)
            for (std::size_t c = 0; c < channels_; ++c) halved[i / 2 * channels_ + c].add(buckets_[i * channels_ + c]);
        buckets_ = std::move(halved);
        ++shift_;
    }

    std::size_t channels_;
    int shift_ = finest;
    std::int64_t samples_ = 0;
    std::vector<Bucket> buckets_;
};

}  // namespace

float Envelope::peak() const {
    float peak = 0;
    for (const float value : minimum) peak = std::max(peak, -value);
    for (const float value : maximum) peak = std::max(peak, value);
    return peak;
}

Envelope Envelope::coarser(std::int64_t most) const {
    const std::int64_t count = points(), together = (count + most - 1) / std::max<std::int64_t>(1, most);
    if (together <= 1) return *this;
    Envelope result{.rate = rate, .channels = channels, .samples = samples, .samples_per_point = samples_per_point * together};
    for (std::int64_t first = 0; first < count; first += together)
        for (std::int32_t c = 0; c < channels; ++c) {
            float least = 0, loudest = 0;
            double squares = 0;
            for (std::int64_t point = first; point < std::min(first + together, count); ++point) {
                const auto i = static_cast<std::size_t>(point * channels + c);
                least = std::min(least, minimum[i]);
                loudest = std::max(loudest, maximum[i]);
                squares += double{rms[i]} * rms[i] * static_cast<double>(samples_in(point));
            }
            result.minimum.push_back(least);
            result.maximum.push_back(loudest);
            result.rms.push_back(static_cast<float>(std::sqrt(squares / static_cast<double>(result.samples_in(first / together)))));
        }
    return result;
}

Envelope envelope(const std::filesystem::path& path, const EnvelopeOptions& options, const std::stop_token& stop) {
    constexpr std::int32_t rate = 48'000;
    constexpr Rational microsecond{1, 1'000'000}, sample{1, rate};
    if (options.points < 1 || options.points > most_points) throw InvalidArgument("a waveform has 1 to 100000 points", {.subject = "points"});
    if (options.start.count() < 0 || options.end.count() < 0 || (options.end.count() > 0 && options.end <= options.start))
        throw InvalidArgument("a waveform ends after it begins", {.subject = "end"});
    Input input = Input::open(path, options.limits, stop);
    if (input.audio() == nullptr) throw Unsupported("the file has no sound", {.subject = path.native()});
    const StreamInfo stream = *input.audio();
    const std::int32_t channels = options.channels > 0 ? std::min(options.channels, 2) : std::clamp(stream.channels, 1, 2);
    const Duration zero = origin_of(input);
    const std::int64_t first = rescale((zero + options.start).count(), microsecond, sample, Rounding::nearest);
    const std::optional<std::int64_t> last =
        options.end.count() > 0 ? std::optional(rescale((zero + options.end).count(), microsecond, sample, Rounding::nearest)) : std::nullopt;
    input.select({stream.index});
    const std::int64_t early = rescale((zero + options.start - run_up).count(), microsecond, stream.time_base, Rounding::down);
    if (early > (stream.start ? stream.start->ticks : 0)) input.seek(stream.index, early);

    AudioDecoder decoder(stream, rate, channels);
    Buckets buckets(channels);
    bool past = false;
    const auto drain = [&] {
        while (const auto block = decoder.receive()) {
            const std::int64_t from = std::clamp<std::int64_t>(first - block->position, 0, block->samples());
            const std::int64_t to = last ? std::clamp<std::int64_t>(*last - block->position, from, block->samples()) : block->samples();
            if (to > from) buckets.add(*block, from, to, block->position + from - first);
            past = past || (last && block->position + block->samples() >= *last);
        }
    };
    while (!past) {
        const auto packet = input.next();
        if (!packet) break;
        decoder.send(*packet);
        drain();
    }
    if (!past) {
        decoder.finish();
        drain();
    }
    return buckets.points().coarser(options.points);
}

}  // namespace tenon::media
