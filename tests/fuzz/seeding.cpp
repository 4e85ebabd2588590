// libFuzzer begins from files: this leaves the target's seeds in the folder that TENON_FUZZ_SEEDS names.

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "fuzz.hpp"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    const char* folder = std::getenv("TENON_FUZZ_SEEDS");
    if (!folder) return 0;
    std::filesystem::create_directories(folder);
    int number = 0;
    for (const auto& seed : tenon::fuzz::seeds()) {
        std::ofstream file(std::filesystem::path(folder) / ("seed-" + std::to_string(number++)), std::ios::binary);
        file.write(reinterpret_cast<const char*>(seed.data()), static_cast<std::streamsize>(seed.size()));
    }
    return 0;
}
