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
template <class Text> struct RecordOf {
    Text tenant{};                      ///< The id's text; "operators" for their log.
    std::int64_t seq = 0;
    Digest prev{};                      ///< Leaf hash of the record before; zeros for the first.
    Time time{};
    Text actor_kind{};
    Digest actor{};                     ///< Commitments.
    std::optional<Digest> reason{};
    std::optional<Digest> details{};
    Text action{};
    Text target{};
    Text outcome{};
    Text request_id{};
};
using Record = RecordOf<std::string>;
using NewRecord = RecordOf<std::string_view>;  ///< On its way to its text.

/// Throws InvalidArgument for what has no text.
void check(const NewRecord& record);
void append_text(std::string& to, const NewRecord& record);
/// Throws InvalidArgument unless it is exactly what append_text writes.
Record parse_record(std::string_view text);

/// The name of a log within its records.
std::string log_name(const TenantId& tenant);

}  // namespace tenon::tenant::audit
