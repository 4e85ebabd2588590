#include "chunker.hpp"

#include <algorithm>
#include <cstring>

#include <crypto/cipher.hpp>
#include <crypto/kdf.hpp>

#include "chunker_tables.hpp"

namespace tenon::backup {

bool Chunker::available(Way way) {
#if defined(__x86_64__) && !defined(__clang__)  // clang, which only fuzzes, does not know all of these names
    if (way == Way::vaes512)
        return __builtin_cpu_supports("vaes") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("aes");
    if (way == Way::vaes)
        return __builtin_cpu_supports("vaes") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("aes");
    if (way == Way::aes_ni) return __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1");
#endif
    return way == Way::portable;
}

Chunker::Way Chunker::best() {
    static const Way way = available(Way::vaes512)  ? Way::vaes512
                           : available(Way::vaes)   ? Way::vaes
                           : available(Way::aes_ni) ? Way::aes_ni
                                                    : Way::portable;
    return way;
}

Chunker::Chunker(ByteView k_cdc, Way way) : way_(way) {
    auto tables = std::make_unique<Tables>();
    const auto raw = crypto::hkdf_expand(k_cdc, base::view_of("tenon/1/cdc/toep"), 2048);
    for (std::size_t b = 0; b < 256; ++b) {
        auto& [in, out] = tables->rows[b];
        in = base::load_le<std::uint64_t>(raw.bytes().data() + 8 * b);
        auto gone = in;
        for (std::size_t i = 0; i < window; ++i) gone = mulx(gone);
        out = gone;
    }
    const auto key = crypto::hkdf_expand(k_cdc, base::view_of("tenon/1/cdc/aes"), 16);
    std::copy(key.bytes().begin(), key.bytes().end(), tables->key.begin());
#if defined(__x86_64__)
    if (available(Way::aes_ni)) expand_round_keys(*tables);
#endif
    tables_ = std::move(tables);
}

Chunker::~Chunker() = default;
Chunker::Chunker(Chunker&&) noexcept = default;

std::size_t Chunker::cut(ByteView data) const {
    if (data.size() <= min_size) return data.size();
    Scan scan = scan_portable;
#if defined(__x86_64__)
    if (way_ == Way::vaes512) scan = scan_vaes512;
    if (way_ == Way::vaes) scan = scan_vaes;
    if (way_ == Way::aes_ni) scan = scan_aes_ni;
#endif
    // A chunk of length L ends at position L − 1; the longest possible is never looked at: it is cut anyway.
    const auto end = std::min(data.size(), max_size) - 1;
    const auto middle = std::min(end, normal_size - 1);
    auto at = scan(*tables_, data.data(), min_size - 1, middle, (1u << strict_bits) - 1);
    if (at == middle) at = scan(*tables_, data.data(), middle, end, (1u << loose_bits) - 1);
    return at + 1;
}

ChunkRun::ChunkRun(const Chunker& chunker, ByteView data, bool last) {
    while (bytes_ < data.size() && size_ < most && (last || data.size() - bytes_ >= Chunker::max_size)) {
        const auto rest = data.subspan(bytes_);
        chunks_[size_] = rest.first(chunker.cut(rest));
        bytes_ += chunks_[size_++].size();
    }
}

std::uint64_t Chunker::table(std::uint8_t byte) const { return tables_->rows[byte].in; }
std::uint64_t Chunker::out_table(std::uint8_t byte) const { return tables_->rows[byte].out; }
ByteView Chunker::aes_key() const { return tables_->key; }
std::uint64_t Chunker::state(ByteView last_window) const {
    return state_before(*tables_, last_window.data(), last_window.size());
}

std::uint64_t Chunker::permuted(std::uint64_t state) const {
    std::array<std::uint8_t, 16> block{};
    base::store_le(block.data(), state);
    crypto::Aes128(tables_->key).encrypt(block, block);
    return base::load_le<std::uint64_t>(block.data());
}

std::size_t scan_portable(const Chunker::Tables& tables, const std::uint8_t* data, std::size_t from, std::size_t to,
                          std::uint32_t mask) {
    constexpr std::size_t tile = 256;
    if (from >= to) return to;
    crypto::Aes128 aes(tables.key);
    std::array<std::uint8_t, 16 * tile> states{}, permuted;
    auto d = state_before(tables, data, from);
    for (auto at = from; at < to; at += tile) {
        const auto count = std::min(tile, to - at);
        for (std::size_t i = 0; i < count; ++i) {
            d = roll(tables, d, data + at + i);
            base::store_le(states.data() + 16 * i, d);
        }
        aes.encrypt(ByteView(states).first(16 * count), ByteSpan(permuted).first(16 * count));
        for (std::size_t i = 0; i < count; ++i)
            if ((base::load_le<std::uint32_t>(permuted.data() + 16 * i) & mask) == 0) return at + i;
    }
    return to;
}

}  // namespace tenon::backup
