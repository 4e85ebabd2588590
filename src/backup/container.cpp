#include "container.hpp"

#include <algorithm>

#include <crypto/hash.hpp>
#include <tenon/error.hpp>

namespace tenon::backup {
namespace {

constexpr std::size_t crc_at = 12;

std::uint32_t header_crc(ByteView raw) {
    ByteVector copy(raw.begin(), raw.begin() + container_header_size);
    base::store_le(copy.data() + crc_at, std::uint32_t{0});
    return crypto::crc32c(copy);
}

}  // namespace

std::string place(const std::string& object, std::uint64_t offset, std::uint64_t length) {
    return object + ", bytes " + std::to_string(offset) + " to " + std::to_string(offset + length);
}

ByteVector encode(const ContainerHeader& header) {
    ByteVector raw;
    base::append(raw, container_magic);
    raw.push_back(static_cast<std::uint8_t>(header.kind));
    raw.push_back(aead_aes_256_gcm);
    base::append_le(raw, header.dek);
    base::append_le(raw, std::uint32_t{0});
    base::append(raw, header.class_id);
    base::append(raw, header.salt);
    base::append(raw, header.commitment);
    base::store_le(raw.data() + crc_at, crypto::crc32c(raw));
    return raw;
}

ContainerHeader decode_header(ByteView raw, const std::string& object) {
    const auto damaged = [&] {
        throw Corrupt("the object's header is damaged", {.subject = place(object, 0, container_header_size)});
    };
    if (raw.size() < container_header_size || !std::equal(container_magic.begin(), container_magic.end(), raw.begin()) ||
        base::load_le<std::uint32_t>(&raw[crc_at]) != header_crc(raw))
        damaged();
    if (raw[9] != aead_aes_256_gcm) throw Unsupported("the object is sealed in a way this version does not know", {.subject = object});
    if (raw[8] < 1 || raw[8] > static_cast<std::uint8_t>(Kind::book))
        throw Unsupported("the object is of a kind this version does not know", {.subject = object});
    ContainerHeader header;
    header.kind = static_cast<Kind>(raw[8]);
    header.dek = base::load_le<std::uint16_t>(&raw[10]);
    std::copy_n(&raw[16], 16, header.class_id.begin());
    std::copy_n(&raw[32], 32, header.salt.begin());
    std::copy_n(&raw[64], 32, header.commitment.begin());
    return header;
}

FrameHeader decode_frame_header(ByteView raw, const std::string& object) {
    if (raw.size() < frame_header_size || !std::equal(frame_magic.begin(), frame_magic.end(), raw.begin()))
        throw Corrupt("a frame's header is damaged", {.subject = object});
    const FrameHeader header{.seq = base::load_le<std::uint32_t>(&raw[8]),
                             .clen = base::load_le<std::uint32_t>(&raw[12]),
                             .crc = base::load_le<std::uint32_t>(&raw[16])};
    if (header.clen < content_header_size + tag_size || header.clen > max_sealed)
        throw Corrupt("a frame's header is damaged", {.subject = object});
    return header;
}

FrameSealer::FrameSealer(const PackKey& key, const Id16& repo, const ContainerHeader& header) : cipher_(key.key.bytes()) {
    base::append(aad_, repo);
    base::append(aad_, header.class_id);
    aad_.push_back(static_cast<std::uint8_t>(header.kind));
    base::append(aad_, header.salt);
}

ByteVector FrameSealer::aad(std::uint32_t seq, std::uint32_t clen) const {
    ByteVector aad(aad_);
    base::append_le(aad, seq);
    base::append_le(aad, clen);
    return aad;
}

void FrameSealer::seal(std::uint32_t seq, ByteSpan frame) {
    const auto clen = static_cast<std::uint32_t>(frame.size() - frame_header_size);
    const auto sealed = frame.subspan(frame_header_size);
    cipher_.seal(crypto::nonce_of(seq), aad(seq, clen), sealed.first(clen - tag_size), sealed);
    std::copy(frame_magic.begin(), frame_magic.end(), frame.begin());
    base::store_le(frame.data() + 8, seq);
    base::store_le(frame.data() + 12, clen);
    base::store_le(frame.data() + 16, crypto::crc32c(sealed));
}

ByteSpan FrameSealer::open(ByteSpan frame, std::uint32_t seq, const std::string& object) {
    return open(frame, seq, object, frame.subspan(std::min(frame.size(), frame_header_size)));
}

ByteSpan FrameSealer::open(ByteView frame, std::uint32_t seq, const std::string& object, ByteSpan into) {
    const auto header = decode_frame_header(frame, object);
    if (header.seq != seq || frame.size() != frame_header_size + header.clen)
        throw Corrupt("a frame is not the one that belongs here", {.subject = object});
    const auto sealed = frame.subspan(frame_header_size);
    const auto content = into.first(header.clen - tag_size);
    if (crypto::crc32c(sealed) != header.crc || !cipher_.open(crypto::nonce_of(seq), aad(seq, header.clen), sealed, content))
        throw Corrupt("a frame is damaged", {.subject = object});
    return content;
}

const Keys& Keys::knowing(const Id16& class_id, std::uint16_t number, const std::string& object, std::shared_ptr<const Keys>& hold) const {
    if (ring.knows(class_id, number)) return *this;
    if (newest) hold = newest();
    const auto& latest = hold ? *hold : *this;
    if (!latest.ring.knows(class_id, number) && latest.is_retired({.dek = number, .class_id = class_id}))
        throw KeyIsRetired("the object is sealed with a key that was retired", {.subject = object});
    return latest;
}

bool Keys::is_old(const ContainerHeader& header) const {
    const auto known = ring.classes.find(header.class_id);
    return known == ring.classes.end() ? ring.is_erased(header.class_id) : header.dek < known->second.current();
}

bool Keys::is_retired(const ContainerHeader& header) const {
    const auto known = ring.classes.find(header.class_id);
    return known != ring.classes.end() && header.dek < known->second.dek.begin()->first;
}

PackKey Keys::key_for(const ContainerHeader& header, const std::string& object) const {
    std::shared_ptr<const Keys> hold;
    const auto& dek = knowing(header.class_id, header.dek, object, hold).ring.dek(header.class_id, header.dek, object);
    auto key = derive_pack_key(dek.bytes(), header.salt, repo, header.class_id, header.kind);
    if (!crypto::equal_constant_time(key.commitment, header.commitment))
        throw Corrupt("the object was not sealed with this repository's keys", {.subject = object});
    return key;
}

ByteVector seal_small(ByteView ikm, const Id16& repo, Kind kind, std::uint16_t dek, ByteView payload) {
    ContainerHeader header{.kind = kind, .dek = dek, .class_id = control_class};
    crypto::fill_random(header.salt);
    const auto key = derive_pack_key(ikm, header.salt, repo, control_class, kind);
    header.commitment = key.commitment;

    ByteVector plain;
    base::append_le(plain, std::uint64_t{8 + payload.size()});
    base::append(plain, payload);
    auto object = encode(header);
    FrameSealer sealer(key, repo, header);
    const FramePacker packer;
    ByteVector frame;
    std::uint32_t seq = 0;
    for (std::size_t at = 0; at < plain.size(); at += frame_target) {
        packer.pack(ByteView(plain).subspan(at, std::min<std::size_t>(frame_target, plain.size() - at)), {}, false, frame);
        sealer.seal(seq++, frame);
        base::append(object, frame);
    }
    crypto::wipe(plain);
    return object;
}

ByteVector open_small(ByteView raw, const PackKey& key, const Id16& repo, const ContainerHeader& header,
                      const std::string& object) {
    FrameSealer sealer(key, repo, header);
    thread_local FrameUnpacker unpacker;  // what sets one up takes longer than most of these objects
    ByteVector plain;
    // Tables of hashes hardly shrink: what does is a bomb.
    const auto most = (std::uint64_t{64} << 20) + 64 * std::uint64_t{raw.size()};
    std::uint32_t seq = 0;
    for (std::size_t at = container_header_size; at < raw.size();) {
        const auto where = place(object, at, raw.size() - at);
        const auto size = frame_header_size + decode_frame_header(raw.subspan(at), where).clen;
        if (size > raw.size() - at) throw Corrupt("the object is cut short", {.subject = where});
        ByteVector frame(raw.begin() + static_cast<std::ptrdiff_t>(at), raw.begin() + static_cast<std::ptrdiff_t>(at + size));
        const auto content = unpacker.unpack(sealer.open(frame, seq++, place(object, at, size)), object);
        if (!content.lengths.empty()) throw Corrupt("a small object holds chunks", {.subject = object});
        if (content.plain.size() > most - plain.size()) throw Corrupt("the object is larger than it can be", {.subject = object});
        base::append(plain, content.plain);
        at += size;
    }
    if (plain.size() < 8 || base::load_le<std::uint64_t>(plain.data()) != plain.size())
        throw Corrupt("the object is cut short", {.subject = object});
    plain.erase(plain.begin(), plain.begin() + 8);
    return plain;
}

ByteVector seal_object(const Keys& keys, Kind kind, ByteView payload) {
    const auto& control = keys.ring.control();
    return seal_small(control.dek.at(control.current()).bytes(), keys.repo, kind, control.current(), payload);
}

ByteVector open_object(const Keys& keys, Kind kind, ByteView raw, const std::string& object) {
    const auto header = decode_header(raw, object);
    if (header.kind != kind || header.class_id != control_class)
        throw Corrupt("the object is not what its name says", {.subject = object});
    return open_small(raw, keys.key_for(header, object), keys.repo, header, object);
}

}  // namespace tenon::backup
