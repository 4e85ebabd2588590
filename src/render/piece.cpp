#include "piece.hpp"

#include <algorithm>
#include <array>

#include <fcntl.h>

#include <crypto/encoding.hpp>
#include <tenon/error.hpp>

namespace tenon::render {
namespace {

constexpr std::array<std::uint8_t, 8> magic{0x9b, 0x47, 0xe3, 0x1c, 0x62, 0xd8, 0x05, 0xaf};
constexpr std::uint16_t piece_version = 2;
constexpr std::size_t header_size = 24, entry_size = 20, damage_size = 24, sample_size = 16, digest_size = 32;
constexpr std::size_t most_damage = 0xffff;

}  // namespace

std::filesystem::path piece_path(const std::filesystem::path& folder, const crypto::Digest& id) {
    return folder / (crypto::to_hex(id) + ".part");
}

std::int64_t Piece::size_of(base::ByteView extradata, const std::vector<media::Packet>& packets,
                            const std::vector<PieceDamage>& damage, const std::vector<Sample>& samples) {
    std::size_t size = header_size + extradata.size() + packets.size() * entry_size + digest_size;
    size += sizeof(std::uint32_t) + samples.size() * sample_size + std::min(damage.size(), most_damage) * damage_size;
    for (const media::Packet& packet : packets) size += packet.data.size();
    return static_cast<std::int64_t>(size);
}

void Piece::write(const std::filesystem::path& folder, const crypto::Digest& id, base::ByteView extradata,
                  std::int32_t priming, const std::vector<media::Packet>& packets, const std::vector<PieceDamage>& damage,
                  const std::vector<Sample>& samples) {
    const auto told = static_cast<std::uint16_t>(std::min(damage.size(), most_damage));
    base::ByteVector bytes;
    base::append(bytes, magic);
    base::append_le(bytes, piece_version);
    base::append_le(bytes, told);
    base::append_le(bytes, static_cast<std::uint32_t>(packets.size()));
    base::append_le(bytes, static_cast<std::uint32_t>(extradata.size()));
    base::append_le(bytes, priming);
    base::append(bytes, extradata);
    base::append_le(bytes, static_cast<std::uint32_t>(samples.size()));
    for (const Sample& sample : samples)
        for (const std::int32_t value : {sample.frame, sample.ssim, sample.psnr, sample.blockiness}) base::append_le(bytes, value);
    for (const media::Packet& packet : packets) {
        base::append_le(bytes, packet.pts.value_or(0));
        base::append_le(bytes, static_cast<std::int32_t>(packet.duration));
        base::append_le(bytes, static_cast<std::uint32_t>(packet.data.size()));
        base::append_le(bytes, std::uint32_t{packet.key});
    }
    for (std::size_t i = 0; i < told; ++i) {
        base::append_le(bytes, damage[i].source);
        base::append_le(bytes, std::uint32_t{damage[i].sound});
        base::append_le(bytes, std::int64_t{damage[i].range.start.count()});
        base::append_le(bytes, std::int64_t{damage[i].range.end.count()});
    }
    for (const media::Packet& packet : packets) base::append(bytes, packet.data);
    base::append(bytes, crypto::sha256(bytes));
    base::write_file_atomically(piece_path(folder, id), bytes);
}

std::optional<Piece> Piece::find(const std::filesystem::path& folder, const crypto::Digest& id) {
    Piece piece;
    piece.path_ = piece_path(folder, id);
    base::ByteVector bytes;
    try {
        bytes = base::read_file(piece.path_, largest_piece);
    } catch (const NotFound&) {
        return std::nullopt;
    } catch (const Corrupt&) {
        bytes.clear();
    }
    const auto whole = [&] {
        if (bytes.size() < header_size + digest_size || !std::equal(magic.begin(), magic.end(), bytes.begin())) return false;
        if (base::load_le<std::uint16_t>(&bytes[8]) != piece_version) return false;
        const base::ByteView content{bytes.data(), bytes.size() - digest_size};
        const crypto::Digest digest = crypto::sha256(content);
        return std::equal(digest.begin(), digest.end(), bytes.end() - digest_size);
    };
    if (!whole()) {
        std::error_code ignored;
        std::filesystem::remove(piece.path_, ignored);
        return std::nullopt;
    }
    // From here on the digest vouches for every number.
    piece.size_ = static_cast<std::int64_t>(bytes.size());
    const std::size_t count = base::load_le<std::uint32_t>(&bytes[12]), extra = base::load_le<std::uint32_t>(&bytes[16]);
    piece.priming_ = base::load_le<std::int32_t>(&bytes[20]);
    piece.extradata_.assign(bytes.begin() + header_size, bytes.begin() + static_cast<std::ptrdiff_t>(header_size + extra));
    const std::uint8_t* table = bytes.data() + header_size + extra;
    const std::size_t damages = base::load_le<std::uint16_t>(&bytes[10]);
    const std::size_t looked_at = base::load_le<std::uint32_t>(table);
    table += sizeof(std::uint32_t);
    for (std::size_t i = 0; i < looked_at; ++i, table += sample_size) {
        const auto value = [&](std::size_t at) { return base::load_le<std::int32_t>(table + at * sizeof(std::int32_t)); };
        piece.samples_.push_back({value(0), value(1), value(2), value(3)});
    }
    std::uint64_t offset = header_size + extra + sizeof(std::uint32_t) + looked_at * sample_size + count * entry_size + damages * damage_size;
    for (std::size_t i = 0; i < count; ++i, table += entry_size) {
        PieceEntry entry{.pts = base::load_le<std::int64_t>(table), .offset = offset,
                         .size = base::load_le<std::uint32_t>(table + 12), .duration = base::load_le<std::int32_t>(table + 8),
                         .key = base::load_le<std::uint32_t>(table + 16) != 0};
        offset += entry.size;
        piece.entries_.push_back(entry);
    }
    for (std::size_t i = 0; i < damages; ++i, table += damage_size)
        piece.damage_.push_back({base::load_le<std::uint32_t>(table), base::load_le<std::uint32_t>(table + 4) != 0,
                                 {Duration{base::load_le<std::int64_t>(table + 8)}, Duration{base::load_le<std::int64_t>(table + 16)}}});
    return piece;
}

media::Packet Piece::read(const PieceEntry& entry) {
    if (!fd_) fd_ = base::open_file(path_, O_RDONLY);
    auto bytes = std::make_shared<std::vector<std::uint8_t>>(entry.size);
    base::pread_all(fd_, *bytes, entry.offset, path_.native());
    media::Packet packet;
    packet.data = *bytes;
    packet.owner = std::move(bytes);
    packet.pts = entry.pts;
    packet.duration = entry.duration;
    packet.key = entry.key;
    return packet;
}

}  // namespace tenon::render
