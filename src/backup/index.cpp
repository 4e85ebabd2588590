#include "index.hpp"

#include <algorithm>
#include <bit>

#include <tenon/error.hpp>

namespace tenon::backup {
namespace {

constexpr std::size_t frame_row = 20, footer_chunk_row = 44, entry_row = 46;
constexpr std::size_t pack_row = 32 + 8 + 1 + 16 + 2 + 32 + 32 + 4;

/// Binary fields in order; running out is Corrupt.
class Fields {
public:
    Fields(ByteView bytes, const std::string& object) : left_(bytes), object_(object) {}
    template <class T> T number() { return base::load_le<T>(take(sizeof(T)).data()); }
    template <std::size_t N> std::array<std::uint8_t, N> array() {
        std::array<std::uint8_t, N> out;
        const auto from = take(N);
        std::copy(from.begin(), from.end(), out.begin());
        return out;
    }
    /// A count of rows, bounded by what is left.
    template <class T> std::size_t count(std::size_t row) {
        const auto value = number<T>();
        if (value > left_.size() / row) fail();
        return static_cast<std::size_t>(value);
    }
    void zeros(std::size_t count) {
        for (const auto byte : take(count))
            if (byte != 0) fail();
    }
    void expect_done() const { if (!left_.empty()) fail(); }
    [[noreturn]] void fail() const { throw Corrupt("a table of packs is malformed", {.subject = object_}); }

private:
    ByteView take(std::size_t count) {
        if (count > left_.size()) fail();
        const auto out = left_.first(count);
        left_ = left_.subspan(count);
        return out;
    }
    ByteView left_;
    const std::string& object_;
};

FrameInfo read_frame(Fields& in) {
    FrameInfo frame;
    frame.offset = in.number<std::uint64_t>();
    frame.clen = in.number<std::uint32_t>();
    frame.plain_len = in.number<std::uint32_t>();
    const auto codec = in.number<std::uint8_t>();
    in.zeros(3);
    if (codec > 1 || frame.clen > max_sealed || frame.clen < content_header_size + tag_size || frame.plain_len > max_plain) in.fail();
    frame.codec = static_cast<Codec>(codec);
    return frame;
}

void check_place(const Fields& in, const std::vector<FrameInfo>& frames, std::uint16_t frame, std::uint32_t offset, std::uint32_t length) {
    if (frame >= frames.size() || offset > frames[frame].plain_len || length > frames[frame].plain_len - offset) in.fail();
}

}  // namespace

void append_frames(ByteVector& out, const std::vector<FrameInfo>& frames) {
    for (const auto& frame : frames) {
        base::append_le(out, frame.offset);
        base::append_le(out, frame.clen);
        base::append_le(out, frame.plain_len);
        out.insert(out.end(), {static_cast<std::uint8_t>(frame.codec), 0, 0, 0});
    }
}

ByteVector encode_footer(const SealedPack& pack) {
    ByteVector out;
    out.reserve(8 + frame_row * pack.info.frames.size() + footer_chunk_row * pack.chunks.size());
    base::append_le(out, static_cast<std::uint32_t>(pack.info.frames.size()));
    base::append_le(out, static_cast<std::uint32_t>(pack.chunks.size()));
    append_frames(out, pack.info.frames);
    for (const auto& chunk : pack.chunks) {
        base::append(out, chunk.id);
        base::append_le(out, chunk.frame);
        base::append_le(out, std::uint16_t{0});
        base::append_le(out, chunk.offset);
        base::append_le(out, chunk.length);
    }
    return out;
}

void decode_footer(ByteView plain, SealedPack& pack, const std::string& object) {
    Fields in(plain, object);
    const auto frames = in.number<std::uint32_t>();
    const auto chunks = in.number<std::uint32_t>();
    if (frames > max_pack_frames || chunks > max_pack_chunks) in.fail();
    for (std::uint32_t i = 0; i < frames; ++i) pack.info.frames.push_back(read_frame(in));
    for (std::uint32_t i = 0; i < chunks; ++i) {
        PackChunk chunk;
        chunk.id = in.array<32>();
        chunk.frame = in.number<std::uint16_t>();
        in.zeros(2);
        chunk.offset = in.number<std::uint32_t>();
        chunk.length = in.number<std::uint32_t>();
        check_place(in, pack.info.frames, chunk.frame, chunk.offset, chunk.length);
        pack.chunks.push_back(chunk);
    }
    in.expect_done();
}

ByteVector encode_segment(const std::vector<SealedPack>& packs, const std::set<Id>& replaced) {
    ByteVector out;
    base::append_le(out, static_cast<std::uint32_t>(replaced.size()));
    for (const auto& segment : replaced) base::append(out, segment);
    base::append_le(out, static_cast<std::uint32_t>(packs.size()));
    struct Row {
        const PackChunk* chunk;
        std::uint32_t pack;
    };
    std::vector<Row> rows;
    for (std::uint32_t number = 0; number < packs.size(); ++number) {
        const auto& info = packs[number].info;
        base::append(out, info.sha);
        base::append_le(out, info.size);
        out.push_back(static_cast<std::uint8_t>(info.header.kind));
        base::append(out, info.header.class_id);
        base::append_le(out, info.header.dek);
        base::append(out, info.header.salt);
        base::append(out, info.header.commitment);
        base::append_le(out, static_cast<std::uint32_t>(info.frames.size()));
        append_frames(out, info.frames);
        for (const auto& chunk : packs[number].chunks) rows.push_back({&chunk, number});
    }
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.chunk->id < b.chunk->id; });
    out.reserve(out.size() + 8 + entry_row * rows.size());
    base::append_le(out, static_cast<std::uint64_t>(rows.size()));
    for (const auto& row : rows) {
        base::append(out, row.chunk->id);
        base::append_le(out, row.pack);
        base::append_le(out, row.chunk->frame);
        base::append_le(out, row.chunk->offset);
        base::append_le(out, row.chunk->length);
    }
    return out;
}

