#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include <crypto/short_hash.hpp>
#include <exec/pool.hpp>
#include <tenant/api_keys.hpp>
#include <tenant/issuers.hpp>
#include <tenant/jwt.hpp>
#include <tenant/logins.hpp>
#include <tenon/access.hpp>

#include "core.hpp"

namespace tenon::engine {

/// A token whose signature was checked, and what it stands for.
struct KnownToken {
    TenantId tenant{};
    tenant::Actor actor{};
    tenant::access::Identity identity{};
    Time until{};                              ///< Its own end, or a minute from when it was checked.
    std::shared_ptr<const Granted> granted{};  ///< As of that moment: valid only as long as its version is.
};

/// Tokens that were checked not long ago, by a hash under a key of this process. A full shard forgets what it has: each token is then
/// checked once more.
///
/// Threads   any, at once.
class KnownTokens {
public:
    using Hash = crypto::ShortDigest;
    KnownTokens();

    Hash hash(std::string_view token) const;
    /// Null: unknown, or its time is over.
    std::shared_ptr<const KnownToken> find(const Hash& hash, Time now) const;
    void keep(const Hash& hash, std::shared_ptr<const KnownToken> token);

private:
    static constexpr std::size_t shard_count = 16, shard_size = 4096;  // 64 k tokens
    /// All that a lookup compares, in one line of the cache. Without a token it is free.
    struct alignas(64) Slot {
        Hash hash{};
        Time until{};
        std::shared_ptr<const KnownToken> token{};
    };
    struct Shard {
        mutable std::shared_mutex mutex;
        std::vector<Slot> slots;  // a power of two, at most half of them taken; both under mutex
        std::size_t taken = 0;
    };
    /// The token's own place, or the free one that it would get.
    static std::size_t place_in(const std::vector<Slot>& slots, const Hash& hash);

    const crypto::Secret key_;
    std::array<Shard, shard_count> shards_;
};

/// The engine's part of letting people and programs in.
///
/// Threads   any, at once.
class Access {
public:
    explicit Access(EngineImpl& engine);

    /// Argon2id takes long and 64 MiB: at most a few at once, the others wait, and too many are Unavailable.
    std::string hash_password(const std::string& password);
    bool fits(const std::string& password, const std::string& stored);

    /// A session on behalf of whoever it is. Throws PermissionDenied (the tenant is closed to everyone), Unauthenticated, NotFound.
    std::shared_ptr<SessionImpl> open(const TenantId& tenant, tenant::Actor actor, const tenant::access::Identity& identity);
    /// Who may have a session by the host's word. Throws NotFound, PermissionDenied (he is disabled).
    UserId user_of(const TenantId& tenant, const UserId& user) const;
    std::shared_ptr<SessionImpl> by_key(const AuthenticateOptions& options);
    std::shared_ptr<SessionImpl> by_token(const AuthenticateOptions& options);

    /// A new pair for a login.
    Tokens tokens(const TenantId& tenant, const LoginInfo& login, const tenant::access::KeyText& refresh, Time now);
    /// Keys of our own tokens, the one that signs first; made at the first need.
    std::vector<tenant::access::token_keys::Stored> own_keys();
    TokenKey rotate(const tenant::Actor& actor);
    int rotate_pepper(const tenant::Actor& actor);

    /// With the pepper that counts now, whichever process rotated it.
    const tenant::access::KeyHasher& hasher();

    /// Writes that somebody was not let in, within bounds. Unset tenant: in the operators' log.
    void note_refusal(const std::optional<TenantId>& tenant, const char* action, const std::string& target) noexcept;

    /// Ends what waits; returns when nothing of it runs any more.
    void close() noexcept;

    const std::string& key_prefix() const noexcept { return engine_.options.brand.key_prefix; }

private:
    struct Signer {
        std::string kid;
        crypto::SigningKey key;
    };
    std::shared_ptr<SessionImpl> make(const TenantId& tenant, tenant::Actor actor, const tenant::access::Identity& identity);
    exec::Pool& slow();
    std::shared_ptr<const Signer> signer();
    std::shared_ptr<const tenant::jwt::KeySet> own_key_set();
    std::shared_ptr<KnownToken> check_own(const tenant::jwt::Parsed& token, Time now);
    std::shared_ptr<KnownToken> check_foreign(const tenant::jwt::Parsed& token, const TenantId& tenant, Time now);
    std::string issuer() const;

    EngineImpl& engine_;
    tenant::access::KeyHasher hasher_;
    std::atomic<std::uint64_t> pepper_version_{0};            // as of which hasher_ uses what it does
    KnownTokens known_tokens_;
    std::mutex mutex_;
    std::unique_ptr<exec::Pool> pool_;                        // under mutex_
    bool closed_ = false;                                     // under mutex_
    std::shared_ptr<const Signer> signer_;                    // under mutex_
    std::shared_ptr<const tenant::jwt::KeySet> own_key_set_;  // under mutex_
    std::uint64_t own_key_set_version_ = 0;                   // under mutex_
};

}  // namespace tenon::engine
