#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <sstream>

#include <grade.hpp>
#include <render/cube.hpp>
#include <tenon/error.hpp>

using namespace tenon;
using namespace tenon::render;

namespace {

std::string lattice(int size, const std::function<Cube::Rgb(const Cube::Rgb&)>& change, const std::string& head = "") {
    std::ostringstream out;
    out << head << "LUT_3D_SIZE " << size << "\n";
    for (int b = 0; b < size; ++b)
        for (int g = 0; g < size; ++g)
            for (int r = 0; r < size; ++r) {
                const double most = size - 1;
                const Cube::Rgb p = change({r / most, g / most, b / most});
                out << p[0] << ' ' << p[1] << ' ' << p[2] << '\n';
            }
    return out.str();
}

void expect_near(const Cube::Rgb& is, const Cube::Rgb& wanted) {
    for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(is[i], wanted[i], 1e-5) << "channel " << i;
}

/// "line 3: what is wrong", as far as the error says.
std::string refusal(const std::string& text) {
    try {
        (void)Cube::parse(text);
    } catch (const Corrupt& error) {
        return error.subject();
    } catch (const Unsupported& error) {
        return "unsupported, " + error.subject();
    }
    return "nothing was thrown";
}

}  // namespace

TEST(Cube, IdentityIsIdentity) {
    const Cube cube = Cube::parse(lattice(17, [](const Cube::Rgb& rgb) { return rgb; }));
    for (const double r : {0.0, 0.01, 0.33, 0.5, 0.99, 1.0})
        for (const double g : {0.0, 0.47, 1.0})
            for (const double b : {0.0, 0.62, 1.0}) expect_near(cube.apply({r, g, b}), {r, g, b});
}

TEST(Cube, RedRunsFastestAndAxesStayApart) {
    const Cube cube = Cube::parse(lattice(2, [](const Cube::Rgb& rgb) { return Cube::Rgb{rgb[1], rgb[2], rgb[0]}; }));
    expect_near(cube.apply({0.2, 0.5, 0.9}), {0.5, 0.9, 0.2});
}

TEST(Cube, InterpolatesWithinTheTetrahedron) {
    // Only the far corner is lit: within the tetrahedron it weighs as much as the least of the three fractions.
    const Cube cube = Cube::parse(lattice(2, [](const Cube::Rgb& rgb) {
        const double all = rgb[0] * rgb[1] * rgb[2];
        return Cube::Rgb{all, all, all};
    }));
    expect_near(cube.apply({0.25, 0.5, 0.75}), {0.25, 0.25, 0.25});
    expect_near(cube.apply({0.9, 0.9, 0.1}), {0.1, 0.1, 0.1});
}

TEST(Cube, CurvesDomainsAndBothTogether) {
    expect_near(Cube::parse("LUT_1D_SIZE 3\n0 0 0\n0.25 0.5 1\n1 1 1\n").apply({0.5, 0.25, 0.75}), {0.25, 0.25, 1});
    const Cube wide = Cube::parse("DOMAIN_MIN -1 0 0\nDOMAIN_MAX 1 2 1\nLUT_1D_SIZE 2\n0 0 0\n1 1 1\n");
    expect_near(wide.apply({0, 1, 0.5}), {0.5, 0.5, 0.5});
    expect_near(wide.apply({-5, 9, 0.5}), {0, 1, 0.5});
    const Cube both = Cube::parse("LUT_1D_SIZE 2\nLUT_1D_INPUT_RANGE 0 2\nLUT_3D_SIZE 2\n0 0 0\n1 1 1\n"
                                  "1 1 1\n0 1 1\n1 0 1\n0 0 1\n1 1 0\n0 1 0\n1 0 0\n0 0 0\n");
    expect_near(both.apply({0.5, 1, 2}), {0.75, 0.5, 0});
}

TEST(Cube, ReadsWhatOtherProgramsWrite) {
    const Cube cube = Cube::parse("\xef\xbb\xbfTITLE \"Warm  #1\"\r\n\r\n  # made by hand\r\nLUT_1D_SIZE\t2 \r\n +0 -0.0 .0\r\n1e0\t1.0 1.\r\n");
    expect_near(cube.apply({0.5, 0.5, 0.5}), {0.5, 0.5, 0.5});
}

TEST(Cube, RefusalsNameTheLine) {
    EXPECT_EQ(refusal("LUT_3D_SIZE 2\n0 0 0\n0 0 zero\n"), "line 3");
    EXPECT_EQ(refusal("LUT_3D_SIZE 2\n0 0 0 0\n"), "line 2");
    EXPECT_EQ(refusal("LUT_3D_SIZE 2\n0 0 0\n"), "line 2") << "breaks off";
    EXPECT_EQ(refusal("LUT_1D_SIZE 2\n0 0 0\n1 1 1\n\n1 1 1\n"), "line 5") << "one too many";
    EXPECT_EQ(refusal("0 0 0\n"), "line 1");
    EXPECT_EQ(refusal("LUT_2D_SIZE 2\n"), "line 1");
    EXPECT_EQ(refusal("# nothing\n"), "line 1");
    EXPECT_EQ(refusal(""), "line 0");
    EXPECT_EQ(refusal("LUT_1D_SIZE 2.5\n"), "line 1");
    EXPECT_EQ(refusal("LUT_1D_SIZE 1\n"), "line 1");
    EXPECT_EQ(refusal("LUT_1D_SIZE 2\n0 0 nan\n"), "line 2");
    EXPECT_EQ(refusal("LUT_1D_SIZE 2\n0 0 1e300\n"), "line 2");
    EXPECT_EQ(refusal("LUT_1D_SIZE 2\nLUT_1D_SIZE 2\n"), "line 2");
    EXPECT_EQ(refusal("LUT_1D_SIZE 2\nDOMAIN_MIN 0 0 0\nDOMAIN_MAX 1 0 1\n"), "line 3");
    EXPECT_EQ(refusal("LUT_3D_SIZE 130\n"), "unsupported, line 1");
    EXPECT_EQ(refusal("LUT_1D_SIZE 65537\n"), "unsupported, line 1");
    EXPECT_EQ(refusal(std::string(2'000, '1')), "line 1");
}

TEST(Cube, ASourceGoesThroughGradeThenLut) {
    const Source source{.colour = {1, 1, 1, false}};
    const Cube swap = Cube::parse(lattice(2, [](const Cube::Rgb& rgb) { return Cube::Rgb{rgb[2], rgb[1], rgb[0]}; }));
    EXPECT_EQ(colour_chain(source, std::nullopt), nullptr);
    const auto chain = colour_chain(source, std::nullopt, &swap);
    ASSERT_NE(chain, nullptr);
    media::VideoFrame frame = media::VideoFrame::allocate(2, 2, media::PixelFormat::yuv420p);
    const auto blue = media::to_yuv({0.2, 0.4, 0.8}, 1), red = media::to_yuv({0.8, 0.4, 0.2}, 1);
    for (int i = 0; i < 3; ++i)
        for (int y = 0; y < frame.plane(i).height; ++y)
            std::fill_n(frame.plane(i).data + y * frame.plane(i).stride, frame.plane(i).width,
                        static_cast<std::uint8_t>(std::lround(blue[static_cast<std::size_t>(i)])));
    chain->apply(frame, {0, 0, 2, 2});
    for (int i = 0; i < 3; ++i) EXPECT_NEAR(frame.plane(i).data[0], red[static_cast<std::size_t>(i)], 2) << "plane " << i;
}
