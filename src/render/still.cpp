#include <render/still.hpp>

#include <algorithm>
#include <vector>

#include <media/frame_reader.hpp>
#include <media/scaler.hpp>
#include <tenon/error.hpp>

namespace tenon::render {
namespace {

constexpr std::int64_t million = 1'000'000;
constexpr std::int32_t channels = 4;

/// What one pixel of the result takes from the pixels of a row or column: a box of its own width, at least one pixel
/// wide, so that enlarging blends neighbours. Weights add up to 65536.
struct Taps {
    std::int32_t first = 0;
    std::vector<std::uint32_t> weights{};
};

std::vector<Taps> taps(std::int32_t from, std::int32_t to) {
    constexpr std::int64_t one = 1 << 16;
    std::vector<Taps> all(static_cast<std::size_t>(to));
    const std::int64_t step = from * one / to, half = std::max(step, one) / 2;
    for (std::int64_t i = 0; i < to; ++i) {
        const std::int64_t middle = (2 * i + 1) * from * one / (2 * to), begin = middle - half, end = middle + half;
        Taps& t = all[static_cast<std::size_t>(i)];
        t.first = static_cast<std::int32_t>(std::max<std::int64_t>(0, begin >> 16));
        std::int64_t sum = 0;
        for (std::int64_t at = t.first; at < from && at * one < end; ++at) {
            const std::int64_t covered = std::min(end, (at + 1) * one) - std::max(begin, at * one);
            sum += covered;
            t.weights.push_back(static_cast<std::uint32_t>(covered));
        }
        std::int64_t given = 0;
        for (std::uint32_t& weight : t.weights) {
            weight = static_cast<std::uint32_t>(weight * one / sum);
            given += weight;
        }
        t.weights[t.weights.size() / 2] += static_cast<std::uint32_t>(one - given);
    }
    return all;
}

/// Premultiplied B, G, R, A of every pixel: what is transparent has no say in the colour beside it.
std::vector<std::uint8_t> premultiplied(const media::VideoFrame& still) {
    const media::Plane plane = still.plane(0);
    std::vector<std::uint8_t> out(static_cast<std::size_t>(plane.width) * static_cast<std::size_t>(plane.height) * channels);
    std::uint8_t* to = out.data();
    for (std::int32_t y = 0; y < plane.height; ++y) {
        const std::uint8_t* from = plane.data + y * plane.stride;
        for (std::int32_t x = 0; x < plane.width; ++x, from += channels, to += channels) {
            const auto times = [alpha = from[3]](std::uint8_t value) { return static_cast<std::uint8_t>((value * alpha + 127) / 255); };
            to[0] = times(from[2]);
            to[1] = times(from[1]);
            to[2] = times(from[0]);
            to[3] = from[3];
        }
    }
    return out;
}

std::vector<std::uint8_t> resized(const std::vector<std::uint8_t>& in, std::int32_t width, std::int32_t height, std::int32_t to_width,
                                  std::int32_t to_height) {
    constexpr std::uint32_t half = 1 << 15;
    const auto across = taps(width, to_width), down = taps(height, to_height);
    const std::size_t in_row = static_cast<std::size_t>(width) * channels, row = static_cast<std::size_t>(to_width) * channels;
    std::vector<std::uint8_t> narrow(row * static_cast<std::size_t>(height)), out(row * static_cast<std::size_t>(to_height));
    for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y)
        for (std::size_t x = 0; x < across.size(); ++x)
            for (std::size_t c = 0; c < channels; ++c) {
                std::uint32_t sum = half;
                const std::uint8_t* from = in.data() + y * in_row + static_cast<std::size_t>(across[x].first) * channels + c;
                for (const std::uint32_t weight : across[x].weights) sum += weight * *from, from += channels;
                narrow[y * row + x * channels + c] = static_cast<std::uint8_t>(sum >> 16);
            }
    for (std::size_t y = 0; y < down.size(); ++y)
        for (std::size_t x = 0; x < row; ++x) {
            std::uint32_t sum = half;
            const std::uint8_t* from = narrow.data() + static_cast<std::size_t>(down[y].first) * row + x;
            for (const std::uint32_t weight : down[y].weights) sum += weight * *from, from += row;
            out[y * row + x] = static_cast<std::uint8_t>(sum >> 16);
        }
    return out;
}

std::int32_t even_down(std::int64_t value) { return static_cast<std::int32_t>(value - (value & 1)); }

}  // namespace

media::VideoFrame read_still(const std::filesystem::path& path, std::stop_token stop) {
    constexpr std::int64_t most_pixels = 32 << 20;
    media::FrameReader reader(path, {.pixels = most_pixels}, {.pixels = most_pixels}, std::move(stop));
    const media::VideoFrame picture = reader.at(Duration{});
    media::Scaler scaler;
    return scaler.convert(picture, picture.width(), picture.height(), media::PixelFormat::rgba);
}

media::Rect place_of_still(std::int32_t still_width, std::int32_t still_height, const Placement& placement, std::int32_t width,
                           std::int32_t height) {
    constexpr std::int64_t lines = 1'080;
    const std::int64_t own_width = still_width, own_height = still_height;
    const std::int64_t own = (own_width * std::min(width, height) + lines / 2) / lines;
    std::int64_t w = placement.width > 0 ? (placement.width * width + million / 2) / million : own;
    w = std::clamp<std::int64_t>(w, 2, width);
    std::int64_t h = (w * own_height + own_width / 2) / own_width;
    if (h > height) {
        h = height;
        w = (h * own_width + own_height / 2) / own_height;
    }
    // Even sides: half a pixel is nothing that could be seen.
    const std::int32_t to_width = std::max(2, even_down(w + 1)), to_height = std::max(2, even_down(h + 1));
    const auto place = [](std::int64_t at, std::int32_t room) { return even_down((at * std::max(0, room) + million / 2) / million); };
    return {place(placement.x, width - to_width), place(placement.y, height - to_height), to_width, to_height};
}

media::Overlay place_still(const media::VideoFrame& still, const Placement& placement, std::int32_t width, std::int32_t height) {
    const media::Rect to = place_of_still(still.width(), still.height(), placement, width, height);
    const auto pixels = resized(premultiplied(still), still.width(), still.height(), to.width, to.height);
    return media::overlay_from_bgra(pixels, to.width, to.height, std::ptrdiff_t{to.width} * channels, to.x, to.y);
}

}  // namespace tenon::render
