#include <crypto/secret.hpp>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include <tenon/error.hpp>

#include "sodium.hpp"

namespace tenon::crypto {

void start_sodium() {
    static const int started = sodium_init();  // 1: another library of this process was first, which is fine
    if (started < 0) throw InternalError("libsodium cannot start");
}

namespace {

// libsodium's: locked, kept out of core dumps, between guard pages. When the limit of locked memory is used up, the kernel refuses the lock and
// the rest still holds, which beats failing.
std::uint8_t* guarded(std::size_t size) {
    start_sodium();
    const auto data = static_cast<std::uint8_t*>(sodium_malloc(size));
    if (!data) throw Unavailable("out of memory for a secret");
    return data;
}

// Keys come and go by the thousand, and a mapping of its own for each costs ten system calls and a page of the little memory that may be locked:
// they share pages, which stay for the next ones. What is free holds zeros.
class Slots {
public:
    static constexpr std::size_t size = 64;

    std::uint8_t* take() {
        const std::lock_guard lock(mutex_);
        if (free_.empty()) {
            constexpr std::size_t count = 64;
            slots_ += count;
            free_.reserve(slots_);  // so that giving back cannot fail
            const auto page = guarded(count * size);
            sodium_memzero(page, count * size);
            for (auto at = count; at-- > 0;) free_.push_back(page + at * size);
        }
        const auto slot = free_.back();
        free_.pop_back();
        return slot;
    }

    void give_back(std::uint8_t* slot) noexcept {
        sodium_memzero(slot, size);
        const std::lock_guard lock(mutex_);
        free_.push_back(slot);
    }

private:
    std::mutex mutex_;
    std::size_t slots_ = 0;
    std::vector<std::uint8_t*> free_;
};

// Never destroyed: secrets of other static objects may outlive any order of destruction.
Slots& slots() {
    static auto& all = *new Slots;
    return all;
}

}  // namespace

Secret::Secret(std::size_t size) {
    if (size == 0) return;
    if (size <= Slots::size) {
        data_ = slots().take();
    } else {
        data_ = guarded(size);
        sodium_memzero(data_, size);
    }
    size_ = size;
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

Secret::~Secret() {
    if (!data_) return;
    if (size_ <= Slots::size) slots().give_back(data_);
    else sodium_free(data_);  // wipes
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
