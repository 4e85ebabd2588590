#pragma once

#include <array>
#include <memory>
#include <span>

#include <base/bytes.hpp>

namespace tenon::crypto {

using base::ByteSpan;
using base::ByteView;

using Digest = std::array<std::uint8_t, 32>;

Digest sha256(ByteView data);

/// SHA-256 in pieces. One thread at a time.
class Sha256 {
public:
    Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    ~Sha256();
    Sha256& update(ByteView data);
    Digest finish();         ///< And begins anew.
    Digest digest() const;   ///< Of what came so far; more may follow.

private:
    friend class HmacSha256;
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// What a hash may be given while others are made.
struct HashBeside {
    Sha256* hash = nullptr;
    ByteView data{};
};

Digest hmac_sha256(ByteView key, ByteView data);

/// HMAC-SHA256 under one key, which is hashed once: the way to authenticate many messages. One thread at a time.
class HmacSha256 {
public:
    explicit HmacSha256(ByteView key);
    HmacSha256(HmacSha256&&) noexcept;
    HmacSha256& operator=(HmacSha256&&) noexcept;
    ~HmacSha256();
    HmacSha256& update(ByteView data);
    Digest finish();  ///< And begins anew under the same key.
    /// Of `head` (less than 64 bytes) and each of the messages, in their order. Two at a time where the processor can, which takes little more
    /// than half of the time; what comes beside them as well, as long as there is a message to hash it beside. What is left of that is returned.
    /// Between update() and finish() it changes nothing.
    ByteView each(ByteView head, std::span<const ByteView> messages, std::span<Digest> macs, HashBeside beside = {});
    /// Whether the processor can; else each() leaves all of what comes beside.
    static bool hashes_beside() noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// BLAKE2b with 32 bytes of output. `key`: 16 to 64 bytes.
Digest blake2b_256(ByteView key, ByteView data);

/// CRC-32C (Castagnoli). `before`: the result for the bytes that precede these, so that pieces can be chained.
std::uint32_t crc32c(ByteView data, std::uint32_t before = 0) noexcept;

}  // namespace tenon::crypto
