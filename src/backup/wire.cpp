#include "wire.hpp"

#include <bit>

#include <crypto/encoding.hpp>

namespace tenon::backup {

std::string hex(ByteView bytes) { return crypto::to_hex(bytes); }

std::uint64_t padme(std::uint64_t length) {
    if (length < 2) return length;
    const int e = std::bit_width(length) - 1;
    const int s = std::bit_width(static_cast<unsigned>(e));
    const std::uint64_t step = std::uint64_t{1} << (e - s);
    return (length + step - 1) / step * step;
}

}  // namespace tenon::backup
