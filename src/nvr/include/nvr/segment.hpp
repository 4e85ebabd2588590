#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include <base/bytes.hpp>
#include <base/id.hpp>
#include <crypto/hash.hpp>
#include <crypto/sign.hpp>
#include <tenon/id.hpp>
#include <tenon/units.hpp>

/// The bytes of a segment file that are neither picture nor sound. Layouts: docs/design/nvr.md.
namespace tenon::nvr {

using base::ByteVector;
using base::ByteView;
using base::IdBytes;

using Uuid = std::array<std::uint8_t, 16>;
constexpr Uuid kHeadUuid{0xa9, 0xf5, 0x6a, 0x52, 0xa1, 0xec, 0x8c, 0x6d, 0x7b, 0x9c, 0x47, 0x99, 0xd4, 0x85, 0xbe, 0x81};
constexpr Uuid kRecordUuid{0xc6, 0x04, 0x6d, 0xc8, 0xc3, 0xf2, 0x11, 0xc9, 0x92, 0x06, 0xed, 0x13, 0xc0, 0x25, 0x43, 0xda};
constexpr Uuid kTrailerUuid{0xad, 0x46, 0xce, 0x15, 0x4e, 0xa7, 0x17, 0xb8, 0xf9, 0xe5, 0xbf, 0x86, 0x34, 0xf2, 0x80, 0x3a};

/// Why footage is missing before a fragment. Stored in four bits: append, never renumber.
enum class GapReason : std::uint8_t {
    none = 0,
    offline,
    stalled,
    refused,
    loss,
    disk_full,
    disk_slow,
    disk_error,
    clock_step,
    timestamp_jump,
    format_change,
    switched_off,
    process_down,
    retention,
    spool_overflow,
    unknown,
};
/// "offline", "timestamp_jump" …; empty for none.
const char* to_string(GapReason reason) noexcept;

using KeyId = std::array<std::uint8_t, 8>;
/// The first eight bytes of the public key's SHA-256.
KeyId key_id(const crypto::PublicKey& key);

/// Who recorded it.
struct Origin {
    TenantId tenant{};
    SiteId site{};
    CameraId camera{};
    friend bool operator==(const Origin&, const Origin&) = default;
};

enum HeadFlag : std::uint8_t { head_clock_untrusted = 1,
                               head_no_key = 2,
                               head_recovered = 4 };

struct SegmentHead {
    std::uint8_t flags = 0;
    std::uint32_t number = 0;  ///< In its run.
    std::uint64_t run = 0;
    Origin origin{};
    Time start{};
    Duration start_monotonic{};
    std::array<std::uint8_t, 16> boot{};
    crypto::Digest previous{};  ///< SHA-256 of the previous segment's statement; zero: there is none.
    friend bool operator==(const SegmentHead&, const SegmentHead&) = default;
};

constexpr std::size_t kHeadSize = 200;

/// The content of the head's uuid box. Without a key, key id and signature are zero.
ByteVector encode(const SegmentHead& head, const crypto::SigningKey* key);

struct SignedHead {
    SegmentHead head{};
    KeyId key{};
    bool is_signed = false;
};
/// Throws Corrupt; Unsupported for a newer version. Does not check the signature: see verify_head.
SignedHead decode_head(ByteView content);
[[nodiscard]] bool verify_head(ByteView content, const crypto::PublicKey& key);

enum RecordFlag : std::uint16_t {
    record_key = 1,
    record_run_start = 2,
    record_discontinuity = 4,
    record_audio = 8,
    record_loss = 16,
    record_clock_untrusted = 32,
    record_recovered = 64,
    record_amends = 128,
};

/// One fragment: a line of the index, and the same bytes in front of the fragment.
struct IndexRecord {
    Time start{};
    std::uint32_t duration = 0;  ///< In 1/90000 s.
    std::uint32_t offset = 0;    ///< Of the fragment's uuid box.
    std::uint32_t bytes = 0;     ///< From there to the end of its mdat.
    std::uint16_t ordinal = 0;   ///< Of the segment, in its day.
    std::uint16_t flags = 0;     ///< RecordFlag; the reason is kept apart.
    GapReason reason = GapReason::none;
    std::uint16_t frames = 0;
    std::uint8_t motion = 255;
    std::uint8_t hint = 0;

    Time end() const { return start + Duration{(std::int64_t{duration} * 100 + 4) / 9}; }
    friend bool operator==(const IndexRecord&, const IndexRecord&) = default;
};

constexpr std::size_t kRecordSize = 32;
using RecordBytes = std::array<std::uint8_t, kRecordSize>;

/// What a record's checksum starts from, so that a record of another camera or day never passes.
std::uint32_t record_seed(const CameraId& camera, std::uint32_t day);
RecordBytes encode(const IndexRecord& record, std::uint32_t seed);
/// Empty: the checksum is wrong.
[[nodiscard]] std::optional<IndexRecord> decode_record(ByteView bytes, std::uint32_t seed);

enum TrailerFlag : std::uint8_t { trailer_recovered = 1 };

struct SegmentTrailer {
    std::uint8_t flags = 0;
    Time end{};
    std::uint64_t frames = 0;              ///< Of video.
    std::vector<crypto::Digest> leaves{};  ///< Leaf 0: up to the end of moov; leaf i: fragment i.
};

crypto::Digest tree_root(const std::vector<crypto::Digest>& leaves);
/// What is signed, and whose SHA-256 stands in the next segment's head.
ByteVector statement(const SegmentTrailer& trailer, const KeyId& key);
/// The content of the trailer's uuid box.
ByteVector encode(const SegmentTrailer& trailer, const crypto::SigningKey* key);

struct SignedTrailer {
    SegmentTrailer trailer{};
    crypto::Digest root{};  ///< As it stands there.
    crypto::Signature signature{};
};
/// Throws Corrupt, Unsupported.
SignedTrailer decode_trailer(ByteView content);

/// Days since 1970 in UTC.
std::uint32_t day_of(Time time);
/// "2026-11-21"
std::string day_name(std::uint32_t day);
/// Empty unless `name` is one that day_name makes.
std::optional<std::uint32_t> parse_day(const std::string& name);

/// The file's name within its day: `<run, 16 hex digits>-<number, 6 digits>.mp4`. Names sort by time.
std::string segment_name(std::uint64_t run, std::uint32_t number);
struct SegmentPlace {
    std::uint64_t run = 0;
    std::uint32_t number = 0;
};
std::optional<SegmentPlace> parse_segment_name(const std::string& name);

}  // namespace tenon::nvr
