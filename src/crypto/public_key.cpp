#include <crypto/public_key.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <variant>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include <crypto/sign.hpp>
#include <tenon/error.hpp>

#include "openssl.hpp"

namespace tenon::crypto {
namespace {

struct FreeKey {
    void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
    void operator()(EVP_PKEY_CTX* p) const noexcept { EVP_PKEY_CTX_free(p); }
    void operator()(OSSL_PARAM_BLD* p) const noexcept { OSSL_PARAM_BLD_free(p); }
    void operator()(OSSL_PARAM* p) const noexcept { OSSL_PARAM_free(p); }
    void operator()(BIGNUM* p) const noexcept { BN_free(p); }
    void operator()(ECDSA_SIG* p) const noexcept { ECDSA_SIG_free(p); }
};
template <class T> using Owned = std::unique_ptr<T, FreeKey>;

constexpr std::size_t coordinate = 32;

[[noreturn]] void refuse(const char* why) {
    ERR_clear_error();
    throw InvalidArgument(why, {.subject = "key"});
}

template <class T> Owned<T> have(T* made) {
    if (!made) throw Unavailable("out of memory for a public key");
    return Owned<T>(made);
}

Owned<BIGNUM> number(ByteView bytes) { return have(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr)); }

Owned<EVP_PKEY> key_of(const char* kind, OSSL_PARAM_BLD* builder) {
    const auto params = have(OSSL_PARAM_BLD_to_param(builder));
    const auto context = have(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
    EVP_PKEY* key = nullptr;
    if (EVP_PKEY_fromdata_init(context.get()) != 1 || EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
        refuse("this is no public key");
    Owned<EVP_PKEY> owned(key);
    const auto checking = have(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    if (EVP_PKEY_public_check(checking.get()) != 1) refuse("this is no public key");
    return owned;
}

bool verifies(EVP_PKEY* key, ByteView message, ByteView signature) {
    const auto context = new_md_context();
    must(EVP_DigestVerifyInit(context.get(), nullptr, fetched_sha256(), nullptr, key), "verifying");
    const bool holds = EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
    if (!holds) ERR_clear_error();
    return holds;
}

/// Two numbers of 32 bytes, as OpenSSL wants them.
std::optional<base::ByteVector> der_of(ByteView signature) {
    if (signature.size() != 2 * coordinate) return std::nullopt;
    auto r = number(signature.first(coordinate)), s = number(signature.last(coordinate));
    const auto pair = have(ECDSA_SIG_new());
    must(ECDSA_SIG_set0(pair.get(), r.get(), s.get()), "verifying");
    (void)r.release();
    (void)s.release();
    unsigned char* out = nullptr;
    const int size = i2d_ECDSA_SIG(pair.get(), &out);
    if (size <= 0) return std::nullopt;
    base::ByteVector der(out, out + size);
    OPENSSL_free(out);
    return der;
}

}  // namespace

struct PublicVerifier::Impl {
    const char* algorithm = "";
    Owned<EVP_PKEY> key{};  // unset: Ed25519
    PublicKey ed25519{};
};

PublicVerifier::PublicVerifier(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PublicVerifier::PublicVerifier(PublicVerifier&&) noexcept = default;
PublicVerifier& PublicVerifier::operator=(PublicVerifier&&) noexcept = default;
PublicVerifier::~PublicVerifier() = default;

PublicVerifier PublicVerifier::rs256(ByteView modulus, ByteView exponent) {
    constexpr int least_bits = 2048, most_bits = 8192, most_exponent_bits = 64;
    if (modulus.empty() || exponent.empty() || modulus.size() > most_bits / 8 + 1 || exponent.size() > modulus.size())
        refuse("an RSA key has a modulus of 2048 to 8192 bits and an exponent");
    const auto n = number(modulus), e = number(exponent);
    if (BN_num_bits(n.get()) < least_bits || BN_num_bits(n.get()) > most_bits || !BN_is_odd(n.get()))
        refuse("an RSA key has a modulus of 2048 to 8192 bits");
    // A long exponent would make each verification as costly as a signature: nobody's key has one.
    if (!BN_is_odd(e.get()) || BN_is_one(e.get()) || BN_num_bits(e.get()) > most_exponent_bits)
        refuse("an RSA key's exponent is odd, above 1 and of 64 bits at most");
    const auto builder = have(OSSL_PARAM_BLD_new());
    must(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()), "reading a key");
    must(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()), "reading a key");
    auto impl = std::make_unique<Impl>();
    impl->algorithm = "RS256";
    impl->key = key_of("RSA", builder.get());
    return PublicVerifier(std::move(impl));
}

PublicVerifier PublicVerifier::es256(ByteView x, ByteView y) {
    if (x.size() != coordinate || y.size() != coordinate) refuse("a point of P-256 has two coordinates of 32 bytes");
    std::array<std::uint8_t, 1 + 2 * coordinate> point{0x04};
    std::ranges::copy(x, point.begin() + 1);
    std::ranges::copy(y, point.begin() + 1 + coordinate);
    const auto builder = have(OSSL_PARAM_BLD_new());
    must(OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0), "reading a key");
    must(OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()), "reading a key");
    auto impl = std::make_unique<Impl>();
    impl->algorithm = "ES256";
    impl->key = key_of("EC", builder.get());
    return PublicVerifier(std::move(impl));
}

PublicVerifier PublicVerifier::ed25519(ByteView key) {
    auto impl = std::make_unique<Impl>();
    if (key.size() != impl->ed25519.size()) refuse("an Ed25519 key has 32 bytes");
    impl->algorithm = "EdDSA";
    std::ranges::copy(key, impl->ed25519.begin());
    return PublicVerifier(std::move(impl));
}

const char* PublicVerifier::algorithm() const noexcept { return impl_->algorithm; }

bool PublicVerifier::verify(ByteView message, ByteView signature) const {
    if (!impl_->key) return crypto::verify(impl_->ed25519, message, signature);
    if (EVP_PKEY_get_base_id(impl_->key.get()) == EVP_PKEY_RSA) return verifies(impl_->key.get(), message, signature);
    const auto der = der_of(signature);
    return der && verifies(impl_->key.get(), message, *der);
}

}  // namespace tenon::crypto
