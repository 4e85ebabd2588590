#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include <base/bytes.hpp>
#include <base/file.hpp>
#include <crypto/hash.hpp>
#include <media/damage.hpp>
#include <media/packet.hpp>

#include "score.hpp"

namespace tenon::render {

/// One packet of a piece as its table says.
struct PieceEntry {
    std::int64_t pts = 0;
    std::uint64_t offset = 0;    ///< Of its bytes in the file.
    std::uint32_t size = 0;
    std::int32_t duration = 0;
    bool key = false;
};

/// What of a source could not be decoded, within what a piece shows of it.
struct PieceDamage {
    std::uint32_t source = 0;    ///< Index into Plan::sources.
    bool sound = false;
    media::Damage range{};       ///< In the source.
    friend bool operator==(const PieceDamage&, const PieceDamage&) = default;
};

/// What is larger is not read back.
inline constexpr std::size_t largest_piece = std::size_t{1} << 31;

/// A finished part of an output, encoded packets in decode order, as it waits for its file: `<id>.part`. The format is
/// described in docs/design/render.md.
class Piece {
public:
    /// Writes it whole, durably, under its name.
    static void write(const std::filesystem::path& folder, const crypto::Digest& id, base::ByteView extradata,
                      std::int32_t priming, const std::vector<media::Packet>& packets, const std::vector<PieceDamage>& damage = {},
                      const std::vector<Sample>& samples = {});

    /// What write() will take on disk.
    static std::int64_t size_of(base::ByteView extradata, const std::vector<media::Packet>& packets,
                                const std::vector<PieceDamage>& damage = {}, const std::vector<Sample>& samples = {});

    /// Empty if there is none, or if what is there is not whole: that is removed.
    static std::optional<Piece> find(const std::filesystem::path& folder, const crypto::Digest& id);

    const std::vector<std::uint8_t>& extradata() const { return extradata_; }
    std::int32_t priming() const { return priming_; }
    std::int64_t size() const { return size_; }   ///< Of its file.
    const std::vector<PieceEntry>& entries() const { return entries_; }
    const std::vector<PieceDamage>& damage() const { return damage_; }
    const std::vector<Sample>& samples() const { return samples_; }   ///< How its pictures came out.
    media::Packet read(const PieceEntry& entry);
    /// Gives the file descriptor back; the next read opens the file again.
    void rest() { fd_.reset(); }

private:
    Piece() = default;
    std::filesystem::path path_;
    base::Fd fd_;
    std::vector<std::uint8_t> extradata_;
    std::int32_t priming_ = 0;
    std::int64_t size_ = 0;
    std::vector<PieceEntry> entries_;
    std::vector<PieceDamage> damage_;
    std::vector<Sample> samples_;
};

std::filesystem::path piece_path(const std::filesystem::path& folder, const crypto::Digest& id);

}  // namespace tenon::render
