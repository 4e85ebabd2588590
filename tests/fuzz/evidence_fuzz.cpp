// What the independent verifier reads: exports and proofs of anybody's making.

#include <filesystem>
#include <sstream>

#include <base/file.hpp>
#include <evidence.hpp>

#include "fuzz.hpp"

namespace tenon::fuzz {
namespace {

// A trail of three records in two checkpoints and a proof out of it, of a home that is no more, and its key; a trail of which some was
// pruned and the receipt of an erasure, of another home, and its key.
std::string file(const char* name) {
    const auto bytes = base::read_file(std::filesystem::path(TENON_SOURCE "/tests/fuzz/evidence") / name, 1 << 20);
    return {bytes.begin(), bytes.end()};
}

verify::Key key(const char* name) {
    auto text = file(name);
    text.pop_back();
    return verify::parse_key(text);
}

}  // namespace

std::vector<Input> seeds() {
    // They are good, or mutations of them would never get past the first line.
    for (const auto& [name, with] : {std::pair{"trail", "key"}, {"proof", "key"}, {"pruned", "key2"}, {"receipt", "key2"}}) {
        std::istringstream in(file(name));
        verify::check(in, key(with), {});
    }
    return {seed(0, file("trail")), seed(0, file("proof")), seed(1, file("key")), seed(2, file("pruned")), seed(2, file("receipt"))};
}

}  // namespace tenon::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string text(data + 1, data + size);
    try {
        if (data[0] % 3 == 1) {
            verify::parse_key(text);
        } else {
            static const auto first = tenon::fuzz::key("key"), second = tenon::fuzz::key("key2");
            std::istringstream in(text);
            verify::check(in, data[0] % 3 == 0 ? first : second, {});
        }
    } catch (const verify::Refused&) {
        return 0;
    } catch (const verify::Usage&) {
        return 0;
    }
    return 0;
}
