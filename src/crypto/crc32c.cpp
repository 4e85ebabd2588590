#include <algorithm>
#include <limits>

#include <isa-l/crc.h>

#include <crypto/hash.hpp>

namespace tenon::crypto {

std::uint32_t crc32c(ByteView data, std::uint32_t before) noexcept {
    // The library takes and gives the remainder as it is, and no more than an int's worth of bytes.
    constexpr std::size_t most = std::numeric_limits<int>::max();
    auto crc = ~before;
    for (; !data.empty(); data = data.subspan(std::min(data.size(), most)))
        crc = crc32_iscsi(const_cast<std::uint8_t*>(data.data()), static_cast<int>(std::min(data.size(), most)), crc);
    return ~crc;
}

}  // namespace tenon::crypto
