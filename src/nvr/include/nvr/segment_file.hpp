#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <base/file.hpp>
#include <crypto/merkle.hpp>
#include <media/mp4_track.hpp>
#include <media/mp4_write.hpp>
#include <nvr/segment.hpp>

namespace tenon::nvr {

using media::mp4::FragmentTrack;
using media::mp4::TrackFormat;

/// What is spliced together for one fragment: a track's samples and their bytes.
struct FragmentPart {
    FragmentTrack track{};
    ByteVector data{};
};

/// A segment being written. One thread at a time.
///
/// Throws    NoSpace, Unavailable … The file then ends behind its last whole fragment, and may be finished or tried again.
class SegmentFile {
public:
    /// Makes the file with ftyp, head and moov. `expected` bytes are set aside on disk without changing its size.
    SegmentFile(const std::filesystem::path& folder, const SegmentHead& head, std::span<const TrackFormat> tracks,
                std::uint64_t expected, const crypto::SigningKey* key);

    /// Returns the record with its place filled in. `seed`: record_seed of the segment's day.
    IndexRecord append(IndexRecord record, std::uint32_t seed, std::span<const FragmentPart> parts);

    /// Starts writing back what is not on disk yet, without waiting.
    void write_back() noexcept;
    void sync();

    /// Writes the trailer, gives back what was set aside, and syncs. Returns the statement's hash, for the next segment.
    crypto::Digest finish(Time end, const crypto::SigningKey* key);

    const std::filesystem::path& path() const { return path_; }
    const SegmentHead& head() const { return head_; }
    std::uint64_t size() const { return size_; }
    std::uint64_t frames() const { return trailer_.frames; }
    bool empty() const { return trailer_.leaves.size() <= 1; }

private:
    void write(ByteView bytes);

    std::filesystem::path path_;
    SegmentHead head_;
    base::Fd file_;
    std::string subject_;
    std::uint64_t size_ = 0;
    std::uint64_t written_back_ = 0;
    SegmentTrailer trailer_;
};

/// What stands in a segment file, told from its boxes alone.
struct SegmentScan {
    SignedHead head{};
    ByteVector head_content{};
    std::vector<TrackFormat> formats{};
    std::uint64_t init_end = 0;  ///< Behind moov: the size of leaf 0.
    std::vector<IndexRecord> records{};
    std::uint64_t end = 0;  ///< Behind the last whole fragment.
    std::optional<SignedTrailer> trailer{};
    std::uint64_t size = 0;  ///< Of the file; more than `end` and the trailer: something torn.
    bool damaged = false;    ///< A record inside does not fit; the fragments behind it are not seen.
};

/// Reads box headers and uuid boxes only. Fragments that begin at or behind `careful_from` are looked into: a power cut
/// can leave a file longer than what was written to it. Throws Corrupt when it does not begin as a segment.
SegmentScan scan_segment(const base::Fd& file, const std::string& subject, std::uint64_t careful_from = 0);

/// The leaf hashes of a scanned file, computed from its bytes.
std::vector<crypto::Digest> compute_leaves(const base::Fd& file, const SegmentScan& scan, const std::string& subject);

/// The whole file against its signatures.
struct SegmentProof {
    bool head_signed = false;  ///< Correctly, with this key.
    bool has_trailer = false;
    bool trailer_signed = false;
    std::vector<std::uint32_t> bad_leaves{};  ///< 0: what stands before the first fragment.
    crypto::Digest previous{};
    crypto::Digest statement{};  ///< Hash of it; what the next segment must name.
    bool whole() const { return head_signed && trailer_signed && bad_leaves.empty(); }
};
SegmentProof verify_segment(const std::filesystem::path& path, const crypto::PublicKey& key);

}  // namespace tenon::nvr
