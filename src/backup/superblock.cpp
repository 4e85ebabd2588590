#include "superblock.hpp"

#include <algorithm>

#include <crypto/hash.hpp>
#include <tenon/error.hpp>

#include "twin.hpp"

namespace tenon::backup {
namespace {

constexpr std::size_t hashed = 4064;
constexpr std::size_t used = 48;

}  // namespace

ByteVector encode(const Superblock& super) {
    ByteVector raw;
    raw.reserve(superblock_size);
    base::append(raw, superblock_magic);
    base::append_le(raw, super.format);
    base::append_le(raw, super.min_reader);
    base::append_le(raw, super.mandatory);
    base::append_le(raw, super.optional);
    base::append(raw, super.repo);
    base::append_le(raw, static_cast<std::int64_t>(super.created.time_since_epoch().count()));
    raw.insert(raw.end(), {super.id_alg, super.aead, super.chunker_profile, super.pack_profile});
    raw.resize(hashed);
    base::append(raw, crypto::sha256(raw));
    return raw;
}

bool is_superblock(ByteView raw) {
    return raw.size() >= superblock_magic.size() && std::equal(superblock_magic.begin(), superblock_magic.end(), raw.begin());
}

Superblock decode_superblock(ByteView raw, const std::string& name) {
    const auto sum = raw.size() == superblock_size ? crypto::sha256(raw.first(hashed)) : Id{};
    if (raw.size() != superblock_size || !is_superblock(raw) || !std::equal(sum.begin(), sum.end(), raw.begin() + hashed))
        throw Corrupt("the superblock is damaged", {.subject = name});
    Superblock super;
    super.format = base::load_le<std::uint16_t>(&raw[8]);
    super.min_reader = base::load_le<std::uint16_t>(&raw[10]);
    super.mandatory = base::load_le<std::uint32_t>(&raw[12]);
    super.optional = base::load_le<std::uint32_t>(&raw[16]);
    std::copy_n(&raw[20], super.repo.size(), super.repo.begin());
    super.created = Time(Duration(base::load_le<std::int64_t>(&raw[36])));
    super.id_alg = raw[44];
    super.aead = raw[45];
    super.chunker_profile = raw[46];
    super.pack_profile = raw[47];
    if (super.min_reader > 1 || super.mandatory != 0 || super.format != 1)
        throw Unsupported("this repository needs a newer version", {.subject = name});
    if (super.id_alg != 1 || super.aead != aead_aes_256_gcm || super.chunker_profile != 1 || super.pack_profile < 1 ||
        super.pack_profile > 3)
        throw Unsupported("this repository uses algorithms that this version does not have", {.subject = name});
    if (std::any_of(raw.begin() + used, raw.begin() + hashed, [](auto byte) { return byte != 0; }))
        throw Unsupported("this repository's superblock says more than this version knows", {.subject = name});
    return super;
}

Superblock load_superblock(blob::Store& store, std::stop_token stop) {
    const auto whole = [](ByteView raw) {
        try {
            decode_superblock(raw, "super");
        } catch (const Corrupt&) {
            return false;
        } catch (const Unsupported&) {
        }
        return true;
    };
    return decode_superblock(load_twin(store, "super", superblock_size, whole, std::move(stop)), "super");
}

}  // namespace tenon::backup
