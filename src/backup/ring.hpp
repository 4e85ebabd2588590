#pragma once

#include <map>
#include <string>

#include <crypto/secret.hpp>
#include <tenon/units.hpp>

#include "wire.hpp"

namespace tenon::backup {

/// One erasure class: what its objects are sealed with, and what its ids and cuts depend on.
struct ClassKeys {
    std::map<std::uint16_t, crypto::Secret> dek;  ///< By number; the highest one seals.
    crypto::Secret k_id;
    crypto::Secret k_cdc;
    std::uint64_t state = 1;                      ///< 1: live.
    Time created{};
    std::string subject{};

    static ClassKeys make(Time now);
    std::uint16_t current() const { return dek.rbegin()->first; }
};

struct PackKey {
    crypto::Secret key;
    Id commitment{};
};

/// okm = HKDF(salt, ikm, "tenon/1/pack" ‖ repo ‖ class ‖ kind): the key of one object, and a commitment to it.
PackKey derive_pack_key(ByteView ikm, const Id& salt, const Id16& repo, const Id16& class_id, Kind kind);

/// The wrapped data keys of one generation.
struct Ring {
    std::uint32_t generation = 1;
    std::map<Id16, ClassKeys> classes;  ///< Class zero is the control class.

    const ClassKeys& control() const { return classes.at(control_class); }
    /// The class that files go to. One, in this version.
    const Id16& data_class() const { return classes.rbegin()->first; }
    const ClassKeys& data() const { return classes.rbegin()->second; }
    /// Throws Corrupt when an object claims keys that the ring does not have.
    const crypto::Secret& dek(const Id16& class_id, std::uint16_t number, const std::string& object) const;
};

Ring make_ring(Time now);
/// A sealed container of kind `ring` under a key that only the tenant's root key gives.
ByteVector seal_ring(const Ring& ring, const crypto::Secret& root, const Id16& repo);
/// What is sealed in it. Throws Corrupt.
Ring decode_ring(ByteView plain, const std::string& name);
Ring open_ring(ByteView raw, const crypto::Secret& root, const Id16& repo, const std::string& name);

}  // namespace tenon::backup
