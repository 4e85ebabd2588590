#pragma once

#include <cstdint>

#include <base/bytes.hpp>

namespace tenon::crypto {

/// The portable path of crc32c(), apart so that tests compare the two.
std::uint32_t crc32c_scalar(base::ByteView data, std::uint32_t before) noexcept;

}  // namespace tenon::crypto
