#include <crypto/cipher.hpp>

#include <limits>
#include <string>

#include <tenon/error.hpp>

#include "openssl.hpp"
#include "sodium.hpp"

namespace tenon::crypto {
namespace {

// EVP takes lengths as int; a frame or secret never comes near.
int length_of(std::size_t size) {
    if (size > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        throw InternalError("more than 2 GiB in one call of a cipher");
    return static_cast<int>(size);
}

void require(bool holds, const char* what) {
    if (!holds) throw InternalError(what);
}

}  // namespace

Nonce nonce_of(std::uint32_t seq) {
    Nonce nonce{};
    base::store_le(nonce.data() + 8, seq);
    return nonce;
}

struct Aes256Gcm::Impl {
    CipherContext sealing = new_cipher_context(), opening = new_cipher_context();
};

Aes256Gcm::Aes256Gcm(ByteView key) : impl_(std::make_unique<Impl>()) {
    require(key.size() == key_size, "an AES-256 key has 32 bytes");
    must(EVP_EncryptInit_ex(impl_->sealing.get(), fetched_aes256_gcm(), nullptr, key.data(), nullptr), "AES-256-GCM");
    must(EVP_DecryptInit_ex(impl_->opening.get(), fetched_aes256_gcm(), nullptr, key.data(), nullptr), "AES-256-GCM");
}
Aes256Gcm::Aes256Gcm(Aes256Gcm&&) noexcept = default;
Aes256Gcm& Aes256Gcm::operator=(Aes256Gcm&&) noexcept = default;
Aes256Gcm::~Aes256Gcm() = default;

void Aes256Gcm::seal(const Nonce& nonce, ByteView aad, ByteView plain, ByteSpan sealed) {
    require(sealed.size() == plain.size() + tag_size, "a seal takes 16 bytes more than its content");
    const auto context = impl_->sealing.get();
    const auto tag = sealed.data() + plain.size();
    int written = 0;
    must(EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()), "sealing");
    if (!aad.empty()) must(EVP_EncryptUpdate(context, nullptr, &written, aad.data(), length_of(aad.size())), "sealing");
    if (!plain.empty())
        must(EVP_EncryptUpdate(context, sealed.data(), &written, plain.data(), length_of(plain.size())), "sealing");
    must(EVP_EncryptFinal_ex(context, tag, &written), "sealing");
    must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tag_size, tag), "sealing");
}

bool Aes256Gcm::open(const Nonce& nonce, ByteView aad, ByteView sealed, ByteSpan plain) {
    if (sealed.size() < tag_size) return false;
    require(plain.size() == sealed.size() - tag_size, "an opened seal has 16 bytes less");
    const auto context = impl_->opening.get();
    std::uint8_t tag[tag_size];
    std::memcpy(tag, sealed.data() + plain.size(), tag_size);
    std::uint8_t none[tag_size];
    int written = 0;
    must(EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()), "opening a seal");
    if (!aad.empty())
        must(EVP_DecryptUpdate(context, nullptr, &written, aad.data(), length_of(aad.size())), "opening a seal");
    if (!plain.empty())
        must(EVP_DecryptUpdate(context, plain.data(), &written, sealed.data(), length_of(plain.size())),
             "opening a seal");
    must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tag_size, tag), "opening a seal");
    if (EVP_DecryptFinal_ex(context, none, &written) == 1) return true;
    // Nothing unauthenticated may be used by mistake.
    if (!plain.empty()) sodium_memzero(plain.data(), plain.size());
    return false;
}

struct Aes128::Impl {
    CipherContext context = new_cipher_context();
};

Aes128::Aes128(ByteView key) : impl_(std::make_unique<Impl>()) {
    require(key.size() == 16, "an AES-128 key has 16 bytes");
    must(EVP_EncryptInit_ex(impl_->context.get(), fetched_aes128_ecb(), nullptr, key.data(), nullptr), "AES-128");
    must(EVP_CIPHER_CTX_set_padding(impl_->context.get(), 0), "AES-128");
}
Aes128::Aes128(Aes128&&) noexcept = default;
Aes128& Aes128::operator=(Aes128&&) noexcept = default;
Aes128::~Aes128() = default;

void Aes128::encrypt(ByteView blocks, ByteSpan out) {
    require(blocks.size() % 16 == 0 && out.size() == blocks.size(), "AES works on whole blocks");
    if (blocks.empty()) return;
    int written = 0;
    must(EVP_EncryptUpdate(impl_->context.get(), out.data(), &written, blocks.data(), length_of(blocks.size())),
         "AES-128");
}

}  // namespace tenon::crypto
