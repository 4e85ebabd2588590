#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "container.hpp"
#include "id_table.hpp"
#include "scratch.hpp"
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

/// A pack's frames, twelve bytes each: there may be one for every four chunks.
class FrameTable {
public:
    static constexpr std::uint64_t max_offset = 0xffffffff;  ///< No profile has packs that come near.
    std::size_t size() const { return rows_.size(); }
    bool empty() const { return rows_.empty(); }
    FrameInfo operator[](std::size_t at) const {
        const auto& row = rows_[at];
        return {row.offset, row.clen, row.plain_len, static_cast<Codec>(row.codec)};
    }
    class Iterator {
    public:
        Iterator(const FrameTable& table, std::size_t at) : table_(&table), at_(at) {}
        FrameInfo operator*() const { return (*table_)[at_]; }
        Iterator& operator++() {
            ++at_;
            return *this;
        }
        bool operator==(const Iterator& other) const { return at_ == other.at_; }

    private:
        const FrameTable* table_;
        std::size_t at_;
    };
    Iterator begin() const { return {*this, 0}; }
    Iterator end() const { return {*this, rows_.size()}; }
    FrameInfo back() const { return (*this)[rows_.size() - 1]; }
    void reserve(std::size_t count) { rows_.reserve(count); }
    void push_back(const FrameInfo& frame) {
        rows_.push_back({static_cast<std::uint32_t>(frame.offset), frame.clen, frame.plain_len & 0x7fffffff,
                         static_cast<std::uint32_t>(frame.codec) & 1});
    }
    friend bool operator==(const FrameTable&, const FrameTable&) = default;

private:
    struct Row {
        std::uint32_t offset;
        std::uint32_t clen;
        std::uint32_t plain_len : 31;
        std::uint32_t codec : 1;
        friend bool operator==(const Row&, const Row&) = default;
    };
    std::vector<Row> rows_;
};

struct PackInfo {
    Id sha{};
    std::uint64_t size = 0;
    ContainerHeader header;
    FrameTable frames;
    std::uint32_t segment = no_segment;  ///< In Index::segments: who listed it.

    static constexpr std::uint32_t no_segment = 0xffffffff;
};

/// A chunk within its pack; the offset counts in the frame's plain bytes.
struct PackChunk {
    Id id{};
    std::uint16_t frame = 0;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
    friend bool operator==(const PackChunk&, const PackChunk&) = default;
};

struct ChunkPlace {
    std::uint32_t pack = 0;     ///< In Index::packs.
    std::uint16_t frame = 0;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
};

struct SealedPack {
    PackInfo info;
    std::vector<PackChunk> chunks;
};

/// The frame table as footers and segments hold it.
void append_frames(ByteVector& out, const FrameTable& frames);

ByteVector encode_footer(const SealedPack& pack);
/// Fills frames and chunks. Throws Corrupt.
void decode_footer(ByteView plain, SealedPack& pack, const std::string& object);

/// One index segment's payload: these packs. `replaced`: hashes of segments that it stands for from now on.
ByteVector encode_segment(const std::vector<SealedPack>& packs, const std::set<Id>& replaced = {});
/// The same packs, chunks by frame and offset. Adds to `replaced`. Throws Corrupt.
std::vector<SealedPack> decode_segment(ByteView payload, const std::string& object, std::set<Id>& replaced);

/// Every chunk the repository holds, by id. In memory there are a table of ten bytes a chunk and the packs; ids and places lie in a
/// scratch file, in the order of packs, frames and offsets, and an id counts as found only once it was compared there as a whole.
///
/// Threads   reading from several at once is fine.
/// Throws    Unavailable where the scratch file cannot be read: whoever has the index makes another one (is_broken).
class Index {
public:
    /// `scratch`: the folder for what does not stay in memory; empty: it stays there. `tag_bits`: for tests.
    explicit Index(std::filesystem::path scratch = {}, std::uint32_t tag_bits = 0xffffffff);

    void add_segment(ByteView payload, const std::string& object);
    void add_pack(const SealedPack& pack);
    /// Makes what was added findable, except for chunks of packs that are not `present` (names to sizes).
    /// `leaving`, `damaged`: packs of which only that is found which no other one has, those that only leave before damaged ones.
    void finish(const std::map<std::string, std::uint64_t>& present, const std::set<Id>& damaged = {}, const std::set<Id>& leaving = {});

    /// Entries have numbers, from 0 up to chunks(): those of a pack lie together, in the order of frames and offsets.
    struct Entry {
        Id id{};
        ChunkPlace place;
    };
    struct Found {
        std::uint32_t ordinal = 0;
        ChunkPlace place;
    };
    std::optional<Found> find(const Id& id) const;
    /// Whether it is there, nothing is known to be wrong with it, and no collection is about to take it away.
    bool contains(const Id& id) const {
        const auto at = ordinal(id);
        return at && !is_shaky(*at);
    }
    /// Of an entry that find() tells of: whether contains() would say no.
    bool is_shaky(std::uint32_t ordinal) const { return !shaky_.empty() && shaky_[pack_of(ordinal)]; }
    /// The entry that find() tells of.
    std::optional<std::uint32_t> ordinal(const Id& id) const;
    const std::vector<PackInfo>& packs() const { return packs_; }
    std::size_t chunks() const { return rows_.size(); }
    Entry entry(std::uint32_t ordinal) const;
    std::uint32_t pack_of(std::uint32_t ordinal) const;
    /// A pack's entries: the first, and the one behind the last.
    std::pair<std::uint32_t, std::uint32_t> entries_of(std::uint32_t pack) const {
        return {first_[pack], pack + 1 < first_.size() ? first_[pack + 1] : rows_.size()};
    }
    /// Calls see(ordinal, entry) for a pack's entries in order; faster than asking for each.
    template <class See> void each_of(std::uint32_t pack, See see) const {
        const auto [first, last] = entries_of(pack);
        rows_.each(first, last, [&](std::uint32_t number, ByteView row) { see(number, read_row(row, pack)); });
    }
    /// What it was made of, by name.
    const std::vector<std::string>& segments() const { return segments_; }
    /// Hashes of segments that those stand for.
    const std::set<Id>& replaced() const { return replaced_; }
    [[nodiscard]] bool is_broken() const { return scratch_->is_broken(); }
    const ScratchFile& scratch() const { return *scratch_; }

private:
    static Entry read_row(ByteView row, std::uint32_t pack);
    bool has_id(std::uint32_t row, const Id& id) const;
    void take_in(const std::vector<bool>& packs, bool replacing);

    std::shared_ptr<ScratchFile> scratch_;
    ScratchRows rows_;
    std::vector<PackInfo> packs_;
    std::vector<std::uint32_t> first_;  // of each pack: its first entry
    std::vector<std::string> segments_;
    std::set<Id> replaced_;
    std::vector<bool> shaky_;           // by pack; empty: none is
    IdTable table_;
};

}  // namespace tenon::backup
