// Runs a fuzz target without libFuzzer: its seeds, files that once broke it, and seeded mutations of them.
//
//     fuzz_NAME [COUNT] [FILE…]

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>

#include "fuzz.hpp"

namespace {

using tenon::fuzz::Input;

Input mutated(Input input, const Input& other, std::mt19937_64& random) {
    const auto at = [&](const Input& bytes) { return static_cast<std::ptrdiff_t>(random() % bytes.size()); };
    for (auto changes = 1 + random() % 4; changes > 0 && !input.empty(); --changes) {
        switch (random() % 6) {
        case 0: input[static_cast<std::size_t>(at(input))] ^= static_cast<std::uint8_t>(1u << random() % 8); break;
        case 1: input[static_cast<std::size_t>(at(input))] = static_cast<std::uint8_t>(random()); break;
        case 2: input[static_cast<std::size_t>(at(input))] = random() % 2 ? 0xff : 0; break;
        case 3: input.resize(static_cast<std::size_t>(at(input)) + 1); break;
        case 4: input.insert(input.begin() + at(input), static_cast<std::uint8_t>(random())); break;
        default:
            if (other.empty()) break;
            const auto from = at(other);
            const auto count = std::min<std::ptrdiff_t>(std::ssize(other) - from, 1 + static_cast<std::ptrdiff_t>(random() % 64));
            input.insert(input.begin() + at(input), other.begin() + from, other.begin() + from + count);
        }
    }
    return input;
}

void run(const Input& input) {
    try {
        LLVMFuzzerTestOneInput(input.data(), input.size());
    } catch (...) {
        const std::string name = "fuzz-broken.bin";
        std::ofstream(name, std::ios::binary).write(reinterpret_cast<const char*>(input.data()), std::ssize(input));
        std::cerr << "the input is kept in " << std::filesystem::absolute(name) << std::endl;
        throw;
    }
}

}  // namespace

int main(int count, char** words) {
    const auto rounds = count > 1 ? std::strtoull(words[1], nullptr, 10) : 20000;
    for (int n = 2; n < count; ++n) {
        std::ifstream file(words[n], std::ios::binary);
        run(Input{std::istreambuf_iterator<char>(file), {}});
    }
    const char* given = std::getenv("TENON_SEED");
    const auto seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    std::mt19937_64 random(seed);
    const auto seeds = tenon::fuzz::seeds();
    std::cout << "TENON_SEED=" << seed << ", " << seeds.size() << " seeds, " << rounds << " mutations" << std::endl;
    for (const auto& input : seeds) run(input);
    for (auto n = rounds; n > 0; --n) run(mutated(seeds[random() % seeds.size()], seeds[random() % seeds.size()], random));
}
