#include <crypto/kdf.hpp>

#include <algorithm>
#include <string>

#include <crypto/hash.hpp>
#include <tenon/error.hpp>

#include "openssl.hpp"
#include "sodium.hpp"

namespace tenon::crypto {
namespace {

constexpr std::uint32_t mib = 1024;  // in KiB

[[noreturn]] void refuse(const std::string& why) {
    throw InvalidArgument(why, {.subject = "key derivation"});
}

void between(const char* what, std::uint32_t value, std::uint32_t least, std::uint32_t most) {
    if (value < least)
        refuse(std::string(what) + " of " + std::to_string(value) + " is too weak; the least is " + std::to_string(least));
    if (value > most)
        refuse(std::string(what) + " of " + std::to_string(value) + " is too costly; the most is " + std::to_string(most));
}

}  // namespace

Secret hkdf_extract(ByteView salt, ByteView input) {
    auto digest = hmac_sha256(salt, input);
    auto prk = Secret::copy_of(digest);
    wipe(digest);
    return prk;
}

Secret hkdf_expand(ByteView prk, ByteView info, std::size_t size) {
    if (size > 255 * 32) throw InternalError("HKDF yields at most 8160 bytes");
    Secret out(size);
    HmacSha256 mac(prk);
    Digest block{};
    std::uint8_t counter = 0;
    for (std::size_t done = 0; done < size; done += block.size()) {
        if (counter > 0) mac.update(block);
        ++counter;
        block = mac.update(info).update({&counter, 1}).finish();
        std::copy_n(block.begin(), std::min(block.size(), size - done), out.bytes().begin() + static_cast<std::ptrdiff_t>(done));
    }
    wipe(block);
    return out;
}

Secret hkdf(ByteView salt, ByteView input, ByteView info, std::size_t size) {
    return hkdf_expand(hkdf_extract(salt, input).bytes(), info, size);
}

void check_cost(const Argon2Cost& cost) {
    between("Argon2id memory (KiB)", cost.memory_kib, 19 * mib, 1024 * mib);
    between("Argon2id passes", cost.passes, 2, 16);
    if (cost.lanes == 0) refuse("Argon2id needs a lane");
    if (cost.lanes != 1) throw Unsupported("Argon2id with more than one lane", {.subject = "key derivation"});
}

void check_pbkdf2_iterations(std::uint32_t iterations) {
    between("PBKDF2 iterations", iterations, 600'000, 10'000'000);
}

Secret argon2id(ByteView password, ByteView salt, const Argon2Cost& cost, std::size_t size) {
    check_cost(cost);
    if (salt.size() < crypto_pwhash_argon2id_SALTBYTES) throw InternalError("Argon2id takes 16 bytes of salt");
    start_sodium();
    Secret out(size);
    if (crypto_pwhash_argon2id(out.bytes().data(), size, reinterpret_cast<const char*>(password.data()),
                               password.size(), salt.data(), cost.passes, std::size_t{cost.memory_kib} * 1024,
                               crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
        throw Unavailable("not enough memory to derive a key from the password", {.subject = "key derivation"});
    return out;
}

Secret pbkdf2_sha256(ByteView password, ByteView salt, std::uint32_t iterations, std::size_t size) {
    check_pbkdf2_iterations(iterations);
    Secret out(size);
    must(PKCS5_PBKDF2_HMAC(reinterpret_cast<const char*>(password.data()), static_cast<int>(password.size()),
                           salt.data(), static_cast<int>(salt.size()), static_cast<int>(iterations), fetched_sha256(),
                           static_cast<int>(size), out.bytes().data()),
         "PBKDF2");
    return out;
}

}  // namespace tenon::crypto
