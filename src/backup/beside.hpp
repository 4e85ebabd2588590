#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <base/file.hpp>

/// Names under which a restore keeps what is not complete yet.
namespace tenon::backup {

/// The name of the number-th file of a run: ".restoring-<run>-<number>".
std::string name_beside(const std::string& run, std::uint32_t number);
/// 16 hexadecimal digits, new each time.
std::string new_run();
/// Whether only a restore makes names like this.
bool is_beside(std::string_view name);
/// Removes what lies under such names in the folder itself. Returns how many those were.
std::int64_t sweep_folder(const base::Fd& folder, const std::string& path);

}  // namespace tenon::backup
