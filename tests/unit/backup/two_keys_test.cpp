// AES-GCM does not commit to a key: who knows two can build one ciphertext that opens under both, to different content. Here is such an
// object, and why it serves for nothing.
#include <gtest/gtest.h>

#include <array>

#include <crypto/cipher.hpp>
#include <crypto/hash.hpp>
#include <tenon/error.hpp>

#include "container.hpp"

namespace {

using namespace tenon;
using namespace tenon::backup;

/// An element of GCM's field, its first bit the highest.
struct Element {
    std::uint64_t high = 0, low = 0;

    static Element of(ByteView block) {
        Element e;
        for (std::size_t i = 0; i < 8; ++i) {
            e.high = e.high << 8 | block[i];
            e.low = e.low << 8 | block[i + 8];
        }
        return e;
    }
    ByteVector bytes() const {
        ByteVector block(16);
        for (std::size_t i = 0; i < 8; ++i) {
            block[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
            block[i + 8] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
        }
        return block;
    }
    Element operator^(const Element& other) const { return {high ^ other.high, low ^ other.low}; }
    Element operator*(const Element& other) const {
        Element product, shifted = other;
        for (int bit = 0; bit < 128; ++bit) {
            if ((bit < 64 ? high >> (63 - bit) : low >> (127 - bit)) & 1) product = product ^ shifted;
            const bool carry = shifted.low & 1;
            shifted = {shifted.high >> 1, shifted.low >> 1 | shifted.high << 63};
            if (carry) shifted.high ^= 0xe100000000000000u;
        }
        return product;
    }
    Element inverse() const {  // x^(2^128 - 2)
        Element result{0x8000000000000000u, 0}, power = *this;
        for (int bit = 1; bit < 128; ++bit) {
            power = power * power;
            result = result * power;
        }
        return result;
    }
};

Element lengths(std::size_t aad, std::size_t text) { return {aad * 8, text * 8}; }

/// What of a key the tag depends on, found with the cipher alone.
struct Oracle {
    Element h, mask;
    Oracle(ByteView key, std::uint32_t seq) {
        const auto tag = [&](ByteView aad) {
            ByteVector sealed(16);
            crypto::Aes256Gcm(key).seal(crypto::nonce_of(seq), aad, {}, sealed);
            return Element::of(sealed);
        };
        mask = tag({});
        const ByteVector zeros(16);
        h = (tag(zeros) ^ mask) * lengths(16, 0).inverse();
    }
    Element hash(ByteView aad, ByteView text) const {
        Element sum;
        for (const auto part : {aad, text})
            for (std::size_t at = 0; at < part.size(); at += 16) {
                ByteVector block(16);
                std::copy_n(part.begin() + static_cast<std::ptrdiff_t>(at), std::min<std::size_t>(16, part.size() - at), block.begin());
                sum = (sum ^ Element::of(block)) * h;
            }
        return (sum ^ lengths(aad.size(), text.size())) * h;
    }
};

TEST(TwoKeys, an_object_built_for_two_keys_is_refused_by_its_commitment) {
    Keys mine, theirs;
    crypto::fill_random(mine.repo);
    theirs.repo = mine.repo;
    mine.ring = make_ring(Time{});
    theirs.ring = make_ring(Time{});
    ContainerHeader header{.kind = Kind::snapshot, .dek = 1};
    crypto::fill_random(header.salt);
    const auto key_of = [&](const Keys& keys) {
        return derive_pack_key(keys.ring.control().dek.at(1).bytes(), header.salt, keys.repo, control_class, Kind::snapshot);
    };
    const auto my_key = key_of(mine), their_key = key_of(theirs);
    constexpr std::uint32_t clen = 64 + tag_size;
    ByteVector aad;
    base::append(aad, mine.repo);
    base::append(aad, control_class);
    aad.push_back(static_cast<std::uint8_t>(Kind::snapshot));
    base::append(aad, header.salt);
    base::append_le(aad, std::uint32_t{0});
    base::append_le(aad, clen);

    const Oracle my_oracle(my_key.key.bytes(), 0), their_oracle(their_key.key.bytes(), 0);
    auto text = crypto::random_bytes(48);
    text.resize(64);
    // The last block takes part in each tag as itself times h²: chosen so that both tags become the same.
    const auto apart = my_oracle.hash(aad, text) ^ my_oracle.mask ^ their_oracle.hash(aad, text) ^ their_oracle.mask;
    const auto last = apart * ((my_oracle.h * my_oracle.h) ^ (their_oracle.h * their_oracle.h)).inverse();
    std::ranges::copy(last.bytes(), text.begin() + 48);
    auto sealed = text;
    base::append(sealed, (my_oracle.hash(aad, text) ^ my_oracle.mask).bytes());
    for (const auto* key : {&my_key, &their_key}) {
        ByteVector plain(64);
        EXPECT_TRUE(crypto::Aes256Gcm(key->key.bytes()).open(crypto::nonce_of(0), aad, sealed, plain)) << "the cipher alone lets it pass";
    }

    for (const auto* named : {&my_key, &their_key}) {
        header.commitment = named->commitment;
        auto object = encode(header);
        base::append(object, frame_magic);
        base::append_le(object, std::uint32_t{0});
        base::append_le(object, clen);
        base::append_le(object, crypto::crc32c(sealed));
        base::append(object, sealed);
        const auto read = decode_header(object, "o");
        const auto& other = named == &my_key ? theirs : mine;
        EXPECT_NO_THROW((named == &my_key ? mine : theirs).key_for(read, "o"));
        EXPECT_THROW(other.key_for(read, "o"), Corrupt);
        try {
            open_object(other, Kind::snapshot, object, "o");
            ADD_FAILURE();
        } catch (const Corrupt& error) {
            EXPECT_NE(std::string(error.what()).find("not sealed with this repository's keys"), std::string::npos) << error.what();
        }
    }
}

}  // namespace
