#pragma once

#include <filesystem>
#include <optional>
#include <span>

#include "core.hpp"
#include "records.hpp"

/// Everything a tenant owns, in a folder: the job behind Takeouts. Formats and steps: docs/design/takeout.md.
namespace tenon::engine::takeout {

inline constexpr const char* kind = "takeout";

/// Starts one on behalf of a session.
std::shared_ptr<JobImpl> start(const std::shared_ptr<SessionImpl>& session, const TakeoutOptions& options);
/// What its job ended with. Throws what ended it.
Takeout result(const JobImpl& job);

/// What a job has in `temp` goes, and before that what it has made outside of the home and not finished.
void clear(const std::filesystem::path& temp, const JobId& job) noexcept;

/// The same for every job of a tenant that is being erased.
void clear_all(const std::filesystem::path& temp) noexcept;

/// Kinds of which a takeout has records, beside those of `tenant_tables()`.
std::span<const char* const> other_kinds();

}  // namespace tenon::engine::takeout
