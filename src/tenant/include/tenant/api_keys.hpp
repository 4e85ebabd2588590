#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include <crypto/hash.hpp>
#include <crypto/master_key.hpp>
#include <tenant/key_text.hpp>
#include <tenant/rights.hpp>
#include <tenon/access.hpp>

namespace tenon::tenant::access {

/// Turns secrets into what is stored of them: BLAKE2b-256 under a key ("pepper") that is derived from the master key and is not in
/// the store. No slow hash: a secret has 256 random bits. Peppers are numbered from 1; who knows one knows no other.
///
/// Threads   any member, from any thread, at once.
class KeyHasher {
public:
    explicit KeyHasher(const crypto::MasterKey& master);
    /// The pepper of new secrets; older ones stay for what was hashed with them.
    int current() const noexcept { return current_.load(std::memory_order_relaxed); }
    void use(int pepper) noexcept { current_.store(pepper, std::memory_order_relaxed); }

    /// Throws Corrupt for a pepper that cannot be.
    crypto::Digest hash(int pepper, const KeyText& key) const;
    /// Of a recovery code, which has 50 bits: they are worth nothing without the pepper.
    crypto::Digest hash_code(int pepper, const UserId& user, std::string_view code) const;

private:
    crypto::Digest under(int pepper, base::ByteView data) const;
    const crypto::Secret root_;
    std::atomic<int> current_{1};
};

/// Which pepper counts in this home.
namespace peppers {
int current(db::SystemReader& reader);
/// The next one counts; returns its number.
int rotate(db::SystemTx& tx);
}  // namespace peppers

/// Functions work in the caller's transaction and write the audit record of what they do.
namespace keys {

struct Made {
    ApiKey key{};
    std::string secret{};
};

/// `user`: who makes it, if a user does. `text`: fresh, by the caller, so that running again makes the same key.
Made create(db::Tx& tx, const Actor& actor, const PermissionSet& held, const std::optional<UserId>& user, const KeyId& id,
            const KeyText& text, const std::string& prefix, const KeyHasher& hasher, const ApiKeyOptions& options, Time now);
[[nodiscard]] std::optional<ApiKey> find(db::Reader& reader, const KeyId& id);
ApiKey get(db::Reader& reader, const KeyId& id);
std::vector<ApiKey> list(db::Reader& reader, const ApiKeyFilter& filter, Time now);
Made rotate(db::Tx& tx, const Actor& actor, const PermissionSet& held, const KeySecret& secret, const KeyHasher& hasher,
            const RotateOptions& options, Time now);
ApiKey revoke(db::Tx& tx, const Actor& actor, const KeyId& id, Time now);

/// Whom a shown key belongs to. Empty: it is none of ours, or no longer; `tenant` is filled where at least the row was there.
struct Shown {
    std::optional<KeyId> key{};
    std::optional<TenantId> tenant{};
    std::int64_t turn = 0;     ///< As Identity::key_turn.
    bool note_use = false;     ///< The last use that is noted is a minute old, or the hash is under an older pepper.
};
Shown recognise(db::SystemReader& reader, const KeyHasher& hasher, const KeyText& text, const std::string& address, Time now);
/// `text`: as it was recognised. Its hash moves to the pepper that counts now.
void note_use(db::Tx& tx, const KeyHasher& hasher, const Shown& shown, const KeyText& text, Time now);

/// The key's own part of rights_of(): a secret before the one that counts ends with its grace. Throws Unauthenticated.
Rights rights(db::Reader& reader, const KeyId& id, std::int64_t turn, Time now);

}  // namespace keys
}  // namespace tenon::tenant::access
