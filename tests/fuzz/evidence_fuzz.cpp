// What the independent verifier reads: exports and proofs of anybody's making.

#include <filesystem>
#include <sstream>

#include <base/file.hpp>
#include <evidence.hpp>

#include "fuzz.hpp"

namespace tenon::fuzz {
namespace {

// A trail of three records in two checkpoints and a proof out of it, of a home that is no more, and its key.
std::string file(const char* name) {
    const auto bytes = base::read_file(std::filesystem::path(TENON_SOURCE "/tests/fuzz/evidence") / name, 1 << 20);
    return {bytes.begin(), bytes.end()};
}

verify::Key key() {
    auto text = file("key");
    text.pop_back();
    return verify::parse_key(text);
}

}  // namespace

std::vector<Input> seeds() {
    // They are good, or mutations of them would never get past the first line.
    for (const auto* name : {"trail", "proof"}) {
        std::istringstream in(file(name));
        verify::check(in, key(), {});
    }
    return {seed(0, file("trail")), seed(0, file("proof")), seed(1, file("key"))};
}

}  // namespace tenon::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string text(data + 1, data + size);
    try {
        if (data[0] % 2 == 1) {
            verify::parse_key(text);
        } else {
            static const auto key = tenon::fuzz::key();
            std::istringstream in(text);
            verify::check(in, key, {});
        }
    } catch (const verify::Refused&) {
        return 0;
    } catch (const verify::Usage&) {
        return 0;
    }
    return 0;
}
