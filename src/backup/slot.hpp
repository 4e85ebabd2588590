#pragma once

#include <optional>
#include <string>

#include <backup/repository.hpp>
#include <crypto/agreement.hpp>
#include <crypto/sign.hpp>

#include "wire.hpp"

namespace tenon::backup {

/// What a slot's key is, the same however often the slot is sealed anew. The pair is made from the secret, so whoever has the
/// public half can seal the root key to it, and nobody has to type a password when the root key changes.
struct SlotLock {
    KeySource::Kind kind = KeySource::Kind::key_file;
    KeySource::Derivation derivation = KeySource::Derivation::none;
    crypto::Argon2Cost cost{.memory_kib = 0, .passes = 0, .lanes = 0};
    std::uint32_t iterations = 0;
    Id salt{};
    crypto::PublicKey key{};
    Id bond{};           ///< Made with the secret: which identity may seal this slot. Zeros for a recipient, whose secret nobody here has.
    std::string label{};
};

/// One wrapping of the tenant root key.
struct SlotRecord {
    SlotLock lock;
    std::uint32_t generation = 0;
    /// Sealed under the secret itself, as the first version did: only who has the secret can seal it anew.
    bool plain = false;
    crypto::PublicKey identity{};  ///< Who sealed it.
};

SlotLock make_lock(const Id16& repo, const KeySource& key, const crypto::Argon2Cost& cost, std::uint32_t iterations,
                   const std::string& label, const crypto::PublicKey& identity);
/// Wraps `root`. Every call takes a new key.
ByteVector seal_slot(const Id16& repo, const SlotLock& lock, std::uint32_t generation, const crypto::Secret& root,
                     const crypto::SigningKey& identity);
/// As the first version did; for tests and vectors.
ByteVector seal_plain_slot(const Id16& repo, const KeySource& key, const crypto::Argon2Cost& cost, std::uint32_t generation,
                           const std::string& label, const crypto::Secret& root);

/// What a slot says in the clear. Throws Corrupt, also for costs that no slot has; Unsupported.
SlotRecord read_slot(ByteView raw, const std::string& name);
/// Whether the bytes have the shape of a slot; says nothing about keys.
bool is_slot(ByteView raw);

/// Whether this identity sealed it. A slot of the first version says nothing of that.
[[nodiscard]] bool is_sealed_by(ByteView raw, const crypto::PublicKey& identity);

struct OpenSlot {
    crypto::Secret root;             ///< Empty: this key is not the slot's.
    std::uint32_t generation = 0;
    std::optional<crypto::PublicKey> identity{};  ///< The ring must have it. Empty for a plain slot.
};

/// Refuses costs that are too low or too high before deriving, and slots that somebody else sealed. Throws Corrupt, Unsupported.
OpenSlot open_slot(const Id16& repo, ByteView raw, const KeySource& key, const std::string& name);

}  // namespace tenon::backup
