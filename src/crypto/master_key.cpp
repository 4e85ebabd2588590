#include <crypto/master_key.hpp>

#include <algorithm>
#include <cstring>
#include <string>

#include <base/file.hpp>
#include <crypto/cipher.hpp>
#include <crypto/hash.hpp>
#include <tenon/error.hpp>

namespace tenon::crypto {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t key_size = 32;
constexpr std::size_t salt_size = 32;

// Layouts: docs/design/crypto.md, "Sealed secret" and "Passphrase file".
namespace sealed_at {
constexpr std::size_t version = 0, aead = 1, crc = 4, id = 8, salt = 24, content = 56;
}
namespace salt_at {
constexpr std::size_t version = 0, kdf = 1, crc = 4, memory = 8, passes = 12, lanes = 16, salt = 24, id = 56, end = 72;
}
constexpr std::uint8_t version_1 = 1, aead_aes256_gcm = 1, kdf_argon2id = 1;

// Of all bytes, with the field itself taken as zero.
std::uint32_t checksum(ByteView bytes, std::size_t field) {
    const std::uint8_t zero[4] = {};
    return crc32c(bytes.subspan(field + 4), crc32c(zero, crc32c(bytes.first(field))));
}

bool checksum_holds(ByteView bytes, std::size_t field) {
    return base::load_le<std::uint32_t>(bytes.data() + field) == checksum(bytes, field);
}

[[noreturn]] void corrupt(const std::string& what, const std::string& subject) {
    throw Corrupt(what, {.subject = subject});
}

ByteVector info_of(std::string_view purpose, std::string_view label) {
    ByteVector info;
    base::append(info, base::view_of(purpose));
    base::append(info, base::view_of(label));
    return info;
}

Aes256Gcm cipher_for(const Secret& master, ByteView salt, std::string_view label) {
    return Aes256Gcm(hkdf(salt, master.bytes(), info_of("tenon/1/seal/", label), Aes256Gcm::key_size).bytes());
}

struct PassphraseFile {
    Argon2Cost cost;
    std::array<std::uint8_t, salt_size> salt;
    MasterKey::Id id;
};

ByteVector written(const PassphraseFile& file) {
    ByteVector bytes(salt_at::end);
    bytes[salt_at::version] = version_1;
    bytes[salt_at::kdf] = kdf_argon2id;
    base::store_le(&bytes[salt_at::memory], file.cost.memory_kib);
    base::store_le(&bytes[salt_at::passes], file.cost.passes);
    base::store_le(&bytes[salt_at::lanes], file.cost.lanes);
    std::ranges::copy(file.salt, &bytes[salt_at::salt]);
    std::ranges::copy(file.id, &bytes[salt_at::id]);
    base::store_le(&bytes[salt_at::crc], checksum(bytes, salt_at::crc));
    return bytes;
}

PassphraseFile parsed(ByteView bytes, const std::string& name) {
    if (bytes.size() != salt_at::end || !checksum_holds(bytes, salt_at::crc))
        corrupt("the passphrase file is damaged; restore it from a copy", name);
    if (bytes[salt_at::version] != version_1 || bytes[salt_at::kdf] != kdf_argon2id)
        throw Unsupported("the passphrase file was written by a newer version", {.subject = name});
    PassphraseFile file;
    file.cost = {.memory_kib = base::load_le<std::uint32_t>(&bytes[salt_at::memory]),
                 .passes = base::load_le<std::uint32_t>(&bytes[salt_at::passes]),
                 .lanes = base::load_le<std::uint32_t>(&bytes[salt_at::lanes])};
    std::copy_n(&bytes[salt_at::salt], salt_size, file.salt.begin());
    std::copy_n(&bytes[salt_at::id], file.id.size(), file.id.begin());
    try {
        check_cost(file.cost);
    } catch (const InvalidArgument& e) {
        corrupt(std::string("the passphrase file was tampered with: ") + e.what(), name);
    }
    return file;
}

}  // namespace

MasterKey::MasterKey(Secret key) : key_(std::move(key)) {
    const auto id = derive("id", id_.size());
    std::ranges::copy(id.bytes(), id_.begin());
}

