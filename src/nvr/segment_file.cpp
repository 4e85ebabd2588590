#include <nvr/segment_file.hpp>

#include <algorithm>

#include <fcntl.h>
#include <unistd.h>

#include <media/mp4_read.hpp>
#include <tenon/error.hpp>

namespace tenon::nvr {
namespace {

namespace mp4 = media::mp4;

ByteVector uuid_box(const Uuid& uuid, ByteView content) {
    mp4::Writer w;
    w.begin(uuid);
    w.bytes(content);
    w.end();
    return w.take();
}

}  // namespace

SegmentFile::SegmentFile(const std::filesystem::path& folder, const SegmentHead& head,
                         std::span<const TrackFormat> tracks, std::uint64_t expected, const crypto::SigningKey* key)
    : path_(folder / segment_name(head.run, head.number)), head_(head), subject_(path_.filename().string()) {
    constexpr mp4::FourCC brands[] = {mp4::fourcc("iso6"), mp4::fourcc("iso5"), mp4::fourcc("mp41")};
    auto front = mp4::write_ftyp(brands);
    base::append(front, uuid_box(kHeadUuid, encode(head, key)));
    base::append(front, mp4::write_init(tracks));

    file_ = base::open_file(path_, O_RDWR | O_CREAT | O_EXCL);
    try {
        // Only a hint against fragmentation: a file system that cannot, or has no room for all of it, will say so later.
        if (expected > 0)
            (void)!::fallocate(file_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(expected));
        write(front);
    } catch (...) {
        (void)!::unlink(path_.c_str());
        throw;
    }
    trailer_.leaves.push_back(crypto::merkle_leaf(front));
    base::sync_folder(folder);
}

void SegmentFile::write(ByteView bytes) {
    try {
        base::pwrite_all(file_, bytes, size_, subject_);
    } catch (...) {
        (void)!::ftruncate(file_.get(), static_cast<off_t>(size_));
        throw;
    }
    size_ += bytes.size();
}

IndexRecord SegmentFile::append(IndexRecord record, std::uint32_t seed, std::span<const FragmentPart> parts) {
    std::vector<FragmentTrack> tracks;
    std::size_t content = 0;
    for (const auto& part : parts) {
        tracks.push_back(part.track);
        content += part.data.size();
    }
    const auto sequence = static_cast<std::uint32_t>(trailer_.leaves.size());
    const auto moof = mp4::write_fragment(sequence, tracks);
    constexpr std::size_t record_box = 24 + kRecordSize;
    const auto total = record_box + moof.size() + content;
    if (size_ + total > 0xffff'ffffu) throw InternalError("A segment grew beyond 4 GiB");
    record.offset = static_cast<std::uint32_t>(size_);
    record.bytes = static_cast<std::uint32_t>(total);

    ByteVector bytes;
    bytes.reserve(total);
    base::append(bytes, uuid_box(kRecordUuid, encode(record, seed)));
    base::append(bytes, moof);
    for (const auto& part : parts) base::append(bytes, part.data);
    write(bytes);
    trailer_.leaves.push_back(crypto::merkle_leaf(bytes));
    trailer_.frames += record.frames;
    return record;
}

void SegmentFile::write_back() noexcept {
    if (written_back_ == size_) return;
    (void)!::sync_file_range(file_.get(), static_cast<off_t>(written_back_),
                             static_cast<off_t>(size_ - written_back_), SYNC_FILE_RANGE_WRITE);
    written_back_ = size_;
}

void SegmentFile::sync() { base::sync_data(file_, subject_); }

crypto::Digest SegmentFile::finish(Time end, const crypto::SigningKey* key) {
    trailer_.end = end;
    write(uuid_box(kTrailerUuid, encode(trailer_, key)));
    // Truncating to the size it has frees what was set aside behind it.
    (void)!::ftruncate(file_.get(), static_cast<off_t>(size_));
    sync();
    return crypto::sha256(statement(trailer_, key ? key_id(key->public_key()) : KeyId{}));
}

namespace {

/// Whether moof and mdat stand behind the record and fill the fragment exactly.
bool looks_whole(const base::Fd& file, const IndexRecord& record) {
    const auto from = record.offset + 24 + kRecordSize, to = std::uint64_t{record.offset} + record.bytes;
    const auto inner = mp4::top_boxes(file.get(), from, to);
    if (inner.end != to || inner.boxes.size() != 2) return false;
    const auto &moof = inner.boxes[0], &mdat = inner.boxes[1];
    if (moof.type != mp4::fourcc("moof") || mdat.type != mp4::fourcc("mdat")) return false;
    const auto body = mp4::read_at(file.get(), moof.offset + moof.header, moof.size - moof.header);
    std::uint64_t content = 0;
    for (const auto& part : mp4::read_moof(body, {}).parts)
        for (const auto& sample : part.track.samples) content += sample.size;
    if (content != mdat.size - mdat.header) return false;
    // Blocks that never reached the disk read as zeros; no coded picture ends in 64 of them.
    const auto tail = std::min<std::uint64_t>(64, content);
    const auto last = mp4::read_at(file.get(), to - tail, tail);
    return tail < 64 || std::any_of(last.begin(), last.end(), [](std::uint8_t b) { return b != 0; });
}

}  // namespace

SegmentScan scan_segment(const base::Fd& file, const std::string& subject, std::uint64_t careful_from) {
    SegmentScan scan;
    scan.size = base::file_size(file, subject);
    std::uint8_t front[mp4::kBoxHeadMax];
    const auto head_at = [&](std::uint64_t at) -> std::optional<mp4::BoxHead> {
        if (at >= scan.size) return {};
        const auto n = base::pread_up_to(file, front, at, subject);
        return mp4::parse_box_head({front, n}, at, scan.size - at);
    };
    const auto ftyp = head_at(0);
    const auto head = ftyp ? head_at(ftyp->size) : std::nullopt;
    const auto moov = head ? head_at(head->offset + head->size) : std::nullopt;
    if (!moov || ftyp->type != mp4::fourcc("ftyp") || head->uuid != kHeadUuid || moov->type != mp4::fourcc("moov") ||
        head->size != head->header + kHeadSize)
        throw Corrupt("This file does not begin as a recording", {.subject = subject});
    scan.head_content = mp4::read_at(file.get(), head->offset + head->header, kHeadSize);
    scan.head = decode_head(scan.head_content);
    const auto movie = mp4::read_moov(mp4::read_at(file.get(), moov->offset + moov->header, moov->size - moov->header));
    for (const auto& track : movie.movie.tracks) scan.formats.push_back(track.formats.front());
    scan.init_end = scan.end = moov->offset + moov->size;

    const auto seed = record_seed(scan.head.head.origin.camera, day_of(scan.head.head.start));
    std::uint8_t box[24 + kRecordSize];
    while (scan.end < scan.size) {
        const auto n = base::pread_up_to(file, box, scan.end, subject);
        const auto found = mp4::parse_box_head({box, n}, scan.end, scan.size - scan.end);
        if (!found) break;
        if (found->uuid == kTrailerUuid) {
            const auto content = mp4::read_at(file.get(), found->offset + found->header, found->size - found->header);
            try {
                scan.trailer = decode_trailer(content);
                if (found->offset + found->size != scan.size) scan.damaged = true;
            } catch (const Corrupt&) {
                scan.damaged = true;
            }
            break;
        }
        const auto record = found->uuid == kRecordUuid && n == sizeof box
                                ? decode_record(ByteView(box).subspan(24), seed)
                                : std::nullopt;
        if (!record || record->offset != scan.end || record->bytes < sizeof box) {
            scan.damaged = true;
            break;
        }
        if (scan.end + record->bytes > scan.size) break;  // half a fragment
        if (scan.end >= careful_from) {
            bool whole = false;
            try {
                whole = looks_whole(file, *record);
            } catch (const Error&) {  // unreadable is not whole
            }
            if (!whole) break;
        }
        scan.records.push_back(*record);
        scan.end += record->bytes;
    }
    return scan;
}

std::vector<crypto::Digest> compute_leaves(const base::Fd& file, const SegmentScan& scan, const std::string& subject) {
    std::vector<crypto::Digest> leaves;
    ByteVector bytes;
    const auto add = [&](std::uint64_t from, std::uint64_t size) {
        bytes.resize(size);
        base::pread_all(file, bytes, from, subject);
        leaves.push_back(crypto::merkle_leaf(bytes));
    };
    add(0, scan.init_end);
    for (const auto& record : scan.records) add(record.offset, record.bytes);
    return leaves;
}

SegmentProof verify_segment(const std::filesystem::path& path, const crypto::PublicKey& key) {
    const auto subject = path.filename().string();
    const auto file = base::open_file(path, O_RDONLY);
    const auto scan = scan_segment(file, subject, ~std::uint64_t{0});
    SegmentProof proof;
    proof.head_signed = verify_head(scan.head_content, key);
    proof.previous = scan.head.head.previous;
    proof.has_trailer = scan.trailer.has_value();
    const auto leaves = compute_leaves(file, scan, subject);
    if (!scan.trailer) return proof;
    const auto& trailer = scan.trailer->trailer;
    const auto signed_statement = statement(trailer, key_id(key));
    proof.statement = crypto::sha256(signed_statement);
    proof.trailer_signed = crypto::verify(key, signed_statement, scan.trailer->signature) &&
                           tree_root(trailer.leaves) == scan.trailer->root;
    for (std::size_t i = 0; i < std::max(leaves.size(), trailer.leaves.size()); ++i)
        if (i >= leaves.size() || i >= trailer.leaves.size() || leaves[i] != trailer.leaves[i])
            proof.bad_leaves.push_back(static_cast<std::uint32_t>(i));
    return proof;
}

}  // namespace tenon::nvr
