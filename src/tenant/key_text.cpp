#include <tenant/key_text.hpp>

#include <algorithm>

#include <base/bytes.hpp>
#include <crypto/secret.hpp>

namespace tenon::tenant::access {
namespace {

constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t secret_size = 43, crc_size = 6, most = 160;
constexpr std::uint32_t base62 = 62;

constexpr struct {
    TextKind kind;
    std::string_view word;
} kinds[] = {{TextKind::live, "live"}, {TextKind::test, "test"}, {TextKind::refresh, "refr"}, {TextKind::ticket, "tick"}};

/// The CRC-32 of zip and PNG, which every language has at hand for a scanner of leaked keys.
std::uint32_t crc32(std::string_view text) noexcept {
    std::uint32_t crc = 0xffffffff;
    for (const char c : text) {
        crc ^= static_cast<unsigned char>(c);
        for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

std::string crc_text(std::string_view text) {
    std::string out(crc_size, '0');
    auto value = crc32(text);
    for (auto i = crc_size; i-- > 0; value /= base62) out[i] = digits[value % base62];
    return out;
}

int value_of(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
    if (c >= 'a' && c <= 'z') return c - 'a' + 36;
    return -1;
}

// 256 bits as a big-endian number.
std::string secret_text(KeySecret number) {
    std::string out(secret_size, '0');
    for (auto i = secret_size; i-- > 0;) {
        std::uint32_t rest = 0;
        for (auto& byte : number) {
            rest = rest << 8 | byte;
            byte = static_cast<std::uint8_t>(rest / base62);
            rest %= base62;
        }
        out[i] = digits[rest];
    }
    crypto::wipe(number);
    return out;
}

bool read_secret(std::string_view text, KeySecret& number) noexcept {
    number.fill(0);
    for (const char c : text) {
        const int digit = value_of(c);
        if (digit < 0) return false;
        auto carry = static_cast<std::uint32_t>(digit);
        for (auto i = number.size(); i-- > 0;) {
            carry += number[i] * base62;
            number[i] = static_cast<std::uint8_t>(carry);
            carry >>= 8;
        }
        if (carry != 0) return false;  // more than 256 bits: one value has one text
    }
    return true;
}

std::string body(TextKind kind, std::string_view kid) {
    std::string text(to_string(kind));
    text += '_';
    text += kid;
    return text;
}

}  // namespace

std::string_view to_string(TextKind kind) noexcept {
    for (const auto& each : kinds)
        if (each.kind == kind) return each.word;
    return "unknown";
}

std::string new_kid() {
    std::string kid;
    while (kid.size() < kid_size) {
        std::array<std::uint8_t, 16> random;
        crypto::fill_random(random);
        for (const auto byte : random)
            if (byte < 248 && kid.size() < kid_size) kid += digits[byte % base62];  // 248 is four times 62: no digit is likelier
    }
    return kid;
}

KeySecret new_key_secret() {
    KeySecret secret;
    crypto::fill_random(secret);
    return secret;
}

std::string write_key(std::string_view prefix, const KeyText& key) {
    auto text = body(key.kind, key.kid) + "_" + secret_text(key.secret);
    text += crc_text(text);
    return std::string(prefix) + "_" + text;
}

std::string shown_key(std::string_view prefix, TextKind kind, std::string_view kid) { return std::string(prefix) + "_" + body(kind, kid); }

std::optional<KeyText> parse_key(std::string_view text) noexcept {
    constexpr std::size_t word_size = 4, tail = word_size + 1 + kid_size + 1 + secret_size + crc_size;
    if (text.size() < tail + 2 || text.size() > most) return std::nullopt;
    const auto prefix = text.substr(0, text.size() - tail);
    if (prefix.back() != '_') return std::nullopt;
    const auto rest = text.substr(prefix.size());
    const auto word = rest.substr(0, word_size), kid = rest.substr(word_size + 1, kid_size);
    const auto secret = rest.substr(word_size + 1 + kid_size + 1, secret_size);
    if (rest[word_size] != '_' || rest[word_size + 1 + kid_size] != '_') return std::nullopt;
    const auto known = std::ranges::find(kinds, word, [](const auto& each) { return each.word; });
    if (known == std::end(kinds) || !std::ranges::all_of(kid, [](char c) { return value_of(c) >= 0; })) return std::nullopt;
    if (crc_text(rest.substr(0, rest.size() - crc_size)) != rest.substr(rest.size() - crc_size)) return std::nullopt;
    KeyText key{.kind = known->kind, .kid = std::string(kid)};
    if (!read_secret(secret, key.secret)) return std::nullopt;
    return key;
}

}  // namespace tenon::tenant::access