void Index::add_segment(ByteView payload, const std::string& object) {
    Fields in(payload, object);
    // What segments say that this one replaces is still true of packs that exist.
    for (auto left = in.count<std::uint32_t>(32); left > 0; --left) replaced_.insert(in.array<32>());
    const auto segment = static_cast<std::uint32_t>(segments_.size());
    segments_.push_back(object);
    const auto first = static_cast<std::uint32_t>(packs_.size());
    const auto packs = in.count<std::uint32_t>(pack_row);
    for (std::size_t i = 0; i < packs; ++i) {
        PackInfo pack;
        pack.segment = segment;
        pack.sha = in.array<32>();
        pack.size = in.number<std::uint64_t>();
        const auto kind = in.number<std::uint8_t>();
        if (kind != 1 && kind != 2) in.fail();
        pack.header.kind = static_cast<Kind>(kind);
        pack.header.class_id = in.array<16>();
        pack.header.dek = in.number<std::uint16_t>();
        pack.header.salt = in.array<32>();
        pack.header.commitment = in.array<32>();
        const auto frames = in.count<std::uint32_t>(frame_row);
        for (std::size_t f = 0; f < frames; ++f) {
            pack.frames.push_back(read_frame(in));
            if (pack.frames.back().offset > pack.size || pack.frames.back().stored() > pack.size - pack.frames.back().offset) in.fail();
        }
        packs_.push_back(std::move(pack));
    }
    const auto count = in.count<std::uint64_t>(entry_row);
    entries_.reserve(entries_.size() + count);
    for (std::size_t i = 0; i < count; ++i) {
        Entry entry;
        entry.id = in.array<32>();
        entry.place.pack = in.number<std::uint32_t>();
        entry.place.frame = in.number<std::uint16_t>();
        entry.place.offset = in.number<std::uint32_t>();
        entry.place.length = in.number<std::uint32_t>();
        if (entry.place.pack >= packs) in.fail();
        entry.place.pack += first;
        check_place(in, packs_[entry.place.pack].frames, entry.place.frame, entry.place.offset, entry.place.length);
        entries_.push_back(entry);
    }
    in.expect_done();
}

void Index::add_pack(const SealedPack& pack) {
    const auto number = static_cast<std::uint32_t>(packs_.size());
    packs_.push_back(pack.info);
    for (const auto& chunk : pack.chunks)
        entries_.push_back({chunk.id, {number, chunk.frame, chunk.offset, chunk.length}});
}

void Index::finish(const std::map<std::string, std::uint64_t>& present, const std::set<Id>& damaged, const std::set<Id>& leaving) {
    std::vector<bool> firm(packs_.size()), going(packs_.size()), broken(packs_.size());
    const bool any = !damaged.empty() || !leaving.empty();
    shaky_.assign(any ? packs_.size() : 0, false);
    for (std::size_t i = 0; i < packs_.size(); ++i) {
        const auto found = present.find(pack_name(packs_[i].sha));
        if (found == present.end() || found->second != packs_[i].size) continue;
        const bool is_damaged = damaged.contains(packs_[i].sha);
        (is_damaged ? broken : leaving.contains(packs_[i].sha) ? going : firm)[i] = true;
        if (any) shaky_[i] = !firm[i];
    }
    table_.assign(std::bit_ceil(entries_.size() * 5 / 4 + 1), 0);
    take_in(firm, true);
    if (!any) return;
    // What leaves is still there, and damage rarely hits all of a pack: what nothing else has is read from there.
    take_in(going, false);
    take_in(broken, false);
}

void Index::take_in(const std::vector<bool>& packs, bool replacing) {
    const auto mask = table_.size() - 1;
    for (std::uint32_t i = 0; i < entries_.size(); ++i) {
        if (!packs[entries_[i].place.pack]) continue;
        auto at = IdHash{}(entries_[i].id) & mask;
        while (table_[at] != 0 && entries_[table_[at] - 1].id != entries_[i].id) at = (at + 1) & mask;
        if (replacing || table_[at] == 0) table_[at] = i + 1;
    }
}

std::optional<std::uint32_t> Index::ordinal(const Id& id) const {
    if (table_.empty()) return std::nullopt;
    const auto mask = table_.size() - 1;
    for (auto at = IdHash{}(id) & mask; table_[at] != 0; at = (at + 1) & mask)
        if (entries_[table_[at] - 1].id == id) return table_[at] - 1;
    return std::nullopt;
}

const ChunkPlace* Index::find(const Id& id) const {
    const auto at = ordinal(id);
    return at ? &entries_[*at].place : nullptr;
}

}  // namespace tenon::backup
