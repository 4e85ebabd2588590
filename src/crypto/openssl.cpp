#include "openssl.hpp"

#include <string>

#include <openssl/err.h>
#include <tenon/error.hpp>

namespace tenon::crypto {
namespace {

template <class T> T* have(T* fetched, const char* name) {
    if (!fetched) throw Unsupported(std::string("the machine's OpenSSL offers no ") + name);
    return fetched;
}

}  // namespace

// Never freed: a static destructor could run before the last user's.
const EVP_MD* fetched_sha256() {
    static const EVP_MD* const md = have(EVP_MD_fetch(nullptr, "SHA256", nullptr), "SHA-256");
    return md;
}
const EVP_CIPHER* fetched_aes256_gcm() {
    static const EVP_CIPHER* const cipher = have(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr), "AES-256-GCM");
    return cipher;
}
const EVP_CIPHER* fetched_aes128_ecb() {
    static const EVP_CIPHER* const cipher = have(EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr), "AES-128-ECB");
    return cipher;
}

void must(int result, const char* what) {
    if (result == 1) return;
    char reason[128] = "unknown reason";
    if (const auto code = ERR_get_error()) ERR_error_string_n(code, reason, sizeof reason);
    ERR_clear_error();
    throw InternalError(std::string(what) + " failed: " + reason);
}

MdContext new_md_context() {
    MdContext context(EVP_MD_CTX_new());
    if (!context) throw Unavailable("out of memory for a hash");
    return context;
}

CipherContext new_cipher_context() {
    CipherContext context(EVP_CIPHER_CTX_new());
    if (!context) throw Unavailable("out of memory for a cipher");
    return context;
}

}  // namespace tenon::crypto
