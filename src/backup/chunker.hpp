#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <crypto/hash.hpp>

#include "wire.hpp"

namespace tenon::backup {

/// Where a stream is cut: profile 1, `toep-aes64`. A rolling polynomial hash over 64 bytes, keyed by its tables, and
/// behind it a keyed permutation, without which stored sizes would give the tables away.
///
/// Threads   reading from several at once is fine.
class Chunker {
public:
    static constexpr std::size_t min_size = 65'536, normal_size = 196'608, max_size = 1'048'576;
    static constexpr int strict_bits = 20, loose_bits = 16;
    static constexpr std::size_t window = 64;

    /// How the permutation is computed; every way cuts alike.
    enum class Way : std::uint8_t { portable, aes_ni, vaes, vaes512 };
    [[nodiscard]] static bool available(Way way);
    static Way best();

    explicit Chunker(ByteView k_cdc, Way way = best());
    ~Chunker();
    Chunker(Chunker&&) noexcept;

    /// The length of the chunk that begins at `data`. Fewer than max_size bytes mean that the stream ends with them.
    std::size_t cut(ByteView data) const;

    /// For the format's vectors.
    std::uint64_t table(std::uint8_t byte) const;
    std::uint64_t out_table(std::uint8_t byte) const;
    ByteView aes_key() const;
    std::uint64_t state(ByteView last_window) const;
    std::uint64_t permuted(std::uint64_t state) const;

    struct Tables;

private:
    std::unique_ptr<const Tables> tables_;
    Way way_;
};

/// Some chunks that follow each other, where they lie: as many as are hashed beside each other. `data` outlives it.
class ChunkRun {
public:
    static constexpr std::size_t most = 4;

    /// None where `data` has less than a chunk may have and is not the `last` of its stream.
    ChunkRun(const Chunker& chunker, ByteView data, bool last);

    std::size_t size() const { return size_; }
    std::size_t bytes() const { return bytes_; }  ///< Of all of them.
    std::span<const ByteView> get() const { return std::span(chunks_).first(size_); }

private:
    std::array<ByteView, most> chunks_{};
    std::size_t size_ = 0, bytes_ = 0;
};

/// Multiplies by x in GF(2)[x]/(x⁶⁴+x⁴+x³+x+1).
constexpr std::uint64_t mulx(std::uint64_t d) {
    return (d << 1) ^ (static_cast<std::uint64_t>(static_cast<std::int64_t>(d) >> 63) & 0x1b);
}

}  // namespace tenon::backup
