#pragma once

#include <string>

namespace tenon::db {

/// Whether a transaction that ended so may do better when it runs again.
bool is_clash(const std::string& state) noexcept;

/// Throws what an SQLSTATE means.
[[noreturn]] void throw_postgres(const std::string& state, const std::string& message, bool deleting);

}  // namespace tenon::db
