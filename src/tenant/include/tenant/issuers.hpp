#pragma once

#include <optional>
#include <string>
#include <vector>

#include <crypto/master_key.hpp>
#include <crypto/sign.hpp>
#include <db/database.hpp>
#include <tenant/actor.hpp>
#include <tenon/access.hpp>

namespace tenon::tenant::access {

/// Whose tokens let a tenant's users in. Functions work in the caller's transaction and write the audit record of what they do.
namespace issuers {
TrustedIssuer create(db::Tx& tx, const Actor& actor, const IssuerId& id, const IssuerOptions& options, Time now);
[[nodiscard]] std::optional<TrustedIssuer> find(db::Reader& reader, const IssuerId& id);
/// With how often its keys were replaced.
struct Versioned {
    TrustedIssuer issuer{};
    std::int64_t version = 0;
};
[[nodiscard]] std::vector<Versioned> of_name(db::Reader& reader, const std::string& issuer);
/// Whether it is there with the keys of that version.
[[nodiscard]] bool holds(db::Reader& reader, const IssuerId& id, std::int64_t version);
TrustedIssuer get(db::Reader& reader, const IssuerId& id);
std::vector<TrustedIssuer> list(db::Reader& reader);
TrustedIssuer update(db::Tx& tx, const Actor& actor, const IssuerId& id, const std::string& jwks, Time now);
void remove(db::Tx& tx, const Actor& actor, const IssuerId& id, Time now);
}  // namespace issuers

/// The keys that sign a home's own tokens. Seeds are sealed with the master key.
namespace token_keys {
struct Stored {
    TokenKey info{};
    crypto::PublicKey public_key{};
    std::vector<std::uint8_t> sealed{};
};
/// Newest first: the one that signs, and those whose tokens may still hold.
std::vector<Stored> live(db::SystemReader& reader, Time now);
std::vector<TokenKey> list(db::SystemReader& reader);
/// Adds `key` and retires those before it.
TokenKey add(db::SystemTx& tx, const crypto::MasterKey& master, const crypto::SigningKey& key, Time now);
crypto::SigningKey open(const crypto::MasterKey& master, const Stored& stored);
}  // namespace token_keys

constexpr Duration access_lifetime = std::chrono::minutes(10);

}  // namespace tenon::tenant::access
