#pragma once

#include <cstddef>

#include <base/bytes.hpp>

namespace tenon::crypto {

using base::ByteSpan;
using base::ByteVector;
using base::ByteView;

/// Bytes that must not leak: kept out of swap and core dumps between guard pages, wiped when freed. Move-only, so
/// that every copy is written out as one.
///
/// Cost      up to 64 bytes little more than an allocation: they share guarded pages, which stay until the process ends. Beyond, ten system
///           calls and at least four pages each: for keys, not for data.
/// Threads   as a vector: reading from several at once is fine.
class Secret {
public:
    Secret() noexcept = default;
    explicit Secret(std::size_t size);  ///< Zeros.
    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret&& other) noexcept;
    ~Secret();

    static Secret copy_of(ByteView bytes);
    static Secret random(std::size_t size);
    Secret clone() const { return copy_of(bytes()); }

    ByteSpan bytes() noexcept { return {data_, size_}; }
    ByteView bytes() const noexcept { return {data_, size_}; }
    /// A part of it, still owned here.
    ByteView part(std::size_t offset, std::size_t count) const;
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }

private:
    std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
};

/// Compares in a time that depends on the lengths alone.
[[nodiscard]] bool equal_constant_time(ByteView a, ByteView b) noexcept;

/// Overwrites in a way the compiler cannot drop.
void wipe(ByteSpan bytes) noexcept;

/// From the kernel's generator. Never fails once the machine has booted.
void fill_random(ByteSpan out);
ByteVector random_bytes(std::size_t count);

}  // namespace tenon::crypto
