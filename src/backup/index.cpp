#include "index.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <tenon/error.hpp>

namespace tenon::backup {
namespace {

constexpr std::size_t frame_row = 20, footer_chunk_row = 44, entry_row = 46;
constexpr std::size_t scratch_row = 32 + 2 + 4 + 4;
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
    void skip(std::size_t count) { take(count); }
    void zeros(std::size_t count) {
        for (const auto byte : take(count))
            if (byte != 0) fail();
    }
    std::size_t left() const { return left_.size(); }
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

/// The next of a pack's: they lie behind each other.
FrameInfo read_frame(Fields& in, const FrameTable& before) {
    FrameInfo frame;
    frame.offset = in.number<std::uint64_t>();
    frame.clen = in.number<std::uint32_t>();
    frame.plain_len = in.number<std::uint32_t>();
    const auto codec = in.number<std::uint8_t>();
    in.zeros(3);
    if (codec > 1 || frame.offset > FrameTable::max_offset || frame.plain_len > max_plain) in.fail();
    if (frame.clen > max_sealed || frame.clen < content_header_size + tag_size) in.fail();
    const auto last = before.empty() ? FrameInfo{} : before[before.size() - 1];
    if (frame.offset < (before.empty() ? container_header_size : last.offset + last.stored())) in.fail();
    frame.codec = static_cast<Codec>(codec);
    return frame;
}

void check_place(const Fields& in, const FrameTable& frames, std::uint16_t frame, std::uint32_t offset, std::uint32_t length) {
    if (frame >= frames.size() || offset > frames[frame].plain_len || length > frames[frame].plain_len - offset) in.fail();
}

bool comes_before(const PackChunk& a, const PackChunk& b) { return std::pair(a.frame, a.offset) < std::pair(b.frame, b.offset); }

}  // namespace

void append_frames(ByteVector& out, const FrameTable& frames) {
    for (const auto frame : frames) {
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
    if (frames > in.left() / frame_row) in.fail();
    pack.info.frames.reserve(frames);
    for (std::uint32_t i = 0; i < frames; ++i) pack.info.frames.push_back(read_frame(in, pack.info.frames));
    if (chunks > in.left() / footer_chunk_row) in.fail();
    pack.chunks.reserve(chunks);
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
        std::uint64_t front;  // of the id: ids are hashes, so that this mostly tells which of two comes first
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
        for (const auto& chunk : packs[number].chunks) rows.push_back({base::load_be64(chunk.id.data()), &chunk, number});
    }
    std::sort(rows.begin(), rows.end(),
              [](const Row& a, const Row& b) { return a.front != b.front ? a.front < b.front : a.chunk->id < b.chunk->id; });
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

std::vector<SealedPack> decode_segment(ByteView payload, const std::string& object, std::set<Id>& replaced) {
    Fields in(payload, object);
    std::set<Id> stands_for;
    for (auto left = in.count<std::uint32_t>(32); left > 0; --left) stands_for.insert(in.array<32>());
    std::vector<SealedPack> packs(in.count<std::uint32_t>(pack_row));
    for (auto& [pack, chunks] : packs) {
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
        pack.frames.reserve(frames);
        for (std::size_t f = 0; f < frames; ++f) {
            const auto frame = read_frame(in, pack.frames);
            if (frame.offset > pack.size || frame.stored() > pack.size - frame.offset) in.fail();
            pack.frames.push_back(frame);
        }
    }
    const auto count = in.count<std::uint64_t>(entry_row);
    auto again = in;
    std::vector<std::uint32_t> of(packs.size());
    for (std::size_t i = 0; i < count; ++i) {
        in.skip(32);
        const auto pack = in.number<std::uint32_t>();
        if (pack >= packs.size()) in.fail();
        ++of[pack];
        in.skip(entry_row - 32 - 4);
    }
    in.expect_done();
    for (std::size_t i = 0; i < packs.size(); ++i) packs[i].chunks.reserve(of[i]);
    for (std::size_t i = 0; i < count; ++i) {
        PackChunk chunk;
        chunk.id = again.array<32>();
        auto& pack = packs[again.number<std::uint32_t>()];
        chunk.frame = again.number<std::uint16_t>();
        chunk.offset = again.number<std::uint32_t>();
        chunk.length = again.number<std::uint32_t>();
        check_place(again, pack.info.frames, chunk.frame, chunk.offset, chunk.length);
        pack.chunks.push_back(chunk);
    }
    for (auto& pack : packs) std::sort(pack.chunks.begin(), pack.chunks.end(), comes_before);
    replaced.merge(stands_for);
    return packs;
}

Index::Index(std::filesystem::path scratch, std::uint32_t tag_bits)
    : scratch_(std::make_shared<ScratchFile>(std::move(scratch))), rows_(scratch_, scratch_row), table_(tag_bits) {}

void Index::add_segment(ByteView payload, const std::string& object) {
    // What segments say that this one replaces is still true of packs that exist.
    auto packs = decode_segment(payload, object, replaced_);
    const auto segment = static_cast<std::uint32_t>(segments_.size());
    segments_.push_back(object);
    for (auto& pack : packs) {
        pack.info.segment = segment;
        add_pack(pack);
        pack = {};
    }
}

void Index::add_pack(const SealedPack& pack) {
    if (!std::is_sorted(pack.chunks.begin(), pack.chunks.end(), comes_before)) {
        auto sorted = pack;
        std::sort(sorted.chunks.begin(), sorted.chunks.end(), comes_before);
        return add_pack(sorted);
    }
    packs_.push_back(pack.info);
    first_.push_back(rows_.size());
    std::array<std::uint8_t, scratch_row> row;
    for (const auto& chunk : pack.chunks) {
        std::copy(chunk.id.begin(), chunk.id.end(), row.begin());
        base::store_le(&row[32], chunk.frame);
        base::store_le(&row[34], chunk.offset);
        base::store_le(&row[38], chunk.length);
        rows_.add(row);
    }
}

Index::Entry Index::read_row(ByteView row, std::uint32_t pack) {
    Entry entry;
    std::copy_n(row.begin(), entry.id.size(), entry.id.begin());
    entry.place = {pack, base::load_le<std::uint16_t>(&row[32]), base::load_le<std::uint32_t>(&row[34]), base::load_le<std::uint32_t>(&row[38])};
    return entry;
}

Index::Entry Index::entry(std::uint32_t ordinal) const {
    std::array<std::uint8_t, scratch_row> row;
    rows_.read(ordinal, row);
    return read_row(row, pack_of(ordinal));
}

std::uint32_t Index::pack_of(std::uint32_t ordinal) const {
    // Of packs without entries the last one that begins there has it.
    return static_cast<std::uint32_t>(std::upper_bound(first_.begin(), first_.end(), ordinal) - first_.begin() - 1);
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
    packs_.shrink_to_fit();
    first_.shrink_to_fit();
    table_.reset(rows_.size());
    take_in(firm, true);
    if (!any) return;
    // What leaves is still there, and damage rarely hits all of a pack: what nothing else has is read from there.
    take_in(going, false);
    take_in(broken, false);
}

void Index::take_in(const std::vector<bool>& packs, bool replacing) {
    for (std::uint32_t begin = 0, end = 0; begin < packs.size(); begin = end) {
        end = begin + 1;
        if (!packs[begin]) continue;
        while (end < packs.size() && packs[end]) ++end;
        rows_.each(entries_of(begin).first, entries_of(end - 1).second, [&](std::uint32_t row, ByteView bytes) {
            Id id;
            std::copy_n(bytes.begin(), id.size(), id.begin());
            table_.put(id, row, replacing, [&](std::uint32_t other) { return has_id(other, id); });
        });
    }
}

bool Index::has_id(std::uint32_t row, const Id& id) const {
    Id other;
    rows_.read(row, other);
    return other == id;
}

std::optional<std::uint32_t> Index::ordinal(const Id& id) const {
    return table_.find(id, [&](std::uint32_t row) { return has_id(row, id); });
}

std::optional<Index::Found> Index::find(const Id& id) const {
    std::array<std::uint8_t, scratch_row> bytes;
    const auto row = table_.find(id, [&](std::uint32_t other) {
        rows_.read(other, bytes);
        return std::equal(id.begin(), id.end(), bytes.begin());
    });
    if (!row) return std::nullopt;
    return Found{*row, read_row(bytes, pack_of(*row)).place};
}

}  // namespace tenon::backup
