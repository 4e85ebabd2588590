#include <crypto/otp.hpp>

#include <array>

#include <openssl/hmac.h>

#include <tenon/error.hpp>

#include "openssl.hpp"

namespace tenon::crypto {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

const EVP_MD* md_of(OtpHash hash) {
    switch (hash) {
        case OtpHash::sha1: return EVP_sha1();
        case OtpHash::sha256: return EVP_sha256();
        case OtpHash::sha512: return EVP_sha512();
    }
    throw InternalError("no such hash of one-time passwords");
}

}  // namespace

std::string one_time_password(ByteView key, std::uint64_t counter, int digits, OtpHash hash) {
    if (digits < 6 || digits > 8) throw InternalError("a one-time password has 6 to 8 digits");
    std::array<std::uint8_t, 8> message;
    for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::uint8_t>(counter >> (56 - 8 * i));
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> mac{};
    unsigned size = 0;
    if (!HMAC(md_of(hash), key.data(), static_cast<int>(key.size()), message.data(), message.size(), mac.data(), &size))
        throw InternalError("a one-time password cannot be computed");
    const std::size_t at = mac[size - 1] & 15;
    const auto number = (std::uint32_t{mac[at]} & 0x7f) << 24 | std::uint32_t{mac[at + 1]} << 16 | std::uint32_t{mac[at + 2]} << 8 | mac[at + 3];
    std::uint32_t modulus = 1;
    for (int i = 0; i < digits; ++i) modulus *= 10;
    auto text = std::to_string(number % modulus);
    text.insert(0, static_cast<std::size_t>(digits) - text.size(), '0');
    wipe(mac);
    return text;
}

std::string to_base32(ByteView bytes) {
    std::string text;
    std::uint32_t bits = 0;
    int held = 0;
    for (const auto byte : bytes) {
        bits = bits << 8 | byte;
        for (held += 8; held >= 5; held -= 5) text += alphabet[bits >> (held - 5) & 31];
    }
    if (held > 0) text += alphabet[bits << (5 - held) & 31];
    return text;
}

std::optional<base::ByteVector> from_base32(std::string_view text) {
    base::ByteVector bytes;
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : text) {
        if (c == ' ' || c == '=' || c == '-') continue;
        const auto value = alphabet.find(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
        if (value == std::string_view::npos) return std::nullopt;
        bits = bits << 5 | static_cast<std::uint32_t>(value);
        held += 5;
        if (held < 8) continue;
        held -= 8;
        bytes.push_back(static_cast<std::uint8_t>(bits >> held));
    }
    return bytes;
}

}  // namespace tenon::crypto
