#pragma once

#include <memory>

#include <openssl/evp.h>

namespace tenon::crypto {

struct FreeEvp {
    void operator()(EVP_MD_CTX* p) const noexcept { EVP_MD_CTX_free(p); }
    void operator()(EVP_CIPHER_CTX* p) const noexcept { EVP_CIPHER_CTX_free(p); }
};
using MdContext = std::unique_ptr<EVP_MD_CTX, FreeEvp>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeEvp>;

// Algorithms are fetched once per process: an implicit fetch at every use costs more than hashing a small message.
const EVP_MD* fetched_sha256();
const EVP_CIPHER* fetched_aes256_gcm();
const EVP_CIPHER* fetched_aes128_ecb();

// OpenSSL reports failure by a result that is not 1. None of the calls here can fail on valid arguments, so a failure
// is ours or the machine's.
void must(int result, const char* what);
MdContext new_md_context();
CipherContext new_cipher_context();

}  // namespace tenon::crypto
