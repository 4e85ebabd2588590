#include "rtsp_login.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <crypto/secret.hpp>

#include "av.hpp"
#include "rtsp_message.hpp"

extern "C" {
#include <libavutil/md5.h>
}

namespace tenon::media::rtsp {
namespace {

std::string plain(std::string_view escaped) {
    std::string out;
    for (std::size_t i = 0; i < escaped.size(); ++i) {
        unsigned value = 0;
        const auto* const digits = escaped.data() + i + 1;
        if (escaped[i] == '%' && i + 2 < escaped.size() && std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
            out += static_cast<char>(value);
            i += 2;
        } else {
            out += escaped[i];
        }
    }
    return out;
}

/// "qop" may list several, of which only this one is spoken.
bool offers_auth(std::string_view qop) {
    while (!qop.empty()) {
        const auto comma = std::min(qop.find(','), qop.size());
        if (same_word(trimmed(qop.substr(0, comma)), "auth")) return true;
        qop.remove_prefix(std::min(comma + 1, qop.size()));
    }
    return false;
}

bool is_session(const Challenge& challenge) {
    const auto size = challenge.algorithm.size();
    return size > 5 && same_word(std::string_view(challenge.algorithm).substr(size - 5), "-sess");
}

/// MD5 or SHA-256; another is none of ours.
std::optional<bool> is_sha256(const Challenge& challenge) {
    std::string_view name = challenge.algorithm;
    if (is_session(challenge)) name.remove_suffix(5);
    if (name.empty() || same_word(name, "MD5")) return false;
    if (same_word(name, "SHA-256")) return true;
    return std::nullopt;
}

std::string hashed(bool sha256, const std::string& text) {
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text.data());
    if (sha256) return crypto::to_hex(crypto::sha256({bytes, text.size()}));
    std::array<std::uint8_t, 16> md5{};
    av_md5_sum(md5.data(), bytes, text.size());
    return crypto::to_hex(md5);
}

bool answerable(const Challenge& challenge) {
    if (!challenge.digest) return true;
    if (is_session(challenge) && challenge.qop.empty()) return false;
    return !challenge.nonce.empty() && is_sha256(challenge).has_value() && (challenge.qop.empty() || offers_auth(challenge.qop));
}

}  // namespace

std::vector<Challenge> read_challenges(std::string_view value) {
    std::vector<Challenge> found;
    bool ours = false;   // the scheme that parameters belong to now
    while (!value.empty()) {
        if (value.front() == ' ' || value.front() == ',' || value.front() == '\t') {
            value.remove_prefix(1);
            continue;
        }
        const auto word = value.substr(0, value.find_first_of(" ,=\t"));
        value.remove_prefix(word.size());
        auto behind = trimmed(value);
        if (!behind.starts_with('=')) {
            ours = same_word(word, "Digest") || same_word(word, "Basic");
            if (ours) found.emplace_back().digest = same_word(word, "Digest");
            if (word.empty()) break;
            continue;
        }
        behind = trimmed(behind.substr(1));
        std::string_view content;
        if (behind.starts_with('"')) {
            std::size_t end = 1;
            while (end < behind.size() && behind[end] != '"') end += behind[end] == '\\' ? 2 : 1;
            end = std::min(end, behind.size());
            content = behind.substr(1, end - 1);
            value = behind.substr(std::min(end + 1, behind.size()));
        } else {
            content = trimmed(behind.substr(0, behind.find_first_of(", \t")));
            value = behind.substr(content.size());
        }
        if (!ours) continue;
        Challenge& one = found.back();
        if (same_word(word, "realm")) one.realm = content;
        else if (same_word(word, "nonce")) one.nonce = content;
        else if (same_word(word, "opaque")) one.opaque = content;
        else if (same_word(word, "algorithm")) one.algorithm = content;
        else if (same_word(word, "qop")) one.qop = content;
        else if (same_word(word, "stale")) one.stale = same_word(content, "true");
    }
    std::erase_if(found, [](const Challenge& one) { return !answerable(one); });
    return found;
}

std::string digest_answer(const Challenge& challenge, const std::string& user, const std::string& password, std::string_view method,
                          std::string_view uri, const std::string& client_nonce, std::uint32_t count) {
    const bool sha256 = is_sha256(challenge).value_or(false);
    std::array<char, 9> number{};
    std::snprintf(number.data(), number.size(), "%08x", count);
    std::string secret = hashed(sha256, user + ":" + challenge.realm + ":" + password);
    if (is_session(challenge)) secret = hashed(sha256, secret + ":" + challenge.nonce + ":" + client_nonce);
    const std::string request = hashed(sha256, std::string(method) + ":" + std::string(uri));
    const std::string fresh = challenge.qop.empty() ? "" : std::string(number.data()) + ":" + client_nonce + ":auth:";
    const std::string response = hashed(sha256, secret + ":" + challenge.nonce + ":" + fresh + request);

    std::string out = "Digest username=\"";
    for (const char c : user) (out += c == '"' || c == '\\' ? "\\" : "") += c;
    ((out += "\", realm=\"") += challenge.realm) += "\", nonce=\"";
    ((out += challenge.nonce) += "\", uri=\"") += uri;
    ((out += "\", response=\"") += response) += '"';
    if (!challenge.algorithm.empty()) (out += ", algorithm=") += challenge.algorithm;
    if (!challenge.opaque.empty()) ((out += ", opaque=\"") += challenge.opaque) += '"';
    if (!challenge.qop.empty()) ((((out += ", qop=auth, nc=") += number.data()) += ", cnonce=\"") += client_nonce) += '"';
    return out;
}

Login::Login(std::string_view user_info) : given_(!user_info.empty()) {
    const auto colon = user_info.find(':');
    user_ = plain(user_info.substr(0, colon));
    if (colon != std::string_view::npos) password_ = plain(user_info.substr(colon + 1));
}

bool Login::challenged(const Message& refusal) {
    if (!given_) return false;
    std::optional<Challenge> found;   // the first digest, as servers put the best first; else Basic
    for (const auto& [name, value] : refusal.headers) {
        if (!same_word(name, "WWW-Authenticate")) continue;
        for (auto& one : read_challenges(value))
            if (!found || (one.digest && !found->digest)) found = std::move(one);
    }
    // Another nonce means that the old one is no longer good, even if the server does not say so.
    if (!found || (challenge_ && !found->stale && found->nonce == challenge_->nonce)) return false;
    challenge_ = std::move(found);
    count_ = 0;
    return true;
}

std::string Login::answer(std::string_view method, std::string_view uri) {
    if (!challenge_) return {};
    if (challenge_->digest)
        return digest_answer(*challenge_, user_, password_, method, uri, crypto::to_hex(crypto::random_bytes(8)), ++count_);
    const std::string both = user_ + ":" + password_;
    return "Basic " + crypto::to_base64({reinterpret_cast<const std::uint8_t*>(both.data()), both.size()});
}

}  // namespace tenon::media::rtsp
