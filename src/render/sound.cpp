#include "sound.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <media/decoder.hpp>
#include <media/input.hpp>
#include <tenon/error.hpp>

namespace tenon::render {
namespace {

// A codec's first block after a seek may be incomplete, and containers point only roughly.
constexpr Duration run_up = std::chrono::milliseconds(300);

/// Whether the second clip follows the first in the edit as it does in their source.
bool goes_on(const PlannedClip& first, const PlannedClip& second) {
    return first.source == second.source && first.end == second.start && first.in + (first.end - first.start) == second.in;
}

}  // namespace

std::int64_t sound_length(const Plan& plan, std::int32_t rate) { return sample_of(flicks_of_frame(plan.frames, plan.rate), rate); }

/// The sound of one source from some position on.
class Mixer::Voice {
public:
    Voice(const std::filesystem::path& file, Flicks in, std::int32_t rate, std::int32_t channels, std::stop_token stop)
        : input_(media::Input::open(file, {}, std::move(stop))), stream_(stream_of(input_, file)), decoder_(stream_, rate, channels), rate_(rate),
          origin_(media::origin_of(input_)) {
        const Flicks from = flicks_of(origin_) + in;
        position_ = sample_of(from, rate);
        input_.select({stream_.index});
        const Flicks early = from - flicks_of(run_up);
        const std::int64_t start = stream_.start ? stream_.start->ticks : 0;
        const std::int64_t ticks = media::rescale(early, flick, stream_.time_base, media::Rounding::down);
        if (ticks > start) input_.seek(stream_.index, ticks);
    }

    /// Adds the next samples, times `gain(i)`, to `target` from `offset` on.
    void add(media::AudioBlock& target, std::int64_t offset, std::int64_t count, const std::function<float(std::int64_t)>& gain) {
        for (std::int64_t done = 0; done < count;) {
            while (!ended_ && (!block_ || position_ >= block_->position + block_->samples())) fetch();
            if (ended_ && (!block_ || position_ >= block_->position + block_->samples())) break;
            if (position_ < block_->position) {   // a gap in the source: silence
                const std::int64_t gap = std::min(count - done, block_->position - position_);
                done += gap;
                position_ += gap;
                continue;
            }
            const std::int64_t from = position_ - block_->position;
            const std::int64_t some = std::min(count - done, block_->samples() - from);
            for (std::size_t c = 0; c < target.channels.size(); ++c) {
                const float* source = block_->channels[c].data() + from;
                float* out = target.channels[c].data() + offset + done;
                for (std::int64_t i = 0; i < some; ++i) out[i] += source[i] * gain(offset + done + i);
            }
            done += some;
            position_ += some;
        }
    }

    const media::Damages& damages() const { return damages_; }

private:
    static media::StreamInfo stream_of(const media::Input& input, const std::filesystem::path& file) {
        if (input.audio() == nullptr) throw Conflict("the asset has lost its sound", {.subject = file.native()});
        return *input.audio();
    }

    void fetch() {
        for (;;) {
            if ((block_ = decoder_.receive())) return judge();
            if (finished_) {
                ended_ = true;
                return judge_end();
            }
            if (const auto packet = input_.next()) {
                broken_ = broken_ || packet->damaged;
                decoder_.send(*packet);
            } else {
                finished_ = true;
                decoder_.finish();
            }
        }
    }

    Duration time_of(std::int64_t sample) const { return media::to_duration({sample, {1, rate_}}) - origin_; }
    void report(std::int64_t from, std::int64_t to) { media::add(damages_, {std::max(Duration{}, time_of(from)), time_of(to)}); }

    /// What was refused before this block is the gap in front of it, or the block itself where the codec filled it.
    void judge() {
        const std::int64_t refused = decoder_.damaged_packets(), end = block_->position + block_->samples();
        // A joint of two recordings looks broken to the container too, and has a gap of a codec's frame or two.
        const bool lost = std::exchange(broken_, false) && heard_until_ && block_->position - *heard_until_ > rate_ / 10;
        if ((refused != refused_ || lost) && heard_until_)
            report(std::min(*heard_until_, block_->position), block_->position > *heard_until_ ? block_->position : end);
        refused_ = refused;
        heard_until_ = end;
    }

