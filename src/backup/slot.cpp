#include "slot.hpp"

#include <algorithm>

#include <base/text.hpp>
#include <crypto/cipher.hpp>
#include <tenon/error.hpp>

namespace tenon::backup {
namespace {

// magic 8 | kind 1 | kdf 1 | 0 2 | generation 4 | p1 p2 p3 12 | salt 32 | commitment 32 | wrapped 32 + 16 | label
constexpr std::size_t salt_at = 28, commitment_at = 60, wrapped_at = 92, label_at = 140;
constexpr std::size_t key_size = 32;
constexpr std::uint8_t kdf_none = 0, kdf_argon2id = 1;

struct Derived {
    crypto::Secret okm;
    ByteView kek() const { return okm.part(0, 32); }
    ByteView commitment() const { return okm.part(32, 32); }
};

Derived derive(const Id16& repo, KeySource::Kind kind, ByteView salt, ByteView input) {
    ByteVector info;
    base::append(info, base::view_of("tenon/1/slot"));
    base::append(info, repo);
    info.push_back(static_cast<std::uint8_t>(kind));
    return {crypto::hkdf(salt, input, info, 64)};
}

crypto::Argon2Cost cost_of(ByteView raw) {
    return {.memory_kib = base::load_le<std::uint32_t>(&raw[16]),
            .passes = base::load_le<std::uint32_t>(&raw[20]),
            .lanes = base::load_le<std::uint32_t>(&raw[24])};
}

}  // namespace

ByteVector seal_slot(const Id16& repo, const KeySource& key, const crypto::Argon2Cost& cost, std::uint32_t generation,
                     const std::string& label, const crypto::Secret& root) {
    const bool password = key.kind == KeySource::Kind::password;
    if (password) crypto::check_cost(cost);
    if (label.size() > 200 || !base::is_utf8(label)) throw InvalidArgument("a slot's label is 200 bytes of text at most", {.subject = "label"});
    ByteVector raw;
    raw.reserve(label_at + 2 + label.size());
    base::append(raw, slot_magic);
    raw.push_back(static_cast<std::uint8_t>(key.kind));
    raw.push_back(password ? kdf_argon2id : kdf_none);
    base::append_le(raw, std::uint16_t{0});
    base::append_le(raw, generation);
    base::append_le(raw, password ? cost.memory_kib : 0u);
    base::append_le(raw, password ? cost.passes : 0u);
    base::append_le(raw, password ? cost.lanes : 0u);
    const auto salt = crypto::random_bytes(32);
    base::append(raw, salt);

    const auto stretched = password ? crypto::argon2id(key.secret.bytes(), salt, cost) : key.secret.clone();
    const auto derived = derive(repo, key.kind, salt, stretched.bytes());
    base::append(raw, derived.commitment());
    const ByteVector aad(raw);
    raw.resize(label_at);
    crypto::Aes256Gcm(derived.kek()).seal(crypto::nonce_of(0), aad, root.bytes(), ByteSpan(raw).subspan(wrapped_at));
    base::append_le(raw, static_cast<std::uint16_t>(label.size()));
    base::append(raw, base::view_of(label));
    return raw;
}

bool is_slot(ByteView raw) {
    if (raw.size() < label_at + 2 || !std::equal(slot_magic.begin(), slot_magic.end(), raw.begin())) return false;
    const auto length = base::load_le<std::uint16_t>(&raw[label_at]);
    return raw.size() == label_at + 2 + length && base::is_utf8(base::text_of(raw.subspan(label_at + 2)));
}

SlotRecord read_slot(ByteView raw, const std::string& name) {
    if (!is_slot(raw) || base::load_le<std::uint16_t>(&raw[10]) != 0) throw Corrupt("the key slot is damaged", {.subject = name});
    SlotRecord slot;
    const auto kind = raw[8], kdf = raw[9];
    if (!(kind == 1 && kdf == kdf_argon2id) && !(kind == 2 && kdf == kdf_none))
        throw Unsupported("this kind of key slot needs a newer version", {.subject = name});
    slot.kind = static_cast<KeySource::Kind>(kind);
    slot.generation = base::load_le<std::uint32_t>(&raw[12]);
    slot.label = base::text_of(raw.subspan(label_at + 2));
    return slot;
}

crypto::Secret open_slot(const Id16& repo, ByteView raw, const KeySource& key, const std::string& name) {
    const auto slot = read_slot(raw, name);
    if (slot.kind != key.kind) return {};
    const auto salt = raw.subspan(salt_at, 32);
    const bool password = key.kind == KeySource::Kind::password;
    if (password) {
        try {
            crypto::check_cost(cost_of(raw));
        } catch (const InvalidArgument&) {
            throw Corrupt("the key slot asks for a cost that no slot has", {.subject = name});
        }
    }
    const auto stretched = password ? crypto::argon2id(key.secret.bytes(), salt, cost_of(raw)) : key.secret.clone();
    const auto derived = derive(repo, key.kind, salt, stretched.bytes());
    if (!crypto::equal_constant_time(derived.commitment(), raw.subspan(commitment_at, 32))) return {};
    crypto::Secret root(key_size);
    if (!crypto::Aes256Gcm(derived.kek()).open(crypto::nonce_of(0), raw.first(wrapped_at),
                                               raw.subspan(wrapped_at, key_size + tag_size), root.bytes()))
        throw Corrupt("the key slot is damaged", {.subject = name});
    return root;
}

KeySource KeySource::password(std::string_view text) {
    if (text.size() < 8) throw InvalidArgument("a password has at least 8 characters", {.subject = "password"});
    return {Kind::password, crypto::Secret::copy_of(base::view_of(text))};
}

KeySource KeySource::key(base::ByteView bytes) {
    if (bytes.size() < key_size) throw InvalidArgument("a key has at least 32 bytes", {.subject = "key"});
    return {Kind::key_file, crypto::Secret::copy_of(bytes)};
}

}  // namespace tenon::backup
