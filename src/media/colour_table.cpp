#include <media/colour_table.hpp>

#include <algorithm>
#include <cmath>

#include <tenon/error.hpp>

namespace tenon::media {
namespace {

constexpr int side = 33, step_bits = 3, fraction_bits = 6;
constexpr int step = 1 << step_bits;

constexpr std::size_t index(int y, int u, int v) { return static_cast<std::size_t>((y * side + u) * side + v); }

struct Matrix { double red, blue; };   // weights of luma

Matrix matrix_of(std::uint8_t code) {
    switch (code) {
        case 1: return {0.2126, 0.0722};
        case 9:
        case 10: return {0.2627, 0.0593};
        case 7: return {0.212, 0.087};
        case 4: return {0.30, 0.11};
        default: return {0.299, 0.114};
    }
}

constexpr double black = 16, luma_span = 219, chroma_zero = 128, chroma_span = 224;

std::uint8_t finish(int sum) {
    constexpr int shift = fraction_bits + step_bits;
    return static_cast<std::uint8_t>(std::clamp((sum + (1 << (shift - 1))) >> shift, 0, 255));
}

/// The corners and weights that a colour lies between: from the near corner along the axes in order of their fractions.
struct Tetrahedron {
    std::size_t corner[4];
    int weight[4];
};

inline Tetrahedron locate(int y, int u, int v) {
    const int fy = y & (step - 1), fu = u & (step - 1), fv = v & (step - 1);
    const std::size_t base = index(y >> step_bits, u >> step_bits, v >> step_bits);
    constexpr std::size_t ay = side * side, au = side, av = 1;
    std::size_t first, second;
    int high, middle, low;
    if (fy >= fu) {
        if (fu >= fv) { first = ay; second = ay + au; high = fy; middle = fu; low = fv; }
        else if (fy >= fv) { first = ay; second = ay + av; high = fy; middle = fv; low = fu; }
        else { first = av; second = av + ay; high = fv; middle = fy; low = fu; }
    } else {
        if (fy >= fv) { first = au; second = au + ay; high = fu; middle = fy; low = fv; }
        else if (fu >= fv) { first = au; second = au + av; high = fu; middle = fv; low = fy; }
        else { first = av; second = av + au; high = fv; middle = fu; low = fy; }
    }
    return {{base, base + first, base + second, base + ay + au + av}, {step - high, high - middle, middle - low, low}};
}

}  // namespace

ColourTable::ColourTable(const std::function<Pixel(const Pixel&)>& change) {
    auto points = std::make_shared<std::vector<Point>>(static_cast<std::size_t>(side * side * side));
    const auto fixed = [](double value) {
        constexpr double one = 1 << fraction_bits, limit = 32'767;
        return static_cast<std::int16_t>(std::lround(std::clamp(value * one, -limit, limit)));
    };
    for (int y = 0; y < side; ++y)
        for (int u = 0; u < side; ++u)
            for (int v = 0; v < side; ++v) {
                const Pixel out = change({static_cast<double>(y * step), static_cast<double>(u * step), static_cast<double>(v * step)});
                (*points)[index(y, u, v)] = {fixed(out[0]), fixed(out[1]), fixed(out[2]), 0};
            }
    points_ = std::move(points);
}

void ColourTable::apply(VideoFrame& frame, Rect rect) const {
    if (frame.format() != PixelFormat::yuv420p || rect.x % 2 || rect.y % 2 || rect.x < 0 || rect.y < 0 ||
        rect.width > frame.width() - rect.x || rect.height > frame.height() - rect.y)
        throw InvalidArgument("colours change in even rectangles of yuv420p pictures");
    const Plane yp = frame.plane(0), up = frame.plane(1), vp = frame.plane(2);
    const Point* table = points_->data();
    const int right = rect.x + rect.width, bottom = rect.y + rect.height;
    for (int y = rect.y; y < bottom; y += 2) {
        std::uint8_t* row[2] = {yp.data + y * yp.stride, yp.data + std::min(y + 1, bottom - 1) * yp.stride};
        const int rows = y + 1 < bottom ? 2 : 1;
        std::uint8_t* us = up.data + (y >> 1) * up.stride;
        std::uint8_t* vs = vp.data + (y >> 1) * vp.stride;
        for (int x = rect.x; x < right; x += 2) {
            const int columns = x + 1 < right ? 2 : 1;
            const int u = us[x >> 1], v = vs[x >> 1];
            int luma = 0;
            for (int r = 0; r < rows; ++r)
                for (int c = 0; c < columns; ++c) {
                    std::uint8_t& pixel = row[r][x + c];
                    luma += pixel;
                    const Tetrahedron t = locate(pixel, u, v);
                    int sum = 0;
                    for (int i = 0; i < 4; ++i) sum += table[t.corner[i]].y * t.weight[i];
                    pixel = finish(sum);
                }
            const int count = rows * columns;
            const Tetrahedron t = locate((luma + count / 2) / count, u, v);
            int sum_u = 0, sum_v = 0;
            for (int i = 0; i < 4; ++i) {
                sum_u += table[t.corner[i]].u * t.weight[i];
                sum_v += table[t.corner[i]].v * t.weight[i];
            }
            us[x >> 1] = finish(sum_u);
            vs[x >> 1] = finish(sum_v);
        }
    }
}

std::vector<std::uint8_t> ColourTable::bytes() const {
    std::vector<std::uint8_t> result;
    result.reserve(points_->size() * 6);
    for (const Point& point : *points_)
        for (const std::int16_t value : {point.y, point.u, point.v}) {
            result.push_back(static_cast<std::uint8_t>(value & 0xff));
            result.push_back(static_cast<std::uint8_t>((value >> 8) & 0xff));
        }
    return result;
}

ColourTable::Pixel to_rgb(const ColourTable::Pixel& yuv, std::uint8_t matrix) {
    const auto [red, blue] = matrix_of(matrix);
    const double y = (yuv[0] - black) / luma_span;
    const double b = y + 2 * (1 - blue) * (yuv[1] - chroma_zero) / chroma_span;
    const double r = y + 2 * (1 - red) * (yuv[2] - chroma_zero) / chroma_span;
    return {r, (y - red * r - blue * b) / (1 - red - blue), b};
}

ColourTable::Pixel to_yuv(const ColourTable::Pixel& rgb, std::uint8_t matrix) {
    const auto [red, blue] = matrix_of(matrix);
    const double y = red * rgb[0] + (1 - red - blue) * rgb[1] + blue * rgb[2];
    return {black + luma_span * y, chroma_zero + chroma_span * (rgb[2] - y) / (2 * (1 - blue)),
            chroma_zero + chroma_span * (rgb[0] - y) / (2 * (1 - red))};
}

}  // namespace tenon::media
