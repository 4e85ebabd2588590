#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <media/frame.hpp>
#include <media/scaler.hpp>

namespace tenon::media {

/// One table for everything that is done to a pixel's colour: 33 x 33 x 33 points over the cube of Y, Cb and Cr, each
/// three numbers with six fraction bits. Read by tetrahedral interpolation in integers: the same bits on every machine.
/// A change that is affine (another matrix, say) comes out exact.
class ColourTable {
public:
    using Pixel = std::array<double, 3>;   ///< Y, Cb, Cr as 8-bit numbers.
    /// `change` is asked for each point once.
    explicit ColourTable(const std::function<Pixel(const Pixel&)>& change);

    /// Applies it to part of a writable yuv420p picture; even rectangle. Luma per pixel; chroma once per 2 x 2 pixels,
    /// from their mean luma.
    void apply(VideoFrame& frame, Rect rect) const;

    /// For ids: the table's numbers, little endian.
    std::vector<std::uint8_t> bytes() const;

private:
    struct Point { std::int16_t y, u, v, pad; };
    std::shared_ptr<const std::vector<Point>> points_;
};

/// R', G', B' in 0 to 1 of a limited range Y'CbCr triple in the given matrix, and back. Not clamped.
ColourTable::Pixel to_rgb(const ColourTable::Pixel& yuv, std::uint8_t matrix);
ColourTable::Pixel to_yuv(const ColourTable::Pixel& rgb, std::uint8_t matrix);

}  // namespace tenon::media
