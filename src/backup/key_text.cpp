// Keys as text: recovery codes for paper, key files for what is plugged in or mounted.

#include <algorithm>
#include <array>

#include <backup/repository.hpp>
#include <crypto/hash.hpp>
#include <crypto/otp.hpp>

namespace tenon::backup {
namespace {

using base::ByteVector;
using base::ByteView;

constexpr std::size_t key_size = 32, sum_size = 3;
constexpr std::string_view recovery_label = "tenon/1/text/recovery", file_label = "tenon/1/text/key-file";
/// What a line of a key file begins with: nobody takes it for a recovery code, nor a code for it.
constexpr std::string_view file_word = "key-file ";

void wipe_text(std::string& text) { crypto::wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()}); }

std::array<std::uint8_t, sum_size> sum_of(std::string_view label, ByteView secret) {
    ByteVector said;
    base::append(said, base::view_of(label));
    base::append(said, secret);
    const auto sum = crypto::sha256(said);
    crypto::wipe(said);
    return {sum[0], sum[1], sum[2]};
}

std::string write_key(std::string_view label, ByteView secret) {
    constexpr std::size_t group = 7;
    ByteVector bytes(secret.begin(), secret.end());
    base::append(bytes, sum_of(label, secret));
    auto digits = crypto::to_base32(bytes);
    crypto::wipe(bytes);
    std::string text;
    text.reserve(digits.size() + digits.size() / group);
    for (std::size_t at = 0; at < digits.size(); at += group) {
        if (at > 0) text += '-';
        text.append(digits, at, group);
    }
    wipe_text(digits);
    return text;
}

/// Empty: it is none, or its sum does not fit.
std::optional<crypto::Secret> read_key(std::string_view label, std::string_view text) {
    std::string digits;
    digits.reserve(text.size());  // or pieces of the key would stay behind in what it grows out of
    for (const char c : text)
        if (c != '-') digits += c == '0' ? 'O' : c == '1' ? 'I' : c == '8' ? 'B' : c;
    auto bytes = crypto::from_base32(digits);
    wipe_text(digits);
    if (!bytes) return std::nullopt;
    std::optional<crypto::Secret> secret;
    if (bytes->size() == key_size + sum_size) {
        const auto key = ByteView(*bytes).first(key_size);
        const auto sum = sum_of(label, key);
        if (std::equal(sum.begin(), sum.end(), bytes->begin() + key_size)) secret = crypto::Secret::copy_of(key);
    }
    crypto::wipe(*bytes);
    return secret;
}

bool is_text(ByteView content) {
    return std::all_of(content.begin(), content.end(), [](auto c) { return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\r' || c == '\t'; });
}

}  // namespace

std::string recovery_text(ByteView secret) { return write_key(recovery_label, secret); }

KeySource KeySource::new_recovery_code() { return {.kind = Kind::recovery_code, .secret = crypto::Secret::random(key_size)}; }

std::optional<KeySource> KeySource::recovery_code(std::string_view text) {
    auto secret = read_key(recovery_label, text);
    if (!secret) return std::nullopt;
    return KeySource{.kind = Kind::recovery_code, .secret = *std::move(secret)};
}

std::string key_file_text(ByteView secret) {
    auto key = write_key(file_label, secret);
    // The key first, as what reads a secret out of a file is often content with its first line.
    constexpr std::string_view remark = "\n# Opens a backup. Whoever has this file can read the backup: keep the two apart.\n";
    std::string text;
    text.reserve(file_word.size() + key.size() + remark.size());
    text.append(file_word).append(key).append(remark);
    wipe_text(key);
    return text;
}

KeySource KeySource::new_key_file() { return {.kind = Kind::key_file, .secret = crypto::Secret::random(key_size)}; }

std::optional<KeySource> KeySource::key_file(ByteView content) {
    // Other tools make key files of random bytes alone. Text of that length is a line that was cut, or a password.
    if (content.size() == key_size && !is_text(content)) return key(content);
    std::string_view rest(reinterpret_cast<const char*>(content.data()), content.size());
    std::optional<crypto::Secret> secret;
    bool found = false;
    while (!rest.empty()) {
        auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty() || line.starts_with('#')) continue;
        if (!line.starts_with(file_word)) return std::nullopt;
        if (found) throw Corrupt("the key file holds more than one key", {});
        found = true;
        secret = read_key(file_label, line.substr(file_word.size()));
        if (!secret) throw Corrupt("the key file was cut or changed: its checksum does not fit", {});
    }
    if (!secret) return std::nullopt;
    return KeySource{.kind = Kind::key_file, .secret = *std::move(secret)};
}

}  // namespace tenon::backup
