#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

namespace tenon::render {

/// A look-up table for colours as `.cube` files hold it: curves for each channel, then a lattice over all three; one of
/// them may be missing.
class Cube {
public:
    using Rgb = std::array<double, 3>;

    /// Throws Corrupt naming the line, Unsupported for one beyond the limits: 65,536 points of a curve, 129 a side of a
    /// lattice.
    static Cube parse(std::string_view text);

    /// Tetrahedral in the lattice, straight between the points of a curve; what lies outside of the domain is taken for its
    /// edge.
    Rgb apply(Rgb rgb) const;

private:
    using Point = std::array<float, 3>;
    struct Table {
        std::int32_t size = 0;              // points a side; 0: none
        Rgb least{0, 0, 0}, most{1, 1, 1};  // domain
        std::vector<Point> points{};        // red fastest
        double place(double value, std::size_t channel) const;
    };
    friend class CubeReader;

    Rgb bend(const Rgb& rgb) const;
    Rgb look_up(const Rgb& rgb) const;

    Table curve_{}, lattice_{};
};

/// Of at most 64 MiB. Throws what parse does, NotFound.
Cube read_cube(const std::filesystem::path& path);

}  // namespace tenon::render
