#pragma once

#include <array>
#include <cstdint>
#include <istream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

/// Judges an exported audit trail, or the proof of one record, with nothing but the bytes and a public key. Shares no code with
/// the engine. Formats: docs/design/tenant.md; RFC 6962 (trees), C2SP signed-note and tlog-checkpoint (notes).
namespace verify {

using Hash = std::array<unsigned char, 32>;

/// What is wrong with the evidence. Everything else (no such file, wrong words) is another exception.
struct Refused : std::runtime_error {
    using std::runtime_error::runtime_error;
};
struct Usage : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Key {
    std::string name, hash, bytes;
};
/// `<name>+<hash>+<base64>`, the base64 being of 1 (Ed25519) and the key. Throws Usage.
Key parse_key(const std::string& text);

/// What must be found again in the evidence.
struct Earlier {
    std::string note{};        ///< A checkpoint's. Empty: none.
    std::string log{};         ///< The rest is of an earlier export. Empty: there is none.
    std::uint64_t records = 0;
    Hash root{};               ///< Of that many records.
};

struct Result {
    std::string kind{}, log{};
    std::uint64_t records = 0, checkpoints = 0;
    std::uint64_t files = 0, problems = 0;  ///< Of a takeout.
    std::uint64_t pruned = 0;  ///< The first so many records have hashes alone.
    Hash root{};
    std::string note{};        ///< Of the last checkpoint.
};

/// Throws Refused, its message ending in the line's number.
Result check(std::istream& in, const Key& key, const Earlier& earlier);

/// A signed text without its signature. Throws Refused; `what`: "the receipt".
std::string read_signed(std::istream& in, const Key& key, const std::string& what);

std::string hex(std::string_view bytes);
std::string_view view(const Hash& hash);

}  // namespace verify
