#pragma once

#include <array>
#include <filesystem>
#include <string_view>

#include <crypto/kdf.hpp>
#include <crypto/secret.hpp>

namespace tenon::crypto {

/// Seals the engine's secrets at rest: camera passwords, signing seeds, key slots. Layouts: docs/design/crypto.md.
///
/// Threads   any, at once.
class MasterKey {
public:
    using Id = std::array<std::uint8_t, 16>;  ///< Tells keys apart; reveals nothing of them.

    /// 32 bytes in a file of mode 0600. Made when there is none, whole or not at all; two processes get the same key.
    ///
    /// Throws    Corrupt (not 32 bytes), PermissionDenied, NoSpace, Unavailable.
    static MasterKey load_or_create(const std::filesystem::path& file);
    /// Derived by Argon2id. Salt and cost are kept in `salt_file`, made when there is none.
    ///
    /// Throws    PermissionDenied for another passphrase than the first one; Corrupt.
    static MasterKey from_passphrase(ByteView passphrase, const std::filesystem::path& salt_file,
                                     const Argon2Cost& cost = {});
    static MasterKey from_bytes(ByteView key);  ///< 32 bytes.

    const Id& id() const noexcept { return id_; }

    /// `label` says what this is and whose; it must be given again to open. Differs at every call.
    ByteVector seal(std::string_view label, ByteView plain) const;
    /// Throws    PermissionDenied when another key sealed it; Corrupt when damaged or sealed under another label.
    Secret open(std::string_view label, ByteView sealed) const;

    /// A key of its own for one purpose.
    Secret derive(std::string_view purpose, std::size_t size = 32) const;

private:
    explicit MasterKey(Secret key);
    Secret key_;
    Id id_{};
};

}  // namespace tenon::crypto
