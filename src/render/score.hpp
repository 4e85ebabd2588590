#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <crypto/hash.hpp>
#include <media/encoder.hpp>
#include <media/frame.hpp>
#include <media/loudness.hpp>
#include <media/packet.hpp>
#include <render/renderer.hpp>

namespace tenon::render {

/// How one encoded picture compares with the one that was composed; whole numbers, since they are kept in pieces.
struct Sample {
    std::int32_t frame = 0;        ///< Of its chunk.
    std::int32_t ssim = 0;         ///< Millionths.
    std::int32_t psnr = 0;         ///< Thousandths of a decibel.
    std::int32_t blockiness = 0;   ///< Thousandths.
};

/// Which pictures of a chunk are looked at: the more of one in twenty and one in two seconds, spread evenly and picked by
/// the chunk's id, so that they are the same in every run.
std::vector<std::int32_t> picked(const crypto::Digest& chunk, std::int64_t frames, Rational rate);

/// Keeps what was composed until it can be compared.
class Sampler {
public:
    explicit Sampler(const std::vector<std::int32_t>& frames);
    /// `number` counts from 0.
    void look(std::int64_t number, const media::VideoFrame& composed);
    /// Decodes what became of the pictures, and of others only what they need.
    std::vector<Sample> compare(const media::StreamInfo& stream, const std::vector<media::Packet>& packets, const std::stop_token& stop);

private:
    struct Luma {
        std::vector<std::uint8_t> pixels{};
        std::int32_t width = 0, height = 0;
    };
    std::map<std::int64_t, Luma> kept_;
};

/// 0 to 1. `target`: LUFS asked for, 0 if none.
Quality quality(const std::vector<Sample>& samples, const media::Loudness& loudness, std::int32_t target);

}  // namespace tenon::render
