#pragma once

#include <filesystem>

#include "evidence.hpp"

namespace verify {

/// Judges a takeout's folder: its manifest is signed, every file is there with the size and the hash that the list says, there is no
/// other, there are as many records of each kind as it says, and its evidence holds. Formats: docs/design/takeout.md. Throws Refused.
Result check_takeout(const std::filesystem::path& folder, const Key& key);

}  // namespace verify
