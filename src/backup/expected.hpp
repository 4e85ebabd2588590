#pragma once

#include <cstdint>
#include <stop_token>

#include <backup/repository.hpp>

namespace tenon::backup {

/// What the files that a run is going to read add up to, as far as it can be seen: a walk that looks at sizes alone. What fails
/// counts nothing.
std::int64_t expected_bytes(const BackupRequest& request, const std::stop_token& enough) noexcept;

}  // namespace tenon::backup
