#pragma once

#include <string>

#include <backup/repository.hpp>

#include "wire.hpp"

namespace tenon::backup {

/// One wrapping of the tenant root key.
struct SlotRecord {
    KeySource::Kind kind = KeySource::Kind::key_file;
    std::uint32_t generation = 0;
    std::string label{};
};

/// Wraps `root` under a key. Every call takes a new salt.
ByteVector seal_slot(const Id16& repo, const KeySource& key, const crypto::Argon2Cost& cost, std::uint32_t generation,
                     const std::string& label, const crypto::Secret& root);

/// What a slot says in the clear. Throws Corrupt, Unsupported.
SlotRecord read_slot(ByteView raw, const std::string& name);
/// Whether the bytes have the shape of a slot; says nothing about keys.
bool is_slot(ByteView raw);

/// The root key, or empty if this key is not the slot's. Refuses costs that are too low or too high before deriving.
crypto::Secret open_slot(const Id16& repo, ByteView raw, const KeySource& key, const std::string& name);

}  // namespace tenon::backup
