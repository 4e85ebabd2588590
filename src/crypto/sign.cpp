#include <crypto/sign.hpp>

#include <tenon/error.hpp>

#include "sodium.hpp"

namespace tenon::crypto {

SigningKey SigningKey::generate() { return from_seed(Secret::random(crypto_sign_SEEDBYTES).bytes()); }

SigningKey SigningKey::from_seed(ByteView seed) {
    start_sodium();
    if (seed.size() != crypto_sign_SEEDBYTES) throw InternalError("an Ed25519 seed has 32 bytes");
    SigningKey key;
    key.secret_ = Secret(crypto_sign_SECRETKEYBYTES);  // seed ‖ public key
    if (crypto_sign_seed_keypair(key.public_.data(), key.secret_.bytes().data(), seed.data()) != 0)
        throw InternalError("cannot make an Ed25519 key");
    return key;
}

Signature SigningKey::sign(ByteView message) const {
    Signature signature;
    if (crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(), secret_.bytes().data()) != 0)
        throw InternalError("cannot sign");
    return signature;
}

bool verify(const PublicKey& key, ByteView message, ByteView signature) {
    start_sodium();
    return signature.size() == crypto_sign_BYTES &&
           crypto_sign_verify_detached(signature.data(), message.data(), message.size(), key.data()) == 0;
}

}  // namespace tenon::crypto
