#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include <nvr/segment.hpp>

namespace tenon::nvr {

/// One day of a camera, as its index tells it.
struct DayFootage {
    std::filesystem::path folder{};
    std::vector<IndexRecord> records{};
};

/// The days that may hold footage of the range, oldest first.
std::vector<DayFootage> footage_between(const std::filesystem::path& folder, std::optional<Time> start, std::optional<Time> end);

/// What lies between two records of one run: rounding, and a wall clock steered by 500 ppm.
constexpr Duration kLargestHole = std::chrono::milliseconds(50);

/// Whether a record continues the one before without a gap.
bool goes_on(const IndexRecord& before, const IndexRecord& record);

}  // namespace tenon::nvr