MasterKey MasterKey::from_bytes(ByteView key) {
    if (key.size() != key_size) throw InvalidArgument("a master key has 32 bytes", {.subject = "master_key"});
    return MasterKey(Secret::copy_of(key));
}

MasterKey MasterKey::load_or_create(const fs::path& file) {
    std::error_code ignored;
    if (!fs::exists(file, ignored)) {
        auto fresh = Secret::random(key_size);
        if (base::create_file_once(file, fresh.bytes())) return MasterKey(std::move(fresh));
        // Another process was faster: its key is the key.
    }
    // Not by read_file: its buffer is neither locked nor wiped.
    const auto fd = base::open_file(file, 0);
    if (base::file_size(fd, file.string()) != key_size)
        corrupt("the key file does not hold 32 bytes; restore it from a copy", file.string());
    Secret key(key_size);
    base::pread_all(fd, key.bytes(), 0, file.string());
    return MasterKey(std::move(key));
}

MasterKey MasterKey::from_passphrase(ByteView passphrase, const fs::path& salt_file, const Argon2Cost& cost) {
    if (passphrase.empty()) throw InvalidArgument("the passphrase is empty", {.subject = "passphrase"});
    std::error_code ignored;
    if (!fs::exists(salt_file, ignored)) {
        PassphraseFile fresh{.cost = cost, .salt = {}, .id = {}};
        fill_random(fresh.salt);
        auto key = MasterKey(argon2id(passphrase, fresh.salt, cost, key_size));
        fresh.id = key.id();
        if (base::create_file_once(salt_file, written(fresh))) return key;
    }
    const auto stored = parsed(base::read_file(salt_file, 4096), salt_file.string());
    auto key = MasterKey(argon2id(passphrase, stored.salt, stored.cost, key_size));
    if (!equal_constant_time(key.id(), stored.id))
        throw PermissionDenied("the passphrase is not the one this was set up with", {.subject = salt_file.string()});
    return key;
}

Secret MasterKey::derive(std::string_view purpose, std::size_t size) const {
    return hkdf({}, key_.bytes(), info_of("tenon/1/master/", purpose), size);
}

ByteVector MasterKey::seal(std::string_view label, ByteView plain) const {
    ByteVector out(sealed_at::content + plain.size() + Aes256Gcm::tag_size);
    out[sealed_at::version] = version_1;
    out[sealed_at::aead] = aead_aes256_gcm;
    std::ranges::copy(id_, &out[sealed_at::id]);
    const auto salt = ByteSpan(out).subspan(sealed_at::salt, salt_size);
    fill_random(salt);
    // A fresh salt makes a fresh key, so the nonce may stay zero. The header is authenticated with its checksum zero.
    cipher_for(key_, salt, label)
        .seal({}, ByteView(out).first(sealed_at::content), plain, ByteSpan(out).subspan(sealed_at::content));
    base::store_le(&out[sealed_at::crc], checksum(out, sealed_at::crc));
    return out;
}

Secret MasterKey::open(std::string_view label, ByteView sealed) const {
    const std::string subject(label);
    if (sealed.size() < sealed_at::content + Aes256Gcm::tag_size || !checksum_holds(sealed, sealed_at::crc))
        corrupt("a sealed secret is damaged", subject);
    if (sealed[sealed_at::version] != version_1 || sealed[sealed_at::aead] != aead_aes256_gcm)
        throw Unsupported("a sealed secret was written by a newer version", {.subject = subject});
    if (!equal_constant_time(sealed.subspan(sealed_at::id, id_.size()), id_))
        throw PermissionDenied("a secret was sealed with another master key", {.subject = subject});
    std::array<std::uint8_t, sealed_at::content> header;
    std::copy_n(sealed.data(), header.size(), header.begin());
    base::store_le<std::uint32_t>(&header[sealed_at::crc], 0);
    const auto content = sealed.subspan(sealed_at::content);
    Secret plain(content.size() - Aes256Gcm::tag_size);
    if (!cipher_for(key_, sealed.subspan(sealed_at::salt, salt_size), label).open({}, header, content, plain.bytes()))
        corrupt("a sealed secret was changed, or belongs elsewhere", subject);
    return plain;
}

}  // namespace tenon::crypto
