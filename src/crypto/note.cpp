#include <crypto/note.hpp>

#include <base/bytes.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>

namespace tenon::crypto {
namespace {

constexpr std::string_view signing = "\n\u2014 ";

base::ByteVector typed_key(const PublicKey& key) {
    base::ByteVector bytes{1};  // Ed25519, says C2SP
    base::append(bytes, key);
    return bytes;
}

base::ByteVector key_hash(std::string_view origin, const PublicKey& key) {
    const auto text = note_key_name(origin, key) + "\n";
    const auto hash = Sha256().update(base::view_of(text)).update(typed_key(key)).finish();
    return {hash.begin(), hash.begin() + 4};
}

}  // namespace

std::string note_key_name(std::string_view origin, const PublicKey& key) {
    return std::string(origin) + "/" + to_hex(base::ByteView(key).first(8));
}

std::string note_key_text(std::string_view origin, const PublicKey& key) {
    return note_key_name(origin, key) + "+" + to_hex(key_hash(origin, key)) + "+" + to_base64(typed_key(key));
}

std::string sign_note(std::string_view origin, std::string_view text, const SigningKey& key) {
    auto signature = key_hash(origin, key.public_key());
    base::append(signature, key.sign(base::view_of(text)));
    return std::string(text) + std::string(signing) + note_key_name(origin, key.public_key()) + " " + to_base64(signature) + "\n";
}

std::optional<std::string> text_of_note(std::string_view note) {
    const auto at = note.rfind(signing);
    if (at == std::string_view::npos || at == 0 || note[at - 1] != '\n') return std::nullopt;
    if (note.find('\n', at + signing.size()) != note.size() - 1) return std::nullopt;
    return std::string(note.substr(0, at));
}

std::optional<std::string> open_note(std::string_view origin, std::string_view note, const PublicKey& key) {
    auto text = text_of_note(note);
    if (!text) return std::nullopt;
    const auto line = note.substr(text->size() + signing.size());
    const auto opening = note_key_name(origin, key) + " ";
    if (!line.starts_with(opening) || !line.ends_with('\n')) return std::nullopt;
    const auto encoded = line.substr(opening.size(), line.size() - opening.size() - 1);
    const auto signature = from_base64(encoded);
    const auto hash = key_hash(origin, key);
    if (!signature || signature->size() != hash.size() + sizeof(Signature) || to_base64(*signature) != encoded) return std::nullopt;
    if (!std::equal(hash.begin(), hash.end(), signature->begin())) return std::nullopt;
    if (!verify(key, base::view_of(*text), base::ByteView(*signature).subspan(hash.size()))) return std::nullopt;
    return text;
}

}  // namespace tenon::crypto
