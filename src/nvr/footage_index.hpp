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

/// The days that may hold footage of the range, oldest first; of a day whose index is damaged or lost, what its files say.
std::vector<DayFootage> footage_between(const std::filesystem::path& folder, std::optional<Time> start, std::optional<Time> end);

/// A key frame may lie so long before the picture that needs it.
constexpr Duration kLongestLead = std::chrono::minutes(10);
/// From where to look for footage that is wanted from `start`.
inline Time with_lead(Time start) { return start < Time{} + kLongestLead ? Time{} : start - kLongestLead; }

/// What lies between two records of one run: rounding, and a wall clock steered by 500 ppm.
constexpr Duration kLargestHole = std::chrono::milliseconds(50);

/// Whether a record continues the one before without a gap.
bool goes_on(const IndexRecord& before, const IndexRecord& record);

}  // namespace tenon::nvr