    /// Sound that its header promised and that is not there.
    void judge_end() {
        constexpr std::int64_t rounding = 10;   // a tenth of a second: containers round, codecs pad
        if (!heard_until_) return;
        const bool refused = decoder_.damaged_packets() != refused_;
        if (!stream_.duration || !stream_.start) return;
        const std::int64_t told =
            media::rescale(stream_.start->ticks + stream_.duration->ticks, stream_.time_base, {1, rate_}, media::Rounding::down);
        if (refused || told - *heard_until_ > rate_ / rounding) report(*heard_until_, told);
    }

    media::Input input_;
    media::StreamInfo stream_;
    media::AudioDecoder decoder_;
    std::int32_t rate_;
    Duration origin_;
    media::Damages damages_{};
    std::int64_t refused_ = 0;
    bool broken_ = false;   // the container called a packet broken
    std::optional<std::int64_t> heard_until_{};
    std::optional<media::AudioBlock> block_{};
    std::int64_t position_ = 0;
    bool finished_ = false, ended_ = false;
};

Mixer::Mixer(const Plan& plan, const std::vector<std::filesystem::path>& files, std::int32_t rate, std::int32_t channels,
             std::stop_token stop)
    : plan_(plan), files_(files), rate_(rate), channels_(channels), stop_(std::move(stop)), voices_(plan.clips.size()) {}
Mixer::~Mixer() = default;

void Mixer::collect(std::size_t index, std::vector<PieceDamage>& into) const {
    const PlannedClip& clip = plan_.clips[index];
    for (const media::Damage& one : media::within(voices_[index]->damages(), duration_of(clip.in), duration_of(clip.in + clip.end - clip.start)))
        into.push_back({static_cast<std::uint32_t>(clip.source), true, one});
}

std::vector<PieceDamage> Mixer::damage() const {
    std::vector<PieceDamage> all = past_;
    for (std::size_t i = 0; i < voices_.size(); ++i)
        if (voices_[i]) collect(i, all);
    return all;
}

void Mixer::add(std::size_t index, media::AudioBlock& block) {
    const PlannedClip& clip = plan_.clips[index];
    if (!plan_.sources[clip.source].has_sound) return;
    const std::int64_t start = sample_of(clip.start, rate_), end = sample_of(clip.end, rate_);
    const std::int64_t block_end = block.position + block.samples();
    if (end <= block.position || start >= block_end) {
        if (end <= block.position && voices_[index]) {
            collect(index, past_);
            voices_[index].reset();
        }
        return;
    }
    auto& voice = voices_[index];
    if (!voice) voice = std::make_unique<Voice>(files_[clip.source], clip.in, rate_, channels_, stop_);

    // Equal power: the squares of both gains add up to one.
    const std::int64_t faded_in = index > 0 ? std::max(start, sample_of(plan_.clips[index - 1].end, rate_)) : start;
    const std::int64_t fade_out = index + 1 < plan_.clips.size() ? std::min(end, sample_of(plan_.clips[index + 1].start, rate_)) : end;
    const auto part = [](std::int64_t k, std::int64_t n) {
        return static_cast<float>(std::sqrt((static_cast<double>(k) + 0.5) / static_cast<double>(n)));
    };
    // A hard cut into sound clicks: a millisecond takes the edge off, unless the same sound goes on.
    const std::int64_t soft = rate_ / 1'000;
    const bool soft_in = clip.in > 0 && faded_in == start && !(index > 0 && goes_on(plan_.clips[index - 1], clip));
    const bool soft_out = fade_out == end && !(index + 1 < plan_.clips.size() && goes_on(clip, plan_.clips[index + 1]));
    const auto ramp = [&](std::int64_t k) { return (static_cast<float>(k) + 0.5F) / static_cast<float>(soft); };
    const auto gain = [&](std::int64_t i) {
        const std::int64_t at = block.position + i;
        float value = 1;
        if (soft_in && at < start + soft) value *= ramp(at - start);
        if (soft_out && at >= end - soft) value *= ramp(end - 1 - at);
        if (at < faded_in) value *= part(at - start, faded_in - start);
        if (at >= fade_out) value *= part(end - 1 - at, end - fade_out);
        return value;
    };
    const std::int64_t from = std::max(start, block.position), to = std::min(end, block_end);
    voice->add(block, from - block.position, to - from, gain);
}

media::AudioBlock Mixer::next(std::int64_t count) {
    media::AudioBlock block{position_, std::vector<std::vector<float>>(static_cast<std::size_t>(channels_),
                                                                       std::vector<float>(static_cast<std::size_t>(count)))};
    for (std::size_t i = 0; i < plan_.clips.size(); ++i) add(i, block);
    position_ += count;
    return block;
}

}  // namespace tenon::render
