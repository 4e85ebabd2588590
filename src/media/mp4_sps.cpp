#include <media/mp4_nal.hpp>

#include "mp4_bits.hpp"

#include <algorithm>

namespace tenon::media::mp4 {
namespace {

constexpr std::uint32_t kMaxSide = 16'384;

struct Aspect {
    std::uint8_t h, v;
};
/// Table E-1 of H.264 and H.265.
constexpr Aspect kAspects[] = {{1, 1},   {1, 1},   {12, 11}, {10, 11}, {16, 11},  {40, 33}, {24, 11}, {20, 11}, {32, 11},
                               {80, 33}, {18, 11}, {15, 11}, {64, 33}, {160, 99}, {4, 3},   {3, 2},   {2, 1}};

/// The common beginning of both codecs' VUI: shape of samples and colours.
void read_vui(BitReader& r, PictureShape& shape) {
    if (r.bit()) {
        const auto index = r.bits(8);
        if (index == 255) {
            const auto h = r.bits(16), v = r.bits(16);
            if (h > 0 && v > 0) shape.aspect_h = h, shape.aspect_v = v;
        } else if (index < std::size(kAspects)) {
            shape.aspect_h = kAspects[index].h;
            shape.aspect_v = kAspects[index].v;
        }
    }
    if (r.bit()) r.skip(1);  // overscan
    if (r.bit()) {
        r.skip(3);
        shape.colour.full_range = r.bit() != 0;
        if (r.bit()) {
            shape.colour.primaries = static_cast<std::uint8_t>(r.bits(8));
            shape.colour.transfer = static_cast<std::uint8_t>(r.bits(8));
            shape.colour.matrix = static_cast<std::uint8_t>(r.bits(8));
        }
    }
}

void skip_scaling_list(BitReader& r, int size) {
    std::int32_t last = 8, next = 8;
    for (int i = 0; i < size; ++i) {
        if (next != 0) next = (last + r.se() + 256) % 256;
        last = next == 0 ? last : next;
    }
}

void set_size(PictureShape& shape, std::uint64_t width, std::uint64_t height, std::uint64_t crop_x, std::uint64_t crop_y) {
    if (width > kMaxSide || height > kMaxSide || crop_x >= width || crop_y >= height)
        throw Corrupt("A parameter set gives a picture size that makes no sense");
    shape.width = static_cast<std::uint32_t>(width - crop_x);
    shape.height = static_cast<std::uint32_t>(height - crop_y);
}

PictureShape read_avc(ByteSpan sps) {
    BitReader r(sps.subspan(1));
    PictureShape shape;
    const auto profile = r.bits(8);
    r.skip(16);
    r.ue();
    constexpr std::uint32_t high[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
    if (std::find(std::begin(high), std::end(high), profile) != std::end(high)) {
        shape.chroma_format = static_cast<std::uint8_t>(std::min(r.ue(), 3u));
        if (shape.chroma_format == 3) r.skip(1);
        shape.luma_depth = static_cast<std::uint8_t>(8 + std::min(r.ue(), 6u));
        shape.chroma_depth = static_cast<std::uint8_t>(8 + std::min(r.ue(), 6u));
        r.skip(1);
        if (r.bit())
            for (int i = 0; i < (shape.chroma_format == 3 ? 12 : 8); ++i)
                if (r.bit()) skip_scaling_list(r, i < 6 ? 16 : 64);
    }
    r.ue();
    const auto order = r.ue();
    if (order == 0) {
        r.ue();
    } else if (order == 1) {
        r.skip(1);
        r.se();
        r.se();
        auto cycle = r.ue();
        if (cycle > 255) throw Corrupt("A parameter set makes no sense");
        while (cycle-- > 0) r.se();
    }
    r.ue();
    r.skip(1);
    const std::uint64_t width = (std::uint64_t{r.ue()} + 1) * 16;
    const std::uint64_t units = std::uint64_t{r.ue()} + 1;
    const bool frames_only = r.bit();
    if (!frames_only) r.skip(1);
    r.skip(1);
    std::uint64_t crop_x = 0, crop_y = 0;
    if (r.bit()) {
        const std::uint64_t left = r.ue(), right = r.ue(), top = r.ue(), bottom = r.ue();
        crop_x = (left + right) * (shape.chroma_format == 1 || shape.chroma_format == 2 ? 2 : 1);
        crop_y = (top + bottom) * (shape.chroma_format == 1 ? 2 : 1) * (frames_only ? 1 : 2);
    }
    set_size(shape, width, units * 16 * (frames_only ? 1 : 2), crop_x, crop_y);
    if (r.bit()) read_vui(r, shape);
    return shape;
}

/// Leaves the VUI of H.265 unread: what precedes it needs most of the SPS parsed, and players take shape and colour from
/// the stream.
PictureShape read_hevc(ByteSpan sps) {
    if (sps.size() < 3) throw Corrupt("A parameter set ends too early");
    BitReader r(sps.subspan(2));
    PictureShape shape;
    r.skip(4);
    const auto layers = r.bits(3);
    r.skip(1 + 96);
    const std::uint32_t present = layers > 0 ? r.bits(16) : 0;
    for (std::uint32_t i = 0; i < layers; ++i) {
        const auto flags = present >> (14 - 2 * i) & 3;
        if (flags & 2) r.skip(88);
        if (flags & 1) r.skip(8);
    }
    r.ue();
    shape.chroma_format = static_cast<std::uint8_t>(std::min(r.ue(), 3u));
    if (shape.chroma_format == 3) r.skip(1);
    const std::uint64_t width = r.ue(), height = r.ue();
    std::uint64_t crop_x = 0, crop_y = 0;
    if (r.bit()) {
        const std::uint64_t left = r.ue(), right = r.ue(), top = r.ue(), bottom = r.ue();
        crop_x = (left + right) * (shape.chroma_format == 1 || shape.chroma_format == 2 ? 2 : 1);
        crop_y = (top + bottom) * (shape.chroma_format == 1 ? 2 : 1);
    }
    set_size(shape, width, height, crop_x, crop_y);
    shape.luma_depth = static_cast<std::uint8_t>(8 + std::min(r.ue(), 7u));
    shape.chroma_depth = static_cast<std::uint8_t>(8 + std::min(r.ue(), 7u));
    return shape;
}

}  // namespace

std::optional<PictureShape> picture_shape(const ParameterSets& sets) {
    for (const auto& set : sets.sets) {
        if (set.size() < 4) continue;
        if (sets.codec == Codec::h264 && (set[0] & 0x1f) == 7) return read_avc(set);
        if (sets.codec == Codec::hevc && (set[0] >> 1 & 0x3f) == 33) return read_hevc(set);
    }
    return {};
}

}  // namespace tenon::media::mp4
