#include <crypto/agreement.hpp>

#include <tenon/error.hpp>

#include "sodium.hpp"

namespace tenon::crypto {

AgreementKey AgreementKey::generate() { return from_private(Secret::random(crypto_scalarmult_curve25519_SCALARBYTES).bytes()); }

AgreementKey AgreementKey::from_private(ByteView key) {
    start_sodium();
    if (key.size() != crypto_scalarmult_curve25519_SCALARBYTES) throw InternalError("an X25519 key has 32 bytes");
    AgreementKey pair;
    pair.secret_ = Secret::copy_of(key);
    if (crypto_scalarmult_curve25519_base(pair.public_.data(), pair.secret_.bytes().data()) != 0)
        throw InternalError("cannot make an X25519 key");
    return pair;
}

Secret AgreementKey::agree(const PublicKey& other) const {
    Secret shared(crypto_scalarmult_curve25519_BYTES);
    // Fails for points of small order, whose result is known to everybody.
    if (crypto_scalarmult_curve25519(shared.bytes().data(), secret_.bytes().data(), other.data()) != 0) return {};
    return shared;
}

}  // namespace tenon::crypto
