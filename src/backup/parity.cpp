#include "parity.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <isa-l/erasure_code.h>

#include <crypto/hash.hpp>
#include <tenon/error.hpp>

namespace tenon::backup {
namespace {

constexpr std::array<std::uint8_t, 8> parity_magic{0xda, 0xe2, 0xb5, 0x74, 0xe9, 0x81, 0x2d, 0xa0};
constexpr std::size_t hash_size = 32;
constexpr std::string_view parity_prefix = "par/";
constexpr std::string_view copy_prefix = "par/m/";
constexpr unsigned thin_places = 32, full_places = 16;
constexpr int stripe_length = static_cast<int>(stripe_size);

constexpr unsigned places_of(Parity mode) { return mode == Parity::full ? full_places : thin_places; }
constexpr unsigned strong_of(Parity mode) { return mode == Parity::full ? 2 : 1; }

std::uint8_t power(unsigned exponent) {
    std::uint8_t value = 1;
    for (; exponent > 0; --exponent) value = gf_mul(value, 2);
    return value;
}

/// The library's tables for the sums P = ⊕ D and Q = ⊕ 2ⁱ·D.
class Sums {
public:
    explicit Sums(Parity mode) : places_(places_of(mode)), strong_(strong_of(mode)), tables_(std::size_t{32} * places_ * strong_) {
        ByteVector factors;
        for (unsigned which = 0; which < strong_; ++which)
            for (unsigned place = 0; place < places_; ++place) factors.push_back(which == 0 ? 1 : power(place));
        ec_init_tables(static_cast<int>(places_), static_cast<int>(strong_), factors.data(), tables_.data());
    }
    /// Adds the stripe at `place` of a row to that row's sums.
    void add(unsigned place, ByteView stripe, std::uint8_t* p, std::uint8_t* q) const {
        // The library changes neither; its interface only does not say so.
        std::array<std::uint8_t*, 2> sums{p, q};
        ec_encode_data_update(stripe_length, static_cast<int>(places_), static_cast<int>(strong_), static_cast<int>(place),
                              const_cast<std::uint8_t*>(tables_.data()), const_cast<std::uint8_t*>(stripe.data()), sums.data());
    }

private:
    const unsigned places_, strong_;
    ByteVector tables_;
};

const Sums& sums_of(Parity mode) {
    static const Sums thin(Parity::thin), full(Parity::full);
    return mode == Parity::full ? full : thin;
}

/// a·x ⊕ b·y
ByteVector combine(std::uint8_t a, ByteView x, std::uint8_t b, ByteView y) {
    std::array<std::uint8_t, 2> factors{a, b};
    std::array<std::uint8_t, 64> tables{};
    ec_init_tables(2, 1, factors.data(), tables.data());
    std::array<std::uint8_t*, 2> sources{const_cast<std::uint8_t*>(x.data()), const_cast<std::uint8_t*>(y.data())};
    ByteVector out(stripe_size);
    auto* to = out.data();
    ec_encode_data(stripe_length, 2, 1, tables.data(), sources.data(), &to);
    return out;
}

}  // namespace

bool is_protected(std::string_view name) {
    if (name.starts_with("gc/")) return name != "gc/lease";
    return name.starts_with("packs/") || name.starts_with("index/") || name.starts_with("snap/") || name.starts_with("log/") ||
           name.starts_with("gone/") || name.starts_with("checkpoint/") || name.starts_with("past/") || name.starts_with("book/");
}

std::string parity_name(std::string_view name, std::uint64_t size) {
    return std::string(size > stripe_size ? parity_prefix : copy_prefix) + std::string(name);
}

std::string protected_by(std::string_view parity) {
    if (!parity.starts_with(parity_prefix)) return {};
    return std::string(parity.substr(parity.starts_with(copy_prefix) ? copy_prefix.size() : parity_prefix.size()));
}

Rows::Rows(Parity mode, std::uint64_t size)
    : stripes((size + stripe_size - 1) / stripe_size), rows((stripes + places_of(mode) - 1) / places_of(mode)), strong(strong_of(mode)) {}

std::uint64_t parity_size(Parity mode, std::uint64_t size) {
    if (mode == Parity::none || size > largest_striped) return 0;
    if (size <= stripe_size) return size;
    const Rows rows(mode, size);
    return parity_header_size + 4 * (rows.stripes + rows.rows * rows.strong) + rows.rows * rows.strong * stripe_size + hash_size;
}

// ---- making ----

ParityMaker::ParityMaker(Parity mode, std::uint64_t size) : mode_(mode), size_(size), rows_(mode, size), file_(parity_size(mode, size)) {
    std::copy(parity_magic.begin(), parity_magic.end(), file_.begin());
    file_[8] = static_cast<std::uint8_t>(mode);
    base::store_le(&file_[16], size);
}

void ParityMaker::add(ByteView bytes) {
    seen_ += bytes.size();
    if (!partial_.empty()) {
        const auto count = std::min<std::size_t>(bytes.size(), stripe_size - partial_.size());
        base::append(partial_, bytes.first(count));
        bytes = bytes.subspan(count);
        if (partial_.size() < stripe_size) return;
        take(partial_);
        partial_.clear();
    }
    for (; bytes.size() >= stripe_size; bytes = bytes.subspan(stripe_size)) take(bytes.first(stripe_size));
    base::append(partial_, bytes);
}

void ParityMaker::take(ByteView stripe) {
    if (next_ >= rows_.stripes) throw InternalError("there is more of an object than was announced");
    auto* const sums = file_.data() + parity_header_size;
    base::store_le(sums + 4 * next_, crypto::crc32c(stripe));
    auto* const parity = sums + 4 * (rows_.stripes + rows_.rows * rows_.strong);
    auto* const p = parity + rows_.row_of(next_) * stripe_size;
    sums_of(mode_).add(rows_.place_of(next_), stripe, p, p + (rows_.strong > 1 ? rows_.rows * stripe_size : 0));
    ++next_;
}

ByteVector ParityMaker::finish() {
    if (!partial_.empty()) {
        partial_.resize(stripe_size);
        take(partial_);
    }
    if (seen_ != size_ || next_ != rows_.stripes) throw InternalError("there is less of an object than was announced");
    auto* const sums = file_.data() + parity_header_size + 4 * rows_.stripes;
    const auto count = rows_.rows * rows_.strong;
    const auto parity = ByteView(file_).subspan(parity_header_size + 4 * (rows_.stripes + count));
    for (std::uint64_t i = 0; i < count; ++i) base::store_le(sums + 4 * i, crypto::crc32c(parity.subspan(i * stripe_size, stripe_size)));
    const auto hash = crypto::sha256(ByteView(file_).first(file_.size() - hash_size));
    std::copy(hash.begin(), hash.end(), file_.end() - hash_size);
    return std::move(file_);
}

// ---- reading ----

ParityFile::ParityFile(Parity mode, std::uint64_t size, ByteVector file) : mode_(mode), size_(size), rows_(mode, size), file_(std::move(file)) {}

ParityFile ParityFile::parse(ByteVector file, const std::string& object) {
    const auto refuse = [&] { throw Corrupt("this parity is damaged", {.subject = object}); };
    if (file.size() < parity_header_size + hash_size || !std::equal(parity_magic.begin(), parity_magic.end(), file.begin())) refuse();
    if (file[8] != 1 && file[8] != 2) refuse();
    if (std::any_of(&file[9], &file[16], [](auto byte) { return byte != 0; })) refuse();
    const auto mode = static_cast<Parity>(file[8]);
    const auto size = base::load_le<std::uint64_t>(&file[16]);
    if (size <= stripe_size || size > largest_striped || file.size() != parity_size(mode, size)) refuse();
    return {mode, size, std::move(file)};
}

bool ParityFile::is_whole() const {
    const auto hash = crypto::sha256(ByteView(file_).first(file_.size() - hash_size));
    return std::equal(hash.begin(), hash.end(), file_.end() - hash_size);
}

std::uint32_t ParityFile::sum_of(std::uint64_t number) const { return base::load_le<std::uint32_t>(&file_[parity_header_size + 4 * number]); }

ByteView ParityFile::parity(unsigned which, std::uint64_t row) const {
    const auto begin = parity_header_size + 4 * (rows_.stripes + rows_.rows * rows_.strong);
    return ByteView(file_).subspan(begin + (which * rows_.rows + row) * stripe_size, stripe_size);
}

bool ParityFile::parity_is_whole(unsigned which, std::uint64_t row) const {
    return crypto::crc32c(parity(which, row)) == sum_of(rows_.stripes + which * rows_.rows + row);
}

std::optional<std::vector<ParityFile::Stripe>> ParityFile::rebuild(const Read& read) const {
    constexpr std::uint64_t at_once = 16;
    const auto each_stripe = [&](const auto& visit) {
        ByteVector last(stripe_size);
        for (std::uint64_t first = 0; first < rows_.stripes; first += at_once) {
            const auto count = std::min(at_once, rows_.stripes - first);
            const auto bytes = read(first * stripe_size, std::min(count * stripe_size, size_ - first * stripe_size));
            for (std::uint64_t i = 0; i < count; ++i) {
                const auto from = std::min<std::size_t>(bytes.size(), i * stripe_size);
                const auto length = std::min<std::size_t>(stripe_size, bytes.size() - from);
                auto stripe = ByteView(bytes).subspan(from, length);
                if (length < stripe_size) {
                    std::copy(stripe.begin(), stripe.end(), last.begin());
                    std::fill(last.begin() + static_cast<std::ptrdiff_t>(length), last.end(), std::uint8_t{0});
                    stripe = last;
                }
                visit(first + i, stripe);
            }
        }
    };
    // Once to see what is damaged, once to add up the rest of the rows that it lies in: memory holds those rows alone.
    std::vector<std::vector<std::uint64_t>> lost(rows_.rows);
    each_stripe([&](std::uint64_t number, ByteView stripe) {
        if (crypto::crc32c(stripe) != sum_of(number)) lost[rows_.row_of(number)].push_back(number);
    });
    std::vector<std::vector<ByteVector>> sums(rows_.rows);
    for (std::uint64_t row = 0; row < rows_.rows; ++row) {
        if (lost[row].empty()) continue;
        unsigned whole = 0;
        for (unsigned which = 0; which < rows_.strong; ++which) whole += parity_is_whole(which, row) ? 1 : 0;
        if (lost[row].size() > whole) return std::nullopt;
        for (unsigned which = 0; which < rows_.strong; ++which) {
            const auto bytes = parity(which, row);
            sums[row].emplace_back(bytes.begin(), bytes.end());
        }
    }
    each_stripe([&](std::uint64_t number, ByteView stripe) {
        const auto row = rows_.row_of(number);
        if (lost[row].empty() || std::find(lost[row].begin(), lost[row].end(), number) != lost[row].end()) return;
        auto& sum = sums[row];
        sums_of(mode_).add(rows_.place_of(number), stripe, sum.front().data(), sum.back().data());
    });
    std::vector<Stripe> made;
    for (std::uint64_t row = 0; row < rows_.rows; ++row) {
        if (lost[row].empty()) continue;
        auto& sum = sums[row];
        const auto x = power(rows_.place_of(lost[row][0]));
        if (lost[row].size() == 2) {
            // P = X ⊕ Y, Q = x·X ⊕ y·Y: so X = (y·P ⊕ Q) / (x ⊕ y).
            const auto y = power(rows_.place_of(lost[row][1]));
            const auto over = gf_inv(static_cast<std::uint8_t>(x ^ y));
            auto first = combine(gf_mul(y, over), sum[0], over, sum[1]);
            made.push_back({lost[row][1], combine(1, sum[0], 1, first)});
            made.push_back({lost[row][0], std::move(first)});
        } else if (parity_is_whole(0, row)) {
            made.push_back({lost[row][0], std::move(sum[0])});
        } else {
            made.push_back({lost[row][0], combine(gf_inv(x), sum[1], 0, sum[1])});
        }
    }
    std::sort(made.begin(), made.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
    for (auto& stripe : made) stripe.bytes.resize(std::min(stripe_size, size_ - stripe.number * stripe_size));
    return made;
}

}  // namespace tenon::backup
