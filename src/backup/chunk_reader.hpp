#pragma once

#include <list>
#include <map>
#include <memory>
#include <stop_token>

#include <blob/store.hpp>
#include <crypto/hash.hpp>

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

private:
    crypto::HmacSha256 mac_;
};

/// Opens frames of packs and finds chunks in them. One thread at a time; cheap enough to make one for each.
class ChunkReader final : public NodeSource {
public:
    ChunkReader(const Keys& keys, blob::Store& store, const Index& index, std::stop_token stop);

    /// The stored bytes of frames first … last of a pack.
    ByteVector fetch(std::uint32_t pack, std::size_t first, std::size_t last);
    /// One of them, opened in place. Throws Corrupt (subject: the pack and the range).
    FrameContent open(std::uint32_t pack, std::size_t frame, ByteSpan stored);
    /// Throws Corrupt unless these are the bytes that the id names.
    void verify(const Id& id, ChunkType type, ByteView bytes, const ChunkPlace& place);

    /// A tree or list node, by way of a small cache of opened frames.
    ByteVector node(const Id& id) override;
    std::int64_t fetched() const { return fetched_; }

private:
    struct CachedFrame {
        std::uint32_t pack;
        std::uint16_t frame;
        FrameContent content;
    };
    FrameSealer& sealer(std::uint32_t pack);
    const FrameContent& frame(std::uint32_t pack, std::uint16_t number);

    const Keys& keys_;
    blob::Store& store_;
    const Index& index_;
    std::stop_token stop_;
    FrameUnpacker unpacker_;
    std::map<Id16, ChunkHasher> hashers_;
    std::map<std::uint32_t, FrameSealer> sealers_;
    std::list<CachedFrame> cache_;
    std::int64_t fetched_ = 0;
};

}  // namespace tenon::backup
