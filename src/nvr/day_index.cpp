#include <nvr/day_index.hpp>

#include <algorithm>

#include <fcntl.h>
#include <unistd.h>

#include <tenon/error.hpp>

#include "ticks.hpp"

namespace tenon::nvr {
namespace {

constexpr std::array<std::uint8_t, 8> kMagic{0xd1, 0x2c, 0xb9, 0xd0, 0x10, 0xc1, 0xdd, 0x64};
constexpr std::size_t kChecked = 92;
constexpr std::size_t kSigned = 96;
constexpr std::size_t kMaxIndex = 64 << 20;  // a day is 3 MB; anything near this is no index

ByteVector signed_part(ByteView header) {
    ByteVector message;
    base::append(message, base::view_of("segment.index.1"));
    base::append(message, header.first(kSigned));
    return message;
}

ByteVector encode_all(const std::vector<IndexRecord>& records, std::uint32_t seed) {
    ByteVector bytes;
    bytes.reserve(records.size() * kRecordSize);
    for (const auto& record : records) base::append(bytes, encode(record, seed));
    return bytes;
}

}  // namespace

ByteVector encode(const IndexHeader& header, const crypto::SigningKey* key) {
    ByteVector out(kIndexHeaderSize);
    auto* p = out.data();
    std::copy(kMagic.begin(), kMagic.end(), p);
    base::store_le(p + 8, std::uint16_t{1});
    base::store_le(p + 10, static_cast<std::uint16_t>(kRecordSize));
    base::store_le(p + 12, header.day);
    const auto put_id = [&](std::size_t at, const IdBytes& id) { std::copy(id.begin(), id.end(), p + at); };
    put_id(16, base::bytes_of(header.origin.tenant));
    put_id(32, base::bytes_of(header.origin.site));
    put_id(48, base::bytes_of(header.origin.camera));
    base::store_le(p + 64, std::int64_t{header.created.time_since_epoch().count()});
    base::store_le(p + 72, std::uint32_t{kSecond});
    base::store_le(p + 76, static_cast<std::uint32_t>(kIndexHeaderSize));
    if (key) {
        const auto id = key_id(key->public_key());
        std::copy(id.begin(), id.end(), p + 80);
    }
    base::store_le(p + kChecked, crypto::crc32c(ByteView(out).first(kChecked)));
    if (key) {
        const auto signature = key->sign(signed_part(out));
        std::copy(signature.begin(), signature.end(), p + kSigned);
    }
    return out;
}

IndexHeader decode_index_header(ByteView bytes) {
    if (bytes.size() < kIndexHeaderSize || !std::equal(kMagic.begin(), kMagic.end(), bytes.begin()))
        throw Corrupt("This is no index of recordings");
    const auto* p = bytes.data();
    if (base::load_le<std::uint16_t>(p + 8) != 1) throw Unsupported("This index was written by a newer version");
    if (base::load_le<std::uint32_t>(p + kChecked) != crypto::crc32c(bytes.first(kChecked)) ||
        base::load_le<std::uint16_t>(p + 10) != kRecordSize || base::load_le<std::uint32_t>(p + 76) != kIndexHeaderSize)
        throw Corrupt("The header of an index of recordings is damaged");
    const auto id_at = [&](std::size_t at) { return std::span<const std::uint8_t, 16>(p + at, 16); };
    IndexHeader header;
    header.day = base::load_le<std::uint32_t>(p + 12);
    header.origin.tenant = base::id_from<TenantId>(id_at(16));
    header.origin.site = base::id_from<SiteId>(id_at(32));
    header.origin.camera = base::id_from<CameraId>(id_at(48));
    header.created = Time{Duration{base::load_le<std::int64_t>(p + 64)}};
    return header;
}

bool verify_index_header(ByteView bytes, const crypto::PublicKey& key) {
    if (bytes.size() < kIndexHeaderSize) return false;
    return crypto::verify(key, signed_part(bytes), bytes.subspan(kSigned, 64));
}

IndexContent read_index(const std::filesystem::path& file) {
    const auto bytes = base::read_file(file, kMaxIndex);
    IndexContent content;
    content.header = decode_index_header(bytes);
    const auto seed = record_seed(content.header.origin.camera, content.header.day);
    const auto body = ByteView(bytes).subspan(kIndexHeaderSize);
    content.torn = body.size() % kRecordSize;
    for (std::size_t at = 0; at + kRecordSize <= body.size(); at += kRecordSize) {
        const auto record = decode_record(body.subspan(at, kRecordSize), seed);
        if (!record) {
            ++content.bad;
            continue;
        }
        if (!(record->flags & record_amends)) {
            content.records.push_back(*record);
            continue;
        }
        const auto amended = std::find_if(content.records.rbegin(), content.records.rend(), [&](const IndexRecord& r) {
            return r.start == record->start && r.ordinal == record->ordinal && r.offset == record->offset;
        });
        if (amended != content.records.rend()) amended->motion = record->motion;
    }
    return content;
}

DayIndex DayIndex::open(const std::filesystem::path& folder, const IndexHeader& header, const crypto::SigningKey* key) {
    const auto path = folder / kIndexName;
    // A half-written header would make the whole day unreadable: it appears whole or not at all.
    if (base::create_file_once(path, encode(header, key))) base::sync_folder(folder);
    DayIndex index;
    index.subject_ = path.filename().string();
    index.file_ = base::open_file(path, O_RDWR);
    ByteVector bytes(kIndexHeaderSize);
    base::pread_all(index.file_, bytes, 0, index.subject_);
    const auto found = decode_index_header(bytes);
    if (found.day != header.day || found.origin.camera != header.origin.camera)
        throw Corrupt("An index of recordings belongs to another camera or day", {.subject = path.string()});
    index.seed_ = record_seed(header.origin.camera, header.day);
    const auto size = base::file_size(index.file_, index.subject_);
    index.size_ = size - (size - kIndexHeaderSize) % kRecordSize;
    if (index.size_ != size && ::ftruncate(index.file_.get(), static_cast<off_t>(index.size_)) != 0)
        base::throw_errno("cannot cut a torn record off", path);
    return index;
}

void DayIndex::append(const std::vector<IndexRecord>& records) {
    if (records.empty()) return;
    const auto bytes = encode_all(records, seed_);
    try {
        base::pwrite_all(file_, bytes, size_, subject_);
    } catch (...) {
        // Part of it may stand there: the next append overwrites it, and a reader takes whole records only.
        (void)!::ftruncate(file_.get(), static_cast<off_t>(size_));
        throw;
    }
    size_ += bytes.size();
}

void DayIndex::sync() { base::sync_data(file_, subject_); }

void replace_index(const std::filesystem::path& folder, const IndexHeader& header,
                   const std::vector<IndexRecord>& records, const crypto::SigningKey* key) {
    auto bytes = encode(header, key);
    base::append(bytes, encode_all(records, record_seed(header.origin.camera, header.day)));
    base::write_file_atomically(folder / kIndexName, bytes);
}

}  // namespace tenon::nvr
