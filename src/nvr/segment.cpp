#include <nvr/segment.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>

#include <crypto/merkle.hpp>
#include <media/mp4_bytes.hpp>
#include <tenon/error.hpp>

namespace tenon::nvr {
namespace {

using media::mp4::Reader;
using media::mp4::Writer;

constexpr std::size_t kHeadSigned = 136;
constexpr std::size_t kTrailerFixed = 24;

std::int64_t micros(Time time) { return time.time_since_epoch().count(); }
Time time_of(std::int64_t us) { return Time{Duration{us}}; }

ByteVector with_label(std::string_view label, ByteView content) {
    ByteVector message;
    base::append(message, base::view_of(label));
    base::append(message, content);
    return message;
}

template <class Id>
Id read_id(Reader& r) {
    const auto bytes = r.bytes(16);
    return base::id_from<Id>(std::span<const std::uint8_t, 16>(bytes.data(), 16));
}

template <std::size_t N>
std::array<std::uint8_t, N> read_array(Reader& r) {
    std::array<std::uint8_t, N> out;
    const auto bytes = r.bytes(N);
    std::copy(bytes.begin(), bytes.end(), out.begin());
    return out;
}

bool all_zero(ByteView bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b == 0; });
}

}  // namespace

const char* to_string(GapReason reason) noexcept {
    constexpr const char* names[] = {"", "offline", "stalled", "refused", "loss", "disk_full", "disk_slow", "disk_error",
                                     "clock_step", "timestamp_jump", "format_change", "switched_off", "process_down",
                                     "retention", "spool_overflow", "unknown"};
    return names[static_cast<std::size_t>(reason) & 15];
}

KeyId key_id(const crypto::PublicKey& key) {
    const auto digest = crypto::sha256(key);
    KeyId id;
    std::copy_n(digest.begin(), id.size(), id.begin());
    return id;
}

ByteVector encode(const SegmentHead& head, const crypto::SigningKey* key) {
    Writer w;
    w.u8(1);
    w.u8(head.flags);
    w.u16(0);
    w.u32(head.number);
    w.u64(head.run);
    w.bytes(base::bytes_of(head.origin.camera));
    w.bytes(base::bytes_of(head.origin.tenant));
    w.bytes(base::bytes_of(head.origin.site));
    w.i64(micros(head.start));
    w.i64(head.start_monotonic.count());
    w.bytes(head.boot);
    w.bytes(head.previous);
    w.bytes(key ? key_id(key->public_key()) : KeyId{});
    w.bytes(key ? key->sign(with_label("segment.head.1", w.data())) : crypto::Signature{});
    return w.take();
}

SignedHead decode_head(ByteView content) {
    Reader r(content);
    const auto version = r.u8();
    if (version != 1) throw Unsupported("This segment was written by a newer version");
    SignedHead result;
    auto& head = result.head;
    head.flags = r.u8();
    r.skip(2);
    head.number = r.u32();
    head.run = r.u64();
    head.origin.camera = read_id<CameraId>(r);
    head.origin.tenant = read_id<TenantId>(r);
    head.origin.site = read_id<SiteId>(r);
    head.start = time_of(r.i64());
    head.start_monotonic = Duration{r.i64()};
    head.boot = read_array<16>(r);
    head.previous = read_array<32>(r);
    result.key = read_array<8>(r);
    result.is_signed = !all_zero(r.bytes(64));
    return result;
}

bool verify_head(ByteView content, const crypto::PublicKey& key) {
    if (content.size() != kHeadSize) return false;
    return crypto::verify(key, with_label("segment.head.1", content.first(kHeadSigned)), content.subspan(kHeadSigned));
}

std::uint32_t record_seed(const CameraId& camera, std::uint32_t day) {
    std::uint8_t bytes[20];
    const auto id = base::bytes_of(camera);
    std::copy(id.begin(), id.end(), bytes);
    base::store_le(bytes + 16, day);
    return crypto::crc32c(bytes);
}

RecordBytes encode(const IndexRecord& record, std::uint32_t seed) {
    RecordBytes out{};
    base::store_le(out.data(), micros(record.start));
    base::store_le(out.data() + 8, record.duration);
    base::store_le(out.data() + 12, record.offset);
    base::store_le(out.data() + 16, record.bytes);
    base::store_le(out.data() + 20, record.ordinal);
    const auto reason = static_cast<std::uint16_t>(static_cast<unsigned>(record.reason) << 8);
    base::store_le(out.data() + 22, static_cast<std::uint16_t>((record.flags & 0xff) | reason));
    base::store_le(out.data() + 24, record.frames);
    out[26] = record.motion;
    out[27] = record.hint;
    base::store_le(out.data() + 28, crypto::crc32c(ByteView(out).first(28), seed));
    return out;
}

