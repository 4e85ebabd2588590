#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <crypto/hash.hpp>
#include <tenant/audit.hpp>

namespace tenon::tenant::audit {

using crypto::Digest;
using Salt = std::array<std::uint8_t, 16>;

Salt new_salt();
/// SHA-256(salt ‖ value): what a record says of a value that may have to be forgotten.
Digest commitment(base::ByteView salt, std::string_view value);

/// What is hashed: one line of RFC 8785 JSON. Absent values are absent members, so that later fields change no old record.
struct Record {
    std::string tenant{};               ///< The id's text; "operators" for their log.
    std::int64_t seq = 0;
    Digest prev{};                      ///< Leaf hash of the record before; zeros for the first.
    Time time{};
    std::string actor_kind{};
    Digest actor{};                     ///< Commitments.
    std::optional<Digest> reason{};
    std::optional<Digest> details{};
    std::string action{};
    std::string target{};
    std::string outcome{};
    std::string request_id{};
};

std::string to_text(const Record& record);
/// Throws InvalidArgument unless it is exactly what to_text writes.
Record parse_record(std::string_view text);

/// The name of a log within its records.
std::string log_name(const TenantId& tenant);

}  // namespace tenon::tenant::audit
