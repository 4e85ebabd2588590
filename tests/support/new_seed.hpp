#pragma once

#include <cstdlib>
#include <iostream>
#include <random>

namespace tenon::tests {

/// A new one in each run, printed, so that a run that failed can be done again: TENON_SEED=<number> is taken instead.
inline unsigned new_seed() {
    const char* wanted = std::getenv("TENON_SEED");
    const auto seed = wanted ? static_cast<unsigned>(std::strtoul(wanted, nullptr, 10)) : std::random_device{}();
    std::cout << "seed " << seed << std::endl;
    return seed;
}

}  // namespace tenon::tests
