#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nvr/segment.hpp>

namespace tenon::nvr {

/// Before each fragment: a uuid box with its record.
constexpr std::uint32_t kRecordBox = 24 + kRecordSize;

/// Finds the segment file of an ordinal: names and ordinals sort alike, so a few looks into files are enough.
class DayFiles {
public:
    explicit DayFiles(std::filesystem::path folder);

    /// Throws NotFound.
    std::filesystem::path find(std::uint16_t ordinal);

    /// Of the oldest file that can be read; 65536: none has a fragment yet, or there is none.
    std::uint32_t first();

private:
    std::filesystem::path search(std::uint16_t ordinal);
    std::uint32_t ordinal_of(const std::string& name);

    std::filesystem::path folder_;
    std::vector<std::string> names_;
    std::map<std::string, std::uint32_t> ordinals_;
};

}  // namespace tenon::nvr
