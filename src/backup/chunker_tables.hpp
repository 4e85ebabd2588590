#pragma once

#include <crypto/secret.hpp>

#include "chunker.hpp"

namespace tenon::backup {

struct Chunker::Tables {
    struct Row {
        std::uint64_t in;   ///< T
        std::uint64_t out;  ///< O: what a byte has become when it leaves the window
    };
    alignas(64) std::array<Row, 256> rows;
    alignas(64) std::array<std::uint8_t, 11 * 16> round_keys{};
    std::array<std::uint8_t, 16> key;

    ~Tables() { crypto::wipe({reinterpret_cast<std::uint8_t*>(this), sizeof *this}); }
};

/// The first position in [from, to) whose permuted state has no bit of `mask`; `to` if there is none. `from` ≥ window;
/// the state at a position covers the byte there and the 63 before.
using Scan = std::size_t (*)(const Chunker::Tables& tables, const std::uint8_t* data, std::size_t from, std::size_t to,
                             std::uint32_t mask);

std::size_t scan_portable(const Chunker::Tables& tables, const std::uint8_t* data, std::size_t from, std::size_t to,
                          std::uint32_t mask);
#if defined(__x86_64__)
void expand_round_keys(Chunker::Tables& tables);
std::size_t scan_aes_ni(const Chunker::Tables& tables, const std::uint8_t* data, std::size_t from, std::size_t to,
                        std::uint32_t mask);
std::size_t scan_vaes(const Chunker::Tables& tables, const std::uint8_t* data, std::size_t from, std::size_t to,
                      std::uint32_t mask);
std::size_t scan_vaes512(const Chunker::Tables& tables, const std::uint8_t* data, std::size_t from, std::size_t to,
                         std::uint32_t mask);
#endif

/// The state before `position`, from the window that ends there.
inline std::uint64_t state_before(const Chunker::Tables& tables, const std::uint8_t* data, std::size_t position) {
    std::uint64_t d = 0;
    for (const auto *at = data + position - Chunker::window, *end = data + position; at < end; ++at) d = mulx(d) ^ tables.rows[*at].in;
    return d;
}

inline std::uint64_t roll(const Chunker::Tables& tables, std::uint64_t d, const std::uint8_t* at) {
    return mulx(d) ^ (tables.rows[*at].in ^ tables.rows[*(at - Chunker::window)].out);  // so that the next one waits for one step less
}

}  // namespace tenon::backup
