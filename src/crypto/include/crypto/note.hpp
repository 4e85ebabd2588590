#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <crypto/sign.hpp>

/// C2SP's signed notes: a text for people and programs, an empty line, and the line that signs it. The keys' names are made of the keys, so
/// that no brand shows in them; `origin` says what they sign ("audit").
namespace tenon::crypto {

/// "<origin>/<16 hex digits of the key>"
std::string note_key_name(std::string_view origin, const PublicKey& key);
/// The key's own form: "<name>+<hash>+<base64>".
std::string note_key_text(std::string_view origin, const PublicKey& key);
/// `text` ends with a line feed.
std::string sign_note(std::string_view origin, std::string_view text, const SigningKey& key);
/// The text that this key has signed, its last line feed included. Empty: it did not, or these are not bytes that sign_note() gives.
[[nodiscard]] std::optional<std::string> open_note(std::string_view origin, std::string_view note, const PublicKey& key);
/// The same, whoever signed it. For what is about to be verified, or what only has to be shown.
[[nodiscard]] std::optional<std::string> text_of_note(std::string_view note);

}  // namespace tenon::crypto