std::optional<IndexRecord> decode_record(ByteView bytes, std::uint32_t seed) {
    if (bytes.size() != kRecordSize) return {};
    const auto* p = bytes.data();
    if (base::load_le<std::uint32_t>(p + 28) != crypto::crc32c(bytes.first(28), seed)) return {};
    IndexRecord record;
    record.start = time_of(base::load_le<std::int64_t>(p));
    record.duration = base::load_le<std::uint32_t>(p + 8);
    record.offset = base::load_le<std::uint32_t>(p + 12);
    record.bytes = base::load_le<std::uint32_t>(p + 16);
    record.ordinal = base::load_le<std::uint16_t>(p + 20);
    const auto flags = base::load_le<std::uint16_t>(p + 22);
    record.flags = flags & 0xff;
    record.reason = static_cast<GapReason>(flags >> 8 & 15);
    record.frames = base::load_le<std::uint16_t>(p + 24);
    record.motion = p[26];
    record.hint = p[27];
    return record;
}

crypto::Digest tree_root(const std::vector<crypto::Digest>& leaves) {
    crypto::MerkleTree tree;
    for (const auto& leaf : leaves) tree.append(leaf);
    return tree.root();
}

ByteVector statement(const SegmentTrailer& trailer, const KeyId& key) {
    Writer w;
    w.bytes(base::view_of("segment.sign.1"));
    w.bytes(tree_root(trailer.leaves));
    w.u32(static_cast<std::uint32_t>(trailer.leaves.size()));
    w.i64(micros(trailer.end));
    w.u8(trailer.flags);
    w.bytes(key);
    return w.take();
}

ByteVector encode(const SegmentTrailer& trailer, const crypto::SigningKey* key) {
    Writer w;
    w.u8(1);
    w.u8(trailer.flags);
    w.u16(0);
    w.u32(static_cast<std::uint32_t>(trailer.leaves.size()));
    w.i64(micros(trailer.end));
    w.u64(trailer.frames);
    for (const auto& leaf : trailer.leaves) w.bytes(leaf);
    w.bytes(tree_root(trailer.leaves));
    w.bytes(key ? key->sign(statement(trailer, key_id(key->public_key()))) : crypto::Signature{});
    return w.take();
}

SignedTrailer decode_trailer(ByteView content) {
    Reader r(content);
    if (r.u8() != 1) throw Unsupported("This segment was written by a newer version");
    SignedTrailer result;
    result.trailer.flags = r.u8();
    r.skip(2);
    const auto count = r.u32();
    result.trailer.end = time_of(r.i64());
    result.trailer.frames = r.u64();
    if (content.size() < kTrailerFixed || content.size() - kTrailerFixed != std::uint64_t{count} * 32 + 96)
        throw Corrupt("A segment's trailer has the wrong size");
    result.trailer.leaves.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) result.trailer.leaves.push_back(read_array<32>(r));
    result.root = read_array<32>(r);
    result.signature = read_array<64>(r);
    return result;
}

std::uint32_t day_of(Time time) {
    return static_cast<std::uint32_t>(std::chrono::floor<std::chrono::days>(time).time_since_epoch().count());
}

std::string day_name(std::uint32_t day) {
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
    char text[32];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
    return text;
}

std::optional<std::uint32_t> parse_day(const std::string& name) {
    int year = 0;
    unsigned month = 0, day = 0;
    if (name.size() != 10 || std::sscanf(name.c_str(), "%4d-%2u-%2u", &year, &month, &day) != 3) return {};
    const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{month}, std::chrono::day{day}};
    if (!date.ok()) return {};
    const auto count = std::chrono::sys_days{date}.time_since_epoch().count();
    if (count < 0 || day_name(static_cast<std::uint32_t>(count)) != name) return {};
    return static_cast<std::uint32_t>(count);
}

std::string segment_name(std::uint64_t run, std::uint32_t number) {
    char text[48];
    std::snprintf(text, sizeof text, "%016llx-%06u.mp4", static_cast<unsigned long long>(run), number);
    return text;
}

std::optional<SegmentPlace> parse_segment_name(const std::string& name) {
    SegmentPlace place;
    if (name.size() < 27 || name[16] != '-' || !name.ends_with(".mp4")) return {};
    const auto* begin = name.data();
    const auto* end = begin + name.size() - 4;
    if (std::from_chars(begin, begin + 16, place.run, 16).ptr != begin + 16) return {};
    if (std::from_chars(begin + 17, end, place.number).ptr != end) return {};
    if (segment_name(place.run, place.number) != name) return {};
    return place;
}

}  // namespace tenon::nvr
