#include <crypto/hash.hpp>

#include <algorithm>

#include <tenon/error.hpp>

#include "openssl.hpp"
#include "sodium.hpp"

namespace tenon::crypto {
namespace {

constexpr std::size_t sha256_block = 64;

void feed(EVP_MD_CTX* context, ByteView data) {
    must(EVP_DigestUpdate(context, data.data(), data.size()), "hashing");
}

Digest end(EVP_MD_CTX* context) {
    Digest digest;
    must(EVP_DigestFinal_ex(context, digest.data(), nullptr), "hashing");
    return digest;
}

void copy(EVP_MD_CTX* to, const EVP_MD_CTX* from) { must(EVP_MD_CTX_copy_ex(to, from), "copying a hash"); }

}  // namespace

Digest sha256(ByteView data) {
    thread_local const MdContext context = new_md_context();
    must(EVP_DigestInit_ex(context.get(), fetched_sha256(), nullptr), "hashing");
    feed(context.get(), data);
    return end(context.get());
}

struct Sha256::Impl {
    MdContext context = new_md_context();
    void begin() { must(EVP_DigestInit_ex(context.get(), fetched_sha256(), nullptr), "hashing"); }
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) { impl_->begin(); }
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

Sha256& Sha256::update(ByteView data) {
    feed(impl_->context.get(), data);
    return *this;
}

Digest Sha256::finish() {
    const auto digest = end(impl_->context.get());
    impl_->begin();
    return digest;
}

Digest Sha256::digest() const {
    const auto fork = new_md_context();
    copy(fork.get(), impl_->context.get());
    return end(fork.get());
}

// RFC 2104 over two contexts that have swallowed the padded key already: a message then costs its own blocks and two
// copies, where OpenSSL's EVP_MAC would set up parameters each time.
struct HmacSha256::Impl {
    MdContext inner = new_md_context(), outer = new_md_context(), current = new_md_context();

    explicit Impl(ByteView key) {
        std::array<std::uint8_t, sha256_block> block{};
        if (key.size() > block.size()) {
            auto digest = sha256(key);
            std::copy(digest.begin(), digest.end(), block.begin());
            sodium_memzero(digest.data(), digest.size());
        } else {
            std::copy(key.begin(), key.end(), block.begin());
        }
        for (auto& byte : block) byte ^= 0x36;
        begin(inner.get(), block);
        for (auto& byte : block) byte ^= 0x36 ^ 0x5c;
        begin(outer.get(), block);
        sodium_memzero(block.data(), block.size());
        copy(current.get(), inner.get());
    }
    static void begin(EVP_MD_CTX* context, ByteView block) {
        must(EVP_DigestInit_ex(context, fetched_sha256(), nullptr), "hashing");
        feed(context, block);
    }
};

HmacSha256::HmacSha256(ByteView key) : impl_(std::make_unique<Impl>(key)) {}
HmacSha256::HmacSha256(HmacSha256&&) noexcept = default;
HmacSha256& HmacSha256::operator=(HmacSha256&&) noexcept = default;
HmacSha256::~HmacSha256() = default;

HmacSha256& HmacSha256::update(ByteView data) {
    feed(impl_->current.get(), data);
    return *this;
}

Digest HmacSha256::finish() {
    const auto current = impl_->current.get();
    const auto digest = end(current);
    copy(current, impl_->outer.get());
    feed(current, digest);
    const auto mac = end(current);
    copy(current, impl_->inner.get());
    return mac;
}

Digest hmac_sha256(ByteView key, ByteView data) { return HmacSha256(key).update(data).finish(); }

Digest blake2b_256(ByteView key, ByteView data) {
    start_sodium();
    if (key.size() < crypto_generichash_KEYBYTES_MIN || key.size() > crypto_generichash_KEYBYTES_MAX)
        throw InternalError("a BLAKE2b key has 16 to 64 bytes");
    Digest digest;
    must(crypto_generichash(digest.data(), digest.size(), data.data(), data.size(), key.data(), key.size()) + 1,
         "hashing");
    return digest;
}

}  // namespace tenon::crypto
