#include "score.hpp"

#include <algorithm>
#include <cmath>

#include <exec/wait.hpp>
#include <media/decoder.hpp>
#include <media/likeness.hpp>
#include <media/time.hpp>
#include <tenon/error.hpp>

namespace tenon::render {
namespace {

std::int32_t rounded(double value) { return static_cast<std::int32_t>(std::lround(value)); }

/// H.264, Annex B: whether no other picture is made from this one.
bool disposable(const media::Packet& packet) {
    constexpr int type_mask = 0x1f, reference_mask = 0x60, first_slice = 1, last_slice = 5;
    const auto& bytes = packet.data;
    for (std::size_t i = 0; i + 3 < bytes.size(); ++i) {
        if (bytes[i] != 0 || bytes[i + 1] != 0 || bytes[i + 2] != 1) continue;
        const int head = bytes[i + 3], type = head & type_mask;
        if (type >= first_slice && type <= last_slice) return (head & reference_mask) == 0;
    }
    return false;
}

/// 1 at `good`, 0 at `bad`, straight between.
double part(double value, double good, double bad) { return std::clamp((value - bad) / (good - bad), 0.0, 1.0); }

}  // namespace

std::vector<std::int32_t> picked(const crypto::Digest& chunk, std::int64_t frames, Rational rate) {
    constexpr std::int64_t one_in = 20;
    const std::int64_t in_two_seconds = std::max<std::int64_t>(1, media::frame_at(std::chrono::seconds(2), rate));
    const std::int64_t count = std::max((frames + one_in - 1) / one_in, (frames + in_two_seconds - 1) / in_two_seconds);
    std::vector<std::int32_t> result;
    std::uint64_t state = 0;
    for (std::size_t i = 0; i < 8; ++i) state = state << 8 | chunk[i];
    for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t first = i * frames / count, end = (i + 1) * frames / count;
        state = state * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
        result.push_back(static_cast<std::int32_t>(first + static_cast<std::int64_t>((state >> 33) % static_cast<std::uint64_t>(end - first))));
    }
    return result;
}

Sampler::Sampler(const std::vector<std::int32_t>& frames) {
    for (const std::int32_t frame : frames) kept_.emplace(frame, Luma{});
}

void Sampler::look(std::int64_t number, const media::VideoFrame& composed) {
    const auto found = kept_.find(number);
    if (found == kept_.end()) return;
    const media::Plane plane = composed.plane(0);
    Luma& luma = found->second;
    luma.width = plane.width;
    luma.height = plane.height;
    luma.pixels.reserve(static_cast<std::size_t>(plane.width) * static_cast<std::size_t>(plane.height));
    for (std::int32_t y = 0; y < plane.height; ++y) {
        const std::uint8_t* row = plane.data + y * plane.stride;
        luma.pixels.insert(luma.pixels.end(), row, row + plane.width);
    }
}

std::vector<Sample> Sampler::compare(const media::StreamInfo& stream, const std::vector<media::Packet>& packets, const std::stop_token& stop) {
    constexpr double millionth = 1e6, thousandth = 1e3;
    // From the back: a packet is decoded if one that is looked at, up to the next key frame, may need it.
    std::vector<bool> needed(packets.size());
    bool wanted = false;
    for (std::size_t i = packets.size(); i-- > 0;) {
        const bool looked_at = kept_.contains(packets[i].pts.value_or(-1));
        wanted = wanted || looked_at;
        needed[i] = looked_at || (wanted && !disposable(packets[i]));
        if (packets[i].key) wanted = false;
    }
    std::vector<Sample> samples;
    media::VideoDecoder decoder(stream);
    const auto drain = [&] {
        while (const auto frame = decoder.receive()) {
            const auto found = kept_.find(frame->pts().value_or(-1));
            if (found == kept_.end()) continue;
            Luma& luma = found->second;
            const media::Likeness like = media::compare({luma.pixels.data(), luma.width, luma.width, luma.height}, frame->plane(0));
            samples.push_back({static_cast<std::int32_t>(found->first), rounded(like.ssim * millionth), rounded(like.psnr * thousandth),
                               rounded(std::min(like.blockiness, thousandth) * thousandth)});
        }
    };
    for (std::size_t i = 0; i < packets.size(); ++i) {
        if (!needed[i]) continue;
        exec::check_stop(stop);
        decoder.send(packets[i]);
        drain();
    }
    decoder.finish();
    drain();
    if (decoder.damaged_packets() > 0 || samples.size() != kept_.size())
        throw InternalError("what was encoded cannot be decoded", {.subject = "encoder"});
    return samples;
}

Quality quality(const std::vector<Sample>& samples, const media::Loudness& loudness, std::int32_t target) {
    constexpr double millionth = 1e-6, thousandth = 1e-3, ceiling = -1;
    if (samples.empty()) return {};
    Quality quality{.measured = true, .frames = static_cast<std::int64_t>(samples.size())};
    std::vector<double> ssim;
    double blockiness = 0;
    for (const Sample& sample : samples) {
        ssim.push_back(sample.ssim * millionth);
        quality.ssim += ssim.back();
        quality.psnr += sample.psnr * thousandth;
        blockiness += sample.blockiness * thousandth;
    }
    const auto count = static_cast<double>(samples.size());
    quality.ssim /= count;
    quality.psnr /= count;
    blockiness /= count;
    const auto low = ssim.begin() + static_cast<std::ptrdiff_t>(ssim.size() / 20);
    std::nth_element(ssim.begin(), low, ssim.end());
    quality.ssim_low = *low;

    double sum = 0, weights = 0;
    const auto add = [&](double weight, double value) {
        sum += weight * value;
        weights += weight;
    };
    add(0.30, part(quality.ssim, 0.98, 0.85));
    add(0.15, part(quality.ssim_low, 0.95, 0.75));
    add(0.10, part(quality.psnr, 42, 28));
    add(0.08, part(blockiness, 1.0, 1.6));
    if (target != 0 && loudness.integrated) {
        const double error = std::max(std::fabs(*loudness.integrated - target), 2 * (loudness.true_peak_db() - ceiling));
        add(0.10, part(error, 0.5, 4));
    }
    quality.score = sum / weights;
    return quality;
}

}  // namespace tenon::render
