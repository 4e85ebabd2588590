// Colour tables as other programs write them.

#include <cmath>
#include <stdexcept>
#include <string_view>

#include <render/cube.hpp>

#include "fuzz.hpp"

namespace tenon::fuzz {

std::vector<Input> seeds() {
    using namespace std::literals;
    return {seed(0, "TITLE \"curve\"\r\n# a comment\r\nLUT_1D_SIZE 3\r\nDOMAIN_MIN 0 0 0\r\nDOMAIN_MAX 1 1 1\r\n0 0 0\r\n"
                    ".4 .5 +0.6\r\n1 1 1e0\r\n"sv),
            seed(0, "LUT_3D_SIZE 2\n0 0 0\n1 0 0\n0 1 0\n1 1 0\n0 0 1\n1 0 1\n0 1 1\n1 1 1\n"sv),
            seed(0, "LUT_1D_SIZE 2\nLUT_1D_INPUT_RANGE -0.5 1.5\nLUT_3D_SIZE 2\nLUT_3D_INPUT_RANGE 0 1\n0 0 0\n1 1 1\n"
                    "0 0 0\n1 0 0\n0 1 0\n1 1 0\n0 0 1\n1 0 1\n0 1 1\n1 1 1\n"sv)};
}

}  // namespace tenon::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tenon;
    if (size == 0) return 0;
    fuzz::reads([&] {
        const auto cube = render::Cube::parse({reinterpret_cast<const char*>(data + 1), size - 1});
        for (const double value : {-1.0, 0.0, 0.3, 1.0, 7.0})
            for (const double channel : cube.apply({value, 1 - value, 0.5}))
                if (!std::isfinite(channel)) throw std::logic_error("a colour that is none");
    });
    return 0;
}
