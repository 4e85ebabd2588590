#include <crypto/secret.hpp>

#include <algorithm>
#include <utility>

#include <tenon/error.hpp>

#include "sodium.hpp"

namespace tenon::crypto {

void start_sodium() {
    static const int started = sodium_init();  // 1: another library of this process was first, which is fine
    if (started < 0) throw InternalError("libsodium cannot start");
}

Secret::Secret(std::size_t size) {
    if (size == 0) return;
    start_sodium();
    // sodium_malloc asks for mlock and MADV_DONTDUMP. When the limit of locked memory is used up, the kernel refuses
    // the lock and the rest still holds, which beats failing.
    data_ = static_cast<std::uint8_t*>(sodium_malloc(size));
    if (!data_) throw Unavailable("out of memory for a secret");
    size_ = size;
    sodium_memzero(data_, size_);
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

Secret::~Secret() {
    if (data_) sodium_free(data_);  // wipes
}

Secret Secret::copy_of(ByteView bytes) {
    Secret copy(bytes.size());
    std::copy(bytes.begin(), bytes.end(), copy.data_);
    return copy;
}

Secret Secret::random(std::size_t size) {
    Secret secret(size);
    fill_random(secret.bytes());
    return secret;
}

ByteView Secret::part(std::size_t offset, std::size_t count) const {
    if (offset > size_ || count > size_ - offset) throw InternalError("a part beyond the end of a secret");
    return bytes().subspan(offset, count);
}

bool equal_constant_time(ByteView a, ByteView b) noexcept {
    return a.size() == b.size() && (a.empty() || sodium_memcmp(a.data(), b.data(), a.size()) == 0);
}

void wipe(ByteSpan bytes) noexcept {
    if (!bytes.empty()) sodium_memzero(bytes.data(), bytes.size());
}

void fill_random(ByteSpan out) {
    start_sodium();
    if (!out.empty()) randombytes_buf(out.data(), out.size());
}

ByteVector random_bytes(std::size_t count) {
    ByteVector bytes(count);
    fill_random(bytes);
    return bytes;
}

}  // namespace tenon::crypto
