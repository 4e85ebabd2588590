#include "slot.hpp"

#include <algorithm>

#include <base/text.hpp>
#include <crypto/cipher.hpp>
#include <crypto/hash.hpp>
#include <tenon/error.hpp>

namespace tenon::backup {
namespace {

// magic 8 | kind 1 | derivation 1 | form 2 | generation 4 | p1 p2 p3 12 | salt 32 | commitment 32 | wrapped 32 + 16 | label |
// form 1: ephemeral 32 | key 32 | bond 32 | identity 32 | signature 64
constexpr std::size_t salt_at = 28, commitment_at = 60, wrapped_at = 92, label_at = 140, most_label = 200;
constexpr std::size_t root_size = 32, sealed_tail = 4 * 32 + 64, signature_size = 64;
constexpr std::uint16_t form_plain = 0, form_sealed = 1;

using Derivation = KeySource::Derivation;

ByteVector slot_info(std::string_view what, const Id16& repo, KeySource::Kind kind) {
    ByteVector info;
    base::append(info, base::view_of(what));
    base::append(info, repo);
    info.push_back(static_cast<std::uint8_t>(kind));
    return info;
}

struct Wrapping {
    crypto::Secret okm;
    ByteView kek() const { return okm.part(0, 32); }
    ByteView commitment() const { return okm.part(32, 32); }
};

std::uint16_t form_of(ByteView raw) { return base::load_le<std::uint16_t>(&raw[10]); }
std::size_t tail_of(std::uint16_t form) { return form == form_sealed ? sealed_tail : 0; }

void check_label(const std::string& label) {
    if (label.size() > most_label || !base::is_utf8(label))
        throw InvalidArgument("a slot's label is 200 bytes of text at most", {.subject = "label"});
}

crypto::Secret stretch(const SlotLock& lock, ByteView secret) {
    switch (lock.derivation) {
        case Derivation::argon2id: return crypto::argon2id(secret, lock.salt, lock.cost);
        case Derivation::pbkdf2: return crypto::pbkdf2_sha256(secret, lock.salt, lock.iterations);
        case Derivation::none: break;
    }
    return crypto::Secret::copy_of(secret);
}

/// The pair that belongs to a secret, and what proves to its owner who may seal the slot.
struct Owner {
    crypto::AgreementKey pair;
    crypto::Secret bond_key;
};

Owner owner_of(const Id16& repo, const SlotLock& lock, ByteView secret) {
    if (lock.kind == KeySource::Kind::recipient) return {crypto::AgreementKey::from_private(secret), {}};
    const auto stretched = stretch(lock, secret);
    const auto key = crypto::hkdf(lock.salt, stretched.bytes(), slot_info("tenon/1/slot/x25519", repo, lock.kind), 32);
    return {crypto::AgreementKey::from_private(key.bytes()),
            crypto::hkdf(lock.salt, stretched.bytes(), slot_info("tenon/1/slot/bond", repo, lock.kind), 32)};
}

Id bond_of(const Owner& owner, const crypto::PublicKey& identity) {
    if (owner.bond_key.empty()) return {};
    ByteVector said;
    base::append(said, owner.pair.public_key());
    base::append(said, identity);
    return crypto::hmac_sha256(owner.bond_key.bytes(), said);
}

Wrapping wrap(const Id16& repo, const SlotLock& lock, const crypto::PublicKey& ephemeral, const crypto::Secret& shared) {
    auto info = slot_info("tenon/1/slot", repo, lock.kind);
    base::append(info, ephemeral);
    base::append(info, lock.key);
    return {crypto::hkdf(lock.salt, shared.bytes(), info, 64)};
}

Wrapping wrap_plain(const Id16& repo, const SlotLock& lock, ByteView secret) {
    return {crypto::hkdf(lock.salt, stretch(lock, secret).bytes(), slot_info("tenon/1/slot", repo, lock.kind), 64)};
}

void append_head(ByteVector& raw, const SlotLock& lock, std::uint16_t form, std::uint32_t generation) {
    base::append(raw, slot_magic);
    raw.push_back(static_cast<std::uint8_t>(lock.kind));
    raw.push_back(static_cast<std::uint8_t>(lock.derivation));
    base::append_le(raw, form);
    base::append_le(raw, generation);
    const bool iterated = lock.derivation == Derivation::pbkdf2;
    base::append_le(raw, iterated ? lock.iterations : lock.cost.memory_kib);
    base::append_le(raw, iterated ? 0u : lock.cost.passes);
    base::append_le(raw, iterated ? 0u : lock.cost.lanes);
    base::append(raw, lock.salt);
}

void append_label(ByteVector& raw, const std::string& label) {
    base::append_le(raw, static_cast<std::uint16_t>(label.size()));
    base::append(raw, base::view_of(label));
}

/// What the tag covers beside the root key: all that is there, the signature aside.
ByteVector covered(ByteView raw) {
    ByteVector aad(raw.begin(), raw.begin() + wrapped_at);
    if (form_of(raw) == form_sealed) base::append(aad, raw.subspan(label_at, raw.size() - label_at - signature_size));
    return aad;
}

template <std::size_t size> std::array<std::uint8_t, size> taken(ByteView raw, std::size_t at) {
    std::array<std::uint8_t, size> out;
    std::copy_n(raw.begin() + static_cast<std::ptrdiff_t>(at), size, out.begin());
    return out;
}

/// The secret of an unheard-of strength or none at all is a forger's; nothing is derived for it.
void check_costs(const SlotLock& lock, const std::string& name) {
    try {
        if (lock.derivation == Derivation::argon2id) crypto::check_cost(lock.cost);
        if (lock.derivation == Derivation::pbkdf2) crypto::check_pbkdf2_iterations(lock.iterations);
    } catch (const InvalidArgument&) {
        throw Corrupt("the key slot asks for a cost that no slot has", {.subject = name});
    }
}

bool belongs(KeySource::Kind kind, Derivation derivation, std::uint16_t form) {
    const bool password = kind == KeySource::Kind::password;
    if (form == form_plain)
        return password ? derivation == Derivation::argon2id : kind == KeySource::Kind::key_file && derivation == Derivation::none;
    return form == form_sealed && kind >= KeySource::Kind::password && kind <= KeySource::Kind::host &&
           (password ? derivation == Derivation::argon2id || derivation == Derivation::pbkdf2 : derivation == Derivation::none);
}

}  // namespace

SlotLock make_lock(const Id16& repo, const KeySource& key, const crypto::Argon2Cost& cost, std::uint32_t iterations,
                   const std::string& label, const crypto::PublicKey& identity) {
    check_label(label);
    SlotLock lock{.kind = key.kind, .label = label};
    if (key.kind == KeySource::Kind::password) {
        lock.derivation = key.derivation;
        if (key.derivation == Derivation::pbkdf2) {
            crypto::check_pbkdf2_iterations(iterations);
            lock.iterations = iterations;
        } else {
            crypto::check_cost(cost);
            lock.cost = cost;
        }
    }
    crypto::fill_random(lock.salt);
    if (key.kind == KeySource::Kind::recipient && key.secret.empty()) {
        lock.key = key.recipient;
        return lock;
    }
    const auto owner = owner_of(repo, lock, key.secret.bytes());
    lock.key = owner.pair.public_key();
    lock.bond = bond_of(owner, identity);
    return lock;
}

ByteVector seal_slot(const Id16& repo, const SlotLock& lock, std::uint32_t generation, const crypto::Secret& root,
                     const crypto::SigningKey& identity) {
    const auto once = crypto::AgreementKey::generate();
    const auto shared = once.agree(lock.key);
    if (shared.empty()) throw InvalidArgument("this is no public key of X25519", {.subject = "public_key"});
    const auto wrapping = wrap(repo, lock, once.public_key(), shared);
    ByteVector raw;
    append_head(raw, lock, form_sealed, generation);
    base::append(raw, wrapping.commitment());
    raw.resize(label_at);
    append_label(raw, lock.label);
    base::append(raw, once.public_key());
    base::append(raw, lock.key);
    base::append(raw, lock.bond);
    base::append(raw, identity.public_key());
    raw.resize(raw.size() + signature_size);
    crypto::Aes256Gcm(wrapping.kek()).seal(crypto::nonce_of(0), covered(raw), root.bytes(), ByteSpan(raw).subspan(wrapped_at, root_size + tag_size));
    const auto signature = identity.sign(ByteView(raw).first(raw.size() - signature_size));
    std::copy(signature.begin(), signature.end(), raw.end() - signature_size);
    return raw;
}

ByteVector seal_plain_slot(const Id16& repo, const KeySource& key, const crypto::Argon2Cost& cost, std::uint32_t generation,
                           const std::string& label, const crypto::Secret& root) {
    SlotLock lock{.kind = key.kind, .label = label};
    if (key.kind == KeySource::Kind::password) {
        lock.derivation = Derivation::argon2id;
        lock.cost = cost;
    }
    crypto::fill_random(lock.salt);
    const auto wrapping = wrap_plain(repo, lock, key.secret.bytes());
    ByteVector raw;
    append_head(raw, lock, form_plain, generation);
    base::append(raw, wrapping.commitment());
    raw.resize(label_at);
    crypto::Aes256Gcm(wrapping.kek()).seal(crypto::nonce_of(0), covered(raw), root.bytes(), ByteSpan(raw).subspan(wrapped_at));
    append_label(raw, label);
    return raw;
}

bool is_slot(ByteView raw) {
    if (raw.size() < label_at + 2 || !std::equal(slot_magic.begin(), slot_magic.end(), raw.begin())) return false;
    const std::size_t length = base::load_le<std::uint16_t>(&raw[label_at]);
    return raw.size() == label_at + 2 + length + tail_of(form_of(raw)) && base::is_utf8(base::text_of(raw.subspan(label_at + 2, length)));
}

SlotRecord read_slot(ByteView raw, const std::string& name) {
    if (!is_slot(raw)) throw Corrupt("the key slot is damaged", {.subject = name});
    const auto form = form_of(raw);
    SlotRecord slot;
    slot.lock.kind = static_cast<KeySource::Kind>(raw[8]);
    slot.lock.derivation = static_cast<Derivation>(raw[9]);
    if (!belongs(slot.lock.kind, slot.lock.derivation, form))
        throw Unsupported("this kind of key slot needs a newer version", {.subject = name});
    slot.plain = form == form_plain;
    slot.generation = base::load_le<std::uint32_t>(&raw[12]);
    const std::uint32_t costs[] = {base::load_le<std::uint32_t>(&raw[16]), base::load_le<std::uint32_t>(&raw[20]),
                                   base::load_le<std::uint32_t>(&raw[24])};
    if (slot.lock.derivation == Derivation::pbkdf2) slot.lock.iterations = costs[0];
    else slot.lock.cost = {.memory_kib = costs[0], .passes = costs[1], .lanes = costs[2]};
    slot.lock.salt = taken<32>(raw, salt_at);
    const std::size_t length = base::load_le<std::uint16_t>(&raw[label_at]);
    slot.lock.label = base::text_of(raw.subspan(label_at + 2, length));
    if (!slot.plain) {
        const auto tail = label_at + 2 + length;
        slot.lock.key = taken<32>(raw, tail + 32);
        slot.lock.bond = taken<32>(raw, tail + 64);
        slot.identity = taken<32>(raw, tail + 96);
    }
    check_costs(slot.lock, name);
    return slot;
}

bool is_sealed_by(ByteView raw, const crypto::PublicKey& identity) {
    return form_of(raw) == form_plain ||
           (std::equal(identity.begin(), identity.end(), raw.end() - signature_size - 32) &&
            crypto::verify(identity, raw.first(raw.size() - signature_size), raw.last(signature_size)));
}

OpenSlot open_slot(const Id16& repo, ByteView raw, const KeySource& key, const std::string& name) {
    const auto slot = read_slot(raw, name);
    OpenSlot opened;
    if (slot.lock.kind != key.kind || key.secret.empty()) return opened;
    Wrapping wrapping;
    if (slot.plain) {
        wrapping = wrap_plain(repo, slot.lock, key.secret.bytes());
    } else {
        const auto owner = owner_of(repo, slot.lock, key.secret.bytes());
        if (owner.pair.public_key() != slot.lock.key) return opened;
        // A stranger can seal to a public key, so the owner looks whose hand it was before the root key counts for anything.
        if (!crypto::equal_constant_time(bond_of(owner, slot.identity), slot.lock.bond) ||
            !is_sealed_by(raw, slot.identity))
            throw Corrupt("the key slot was not sealed by this repository", {.subject = name});
        const auto ephemeral = taken<32>(raw, raw.size() - sealed_tail);
        const auto shared = owner.pair.agree(ephemeral);
        if (shared.empty()) throw Corrupt("the key slot is damaged", {.subject = name});
        wrapping = wrap(repo, slot.lock, ephemeral, shared);
        opened.identity = slot.identity;
    }
    if (!crypto::equal_constant_time(wrapping.commitment(), raw.subspan(commitment_at, 32))) {
        if (slot.plain) return opened;
        throw Corrupt("the key slot is damaged", {.subject = name});
    }
    crypto::Secret root(root_size);
    if (!crypto::Aes256Gcm(wrapping.kek()).open(crypto::nonce_of(0), covered(raw), raw.subspan(wrapped_at, root_size + tag_size), root.bytes()))
        throw Corrupt("the key slot is damaged", {.subject = name});
    opened.root = std::move(root);
    opened.generation = slot.generation;
    return opened;
}

KeySource KeySource::password(std::string_view text, Derivation derivation) {
    if (text.size() < 8) throw InvalidArgument("a password has at least 8 characters", {.subject = "password"});
    return {.kind = Kind::password, .secret = crypto::Secret::copy_of(base::view_of(text)), .derivation = derivation};
}

KeySource KeySource::key(base::ByteView bytes) {
    if (bytes.size() < root_size) throw InvalidArgument("a key has at least 32 bytes", {.subject = "key"});
    return {.kind = Kind::key_file, .secret = crypto::Secret::copy_of(bytes)};
}

KeySource KeySource::host_key(base::ByteView bytes) {
    auto source = key(bytes);
    source.kind = Kind::host;
    return source;
}

KeySource KeySource::recipient_public(const crypto::PublicKey& key) { return {.kind = Kind::recipient, .recipient = key}; }

KeySource KeySource::recipient_private(base::ByteView key) {
    if (key.size() != root_size) throw InvalidArgument("a recipient's key has 32 bytes", {.subject = "key"});
    return {.kind = Kind::recipient, .secret = crypto::Secret::copy_of(key)};
}

KeySource KeySource::clone() const { return {.kind = kind, .secret = secret.clone(), .derivation = derivation, .recipient = recipient}; }

}  // namespace tenon::backup
