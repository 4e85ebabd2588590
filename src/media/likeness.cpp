#include <media/likeness.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <vector>

#include <tenon/error.hpp>

namespace tenon::media {
namespace {

/// Sums over a block of 4 x 4 pixels; four of them are a window.
struct Sums {
    std::int64_t a = 0, b = 0, squares = 0, products = 0;
};

Sums block(const Plane& p, const Plane& q, std::int32_t x, std::int32_t y) {
    Sums s;
    for (int j = 0; j < 4; ++j) {
        const std::uint8_t* m = p.data + (y + j) * p.stride + x;
        const std::uint8_t* n = q.data + (y + j) * q.stride + x;
        for (int i = 0; i < 4; ++i) {
            s.a += m[i];
            s.b += n[i];
            s.squares += m[i] * m[i] + n[i] * n[i];
            s.products += m[i] * n[i];
        }
    }
    return s;
}

double similarity(const Sums& s) {
    constexpr std::int64_t pixels = 64;
    constexpr double c1 = 0.01 * 0.01 * 255 * 255 * pixels * pixels, c2 = 0.03 * 0.03 * 255 * 255 * pixels * pixels;
    const auto means = static_cast<double>(s.a * s.b), squares = static_cast<double>(s.a * s.a + s.b * s.b);
    const auto variances = static_cast<double>(pixels * s.squares - s.a * s.a - s.b * s.b);
    const auto covariance = static_cast<double>(pixels * s.products - s.a * s.b);
    return (2 * means + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2));
}

double ssim(const Plane& p, const Plane& q) {
    const std::int32_t columns = p.width / 4, rows = p.height / 4;
    std::array<std::vector<Sums>, 2> row;
    for (auto& r : row) r.resize(static_cast<std::size_t>(columns));
    double sum = 0;
    for (std::int32_t y = 0; y < rows; ++y) {
        auto& above = row[static_cast<std::size_t>(y & 1)];
        auto& now = row[static_cast<std::size_t>(~y & 1)];
        for (std::int32_t x = 0; x < columns; ++x) now[static_cast<std::size_t>(x)] = block(p, q, x * 4, y * 4);
        for (std::size_t x = 1; y > 0 && x < now.size(); ++x) {
            Sums s;
            for (const Sums* part : {&above[x - 1], &above[x], &now[x - 1], &now[x]}) {
                s.a += part->a;
                s.b += part->b;
                s.squares += part->squares;
                s.products += part->products;
            }
            sum += similarity(s);
        }
    }
    return sum / (static_cast<double>(columns - 1) * (rows - 1));
}

double psnr(const Plane& p, const Plane& q) {
    constexpr double best = 99, peak = 255;
    std::int64_t sum = 0;
    for (std::int32_t y = 0; y < p.height; ++y) {
        const std::uint8_t* m = p.data + y * p.stride;
        const std::uint8_t* n = q.data + y * q.stride;
        std::int32_t line = 0;
        for (std::int32_t x = 0; x < p.width; ++x) line += (m[x] - n[x]) * (m[x] - n[x]);
        sum += line;
    }
    if (sum == 0) return best;
    const double error = static_cast<double>(sum) / (static_cast<double>(p.width) * p.height);
    return std::min(best, 10 * std::log10(peak * peak / error));
}

/// Mean step from column to column on the grid of blocks, over that within blocks.
double grid(const Plane& p) {
    constexpr std::int32_t side = 8, every = 4;   // rows are sampled
    std::int64_t on = 0, within = 0, edges = 0, insides = 0;
    for (std::int32_t y = 0; y < p.height; y += every) {
        const std::uint8_t* row = p.data + y * p.stride;
        for (std::int32_t x = 1; x < p.width; ++x) {
            const int step = std::abs(row[x] - row[x - 1]);
            (x % side == 0 ? on : within) += step;
            ++(x % side == 0 ? edges : insides);
        }
    }
    constexpr double flat = 0.25;   // a level's quarter: flat pictures have no grid
    return (static_cast<double>(on) / static_cast<double>(edges) + flat) / (static_cast<double>(within) / static_cast<double>(insides) + flat);
}

}  // namespace

Likeness compare(const Plane& original, const Plane& copy) {
    constexpr std::int32_t smallest = 16;
    if (original.width != copy.width || original.height != copy.height || original.width < smallest || original.height < smallest)
        throw InvalidArgument("only pictures of one size can be compared");
    return {ssim(original, copy), psnr(original, copy), grid(copy) / grid(original)};
}

}  // namespace tenon::media
