#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <stop_token>

#include <blob/store.hpp>
#include <crypto/hash.hpp>
#include <tenon/error.hpp>

#include "container.hpp"
#include "index.hpp"
#include "tree.hpp"

namespace tenon::backup {

/// The ids of one class's chunks: HMAC-SHA256(K_id, type ‖ bytes). One thread at a time.
class ChunkHasher {
public:
    explicit ChunkHasher(const ClassKeys& keys) : mac_(keys.k_id.bytes()) {}
    Id id(ChunkType type, ByteView bytes) {
        const std::uint8_t head[] = {static_cast<std::uint8_t>(type)};
        return mac_.update(head).update(bytes).finish();
    }
    /// Of several, which takes little more than half of the time. What is left of what comes beside them.
    ByteView ids(ChunkType type, std::span<const ByteView> chunks, std::span<Id> ids, crypto::HashBeside beside = {}) {
        const std::uint8_t head[] = {static_cast<std::uint8_t>(type)};
        return mac_.each(head, chunks, ids, beside);
    }

private:
    crypto::HmacSha256 mac_;
};

/// A pack is not in the store: damage, or a collection has put what is needed of it elsewhere.
struct PackIsGone : Corrupt {
    using Corrupt::Corrupt;
};

/// Opens frames of packs and finds chunks in them. One thread at a time; cheap enough to make one for each.
class ChunkReader final : public NodeSource {
public:
    /// `reload`: the index as it is now, asked for where one is met that is not up to date any more.
    using Reload = std::function<std::shared_ptr<const Index>()>;
    ChunkReader(const Keys& keys, blob::Store& store, const Index& index, std::stop_token stop, Reload reload = {});

    /// The stored bytes of frames first … last of a pack. Throws PackIsGone.
    ByteVector fetch(std::uint32_t pack, std::size_t first, std::size_t last);
    /// The same into memory that is used again.
    void fetch(std::uint32_t pack, std::size_t first, std::size_t last, ByteVector& into);
    /// One of them, opened in place: valid as long as `stored` is, and until the next call. Throws Corrupt (subject: the pack and the
    /// range).
    FrameView open(std::uint32_t pack, std::size_t frame, ByteSpan stored);
    /// The same. Where it is damaged, and the store has the pack as it was somewhere else, that one's.
    FrameView open_or_mend(std::uint32_t pack, std::size_t frame, ByteSpan stored);
    /// Throws Corrupt unless these are the bytes that the id names.
    void verify(const Id& id, ChunkType type, ByteView bytes, const ChunkPlace& place);

    /// Whether these bytes are what the id names, by the keys of where it lies.
    [[nodiscard]] bool is(const Id& id, ChunkType type, ByteView bytes, const ChunkPlace& place);

    /// From now on what is damaged is said, and left as it is.
    void leave_damage() { mends_ = false; }

    /// Of opened frames no more than so many bytes are kept, and one.
    void keep_at_most(std::size_t bytes) { most_cached_ = bytes; }

    /// By way of a small cache of opened frames, from wherever it lies by now.
    ByteVector chunk(const Id& id, ChunkType type);
    /// A tree or list node.
    ByteVector node(const Id& id) override { return chunk(id, ChunkType::node); }
    std::int64_t fetched() const { return fetched_ + (newer_ ? newer_->fetched() : 0); }

private:
    struct CachedFrame {
        std::uint32_t pack;
        std::uint16_t frame;
        ByteVector plain;
    };
    FrameSealer& sealer(std::uint32_t pack);
    ByteView frame(std::uint32_t pack, std::uint16_t number);
    ChunkReader* newer();

    const Keys& keys_;
    blob::Store& store_;
    const Index& index_;
    std::stop_token stop_;
    FrameUnpacker unpacker_;
    ByteVector mended_;
    std::map<Id16, ChunkHasher> hashers_;
    std::map<std::uint32_t, FrameSealer> sealers_;
    std::list<CachedFrame> cache_;
    std::size_t cached_ = 0, most_cached_ = std::size_t{32} << 20;  // bytes
    const Reload reload_;
    std::shared_ptr<const Index> newer_index_;
    std::unique_ptr<ChunkReader> newer_;
    std::int64_t fetched_ = 0;
    bool mends_ = true;
};

}  // namespace tenon::backup
