#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "container.hpp"
#include "wire.hpp"

namespace tenon::backup {

struct FrameInfo {
    std::uint64_t offset = 0;   ///< Of the frame's header in the pack.
    std::uint32_t clen = 0;
    std::uint32_t plain_len = 0;
    Codec codec = Codec::raw;

    std::uint64_t stored() const { return frame_header_size + clen; }
    friend bool operator==(const FrameInfo&, const FrameInfo&) = default;
};

struct PackInfo {
    Id sha{};
    std::uint64_t size = 0;
    ContainerHeader header;
    std::vector<FrameInfo> frames;
    std::uint32_t segment = no_segment;  ///< In Index::segments: who listed it.

    static constexpr std::uint32_t no_segment = 0xffffffff;
};

/// A chunk within its pack; the offset counts in the frame's plain bytes.
struct PackChunk {
    Id id{};
    std::uint16_t frame = 0;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
};

struct ChunkPlace {
    std::uint32_t pack = 0;     ///< In Index::packs, or in the segment while it is being read.
    std::uint16_t frame = 0;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
};

struct SealedPack {
    PackInfo info;
    std::vector<PackChunk> chunks;
};

/// The frame table as footers and segments hold it.
void append_frames(ByteVector& out, const std::vector<FrameInfo>& frames);

ByteVector encode_footer(const SealedPack& pack);
/// Fills frames and chunks. Throws Corrupt.
void decode_footer(ByteView plain, SealedPack& pack, const std::string& object);

/// One index segment's payload: these packs. `replaced`: hashes of segments that it stands for from now on.
ByteVector encode_segment(const std::vector<SealedPack>& packs, const std::set<Id>& replaced = {});

/// Every chunk the repository holds, by id.
///
/// Threads   reading from several at once is fine.
class Index {
public:
    void add_segment(ByteView payload, const std::string& object);
    void add_pack(const SealedPack& pack);
    /// Makes what was added findable, except for chunks of packs that are not `present` (names to sizes).
    /// `leaving`, `damaged`: packs of which only that is found which no other one has, those that only leave before damaged ones.
    void finish(const std::map<std::string, std::uint64_t>& present, const std::set<Id>& damaged = {}, const std::set<Id>& leaving = {});

    const ChunkPlace* find(const Id& id) const;
    /// Whether it is there, nothing is known to be wrong with it, and no collection is about to take it away.
    bool contains(const Id& id) const {
        const auto* place = find(id);
        return place && (shaky_.empty() || !shaky_[place->pack]);
    }
    /// The entry that find() tells of, as a number below chunks().
    std::optional<std::uint32_t> ordinal(const Id& id) const;
    const std::vector<PackInfo>& packs() const { return packs_; }
    std::size_t chunks() const { return entries_.size(); }
    struct Entry {
        Id id;
        ChunkPlace place;
    };
    const std::vector<Entry>& entries() const { return entries_; }
    /// What it was made of, by name.
    const std::vector<std::string>& segments() const { return segments_; }
    /// Hashes of segments that those stand for.
    const std::set<Id>& replaced() const { return replaced_; }

private:
    void take_in(const std::vector<bool>& packs, bool replacing);

    std::vector<PackInfo> packs_;
    std::vector<std::string> segments_;
    std::set<Id> replaced_;
    std::vector<bool> shaky_;           // by pack; empty: none is
    std::vector<Entry> entries_;
    std::vector<std::uint32_t> table_;  // entry + 1; 0: empty
};

}  // namespace tenon::backup
