#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <base/json.hpp>
#include <crypto/public_key.hpp>
#include <crypto/sign.hpp>
#include <tenon/units.hpp>

/// JSON web tokens (RFC 7515, 7517, 7519, 8037), as narrow as can be. The key fixes the algorithm: what a token says of its own
/// must be the same and is never asked. There is no HMAC, no `none`, no encryption, no key inside a token, no critical extension.
namespace tenon::tenant::jwt {

constexpr std::size_t longest_token = 8 * 1024;
constexpr std::size_t longest_key_set = 64 * 1024;
constexpr std::size_t most_keys = 64;
constexpr Duration leeway = std::chrono::seconds(60);  ///< Between our clock and another's.

/// Public keys by their `kid`. Immutable.
class KeySet {
public:
    /// A JWK set. Keys of other kinds, uses and algorithms are passed over, as RFC 7517 has it; private and symmetric ones are
    /// refused. Throws InvalidArgument, subject "jwks"; also where no usable key is left.
    static KeySet parse(std::string_view text);
    void add(std::string kid, crypto::PublicVerifier key);

    std::size_t size() const noexcept { return keys_.size(); }
    /// A token without a kid is checked by the only key there is.
    const crypto::PublicVerifier* find(const std::optional<std::string>& kid) const noexcept;

private:
    struct Entry {
        std::string kid;
        crypto::PublicVerifier key;
    };
    std::vector<Entry> keys_;
};

/// A token taken apart, its signature not yet looked at.
struct Parsed {
    std::string algorithm{};
    std::optional<std::string> kid{};
    base::Json claims{};
    std::string_view signed_part{};      ///< Of the text that was parsed.
    base::ByteVector signature{};
};
/// Throws Unauthenticated that says why, for tests and logs; clients hear nothing of it.
Parsed parse(std::string_view token);

/// What a verified token says.
struct Claims {
    std::string issuer{};
    std::string subject{};
    Time expires_at{};
    base::Json all{};
};
struct Expected {
    std::string_view issuer{};
    std::string_view audience{};
    Time now{};
    Duration slack{};                    ///< 0 for tokens of our own clock.
};
/// Throws Unauthenticated.
Claims verify(const Parsed& token, const KeySet& keys, const Expected& expected);

/// EdDSA. `claims`: an object.
std::string sign(const crypto::SigningKey& key, const std::string& kid, const base::Json& claims);
/// The public key as a JWK (RFC 8037).
base::Json jwk_of(const crypto::PublicKey& key, const std::string& kid);
/// RFC 7638.
std::string thumbprint(const crypto::PublicKey& key);

}  // namespace tenon::tenant::jwt
