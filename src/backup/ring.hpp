#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <crypto/secret.hpp>
#include <crypto/sign.hpp>
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

    static ClassKeys make(Time now, std::string subject = {});
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
    /// What was said when a class's keys were destroyed.
    struct Erased {
        std::string receipt{}, signature{};
    };
    std::map<Id16, Erased> erased;      ///< Here and not in the log alone: keys and receipt change in one step.
    crypto::Secret identity;            ///< Seed of the key that signs slots and receipts. Empty in rings of the first version.

    const ClassKeys& control() const { return classes.at(control_class); }
    /// The class of all files that have no other: the one without a subject.
    const Id16& data_class() const;
    const ClassKeys& data() const { return classes.at(data_class()); }
    const ClassKeys& of(const Id16& class_id) const { return classes.at(class_id); }
    /// The class of a subject, or none.
    std::optional<Id16> class_of(std::string_view subject) const;
    bool is_erased(const Id16& class_id) const { return !classes.contains(class_id) && erased.contains(class_id); }
    bool knows(const Id16& class_id, std::uint16_t number) const {
        const auto keys = classes.find(class_id);
        return keys != classes.end() && keys->second.dek.contains(number);
    }
    /// Another data key for every class. Its number is the next; ids and cuts stay as they are.
    void add_data_keys();
    /// Whether something may still be sealed with another data key than the newest of its class.
    bool has_old_data_keys() const;
    crypto::SigningKey signer() const { return crypto::SigningKey::from_seed(identity.bytes()); }
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
