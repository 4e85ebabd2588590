#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <crypto/master_key.hpp>
#include <db/database.hpp>
#include <tenant/actor.hpp>
#include <tenant/api_keys.hpp>
#include <tenon/access.hpp>

/// Passwords, tickets to choose one, and second factors. What costs (hash_password, fits) is called outside of transactions.
namespace tenon::tenant::access::passwords {

/// Throws InvalidArgument: too short, too long, no UTF-8, or the user's own email or name.
void check(const std::string& password, const User& user);

/// Argon2id, 2 passes over 64 MiB, as `$argon2id$v=19$m=65536,t=2,p=1$<salt>$<hash>`.
std::string hash_password(std::string_view password);
/// Such a text taken apart. Throws Corrupt: with other numbers too, since a weaker hash is not taken.
struct Stored {
    base::ByteVector salt{};
    base::ByteVector hash{};
};
Stored parse(std::string_view text);
/// `stored` empty: takes as long and is never true.
[[nodiscard]] bool fits(std::string_view password, const std::string& stored);

/// One try, counted as a failure before its password is looked at, so that tries at once are no more than tries in turn.
struct Try {
    std::optional<UserId> user{};          ///< Unset: nobody may come in by it, whatever the password; try all the same.
    std::string stored{};
    bool needs_code = false;
    std::int64_t failures = 0;             ///< Before it.
    std::optional<Time> locked_until{};    ///< Before it.
};
Try begin(db::Tx& tx, const std::string& email, Time now);
Try begin(db::Tx& tx, const UserId& user, Time now);
/// It was right so far, or was never looked at, and is not to count, unless another was counted meanwhile.
void forgive(db::Tx& tx, const Try& attempt);
/// It was right. False: meanwhile the password was changed or the user disabled.
[[nodiscard]] bool succeed(db::Tx& tx, const Try& attempt, Time now);
/// From the fifth failure in a row on.
Duration pause_after(std::int64_t failures) noexcept;

/// Sets it, ends the user's logins and tickets, makes an invited user active.
void set(db::Tx& tx, const Actor& actor, const UserId& user, const std::string& stored, Time now);
User unlock(db::Tx& tx, const Actor& actor, const UserId& user, Time now);

/// `text`: fresh, by the caller. Returns when it ends.
Time issue_ticket(db::Tx& tx, const Actor& actor, const UserId& user, const KeyText& text, const KeyHasher& hasher, Time now);
struct TicketOwner {
    TenantId tenant{};
    UserId user{};
};
/// Empty: none of ours, or no longer.
[[nodiscard]] std::optional<TicketOwner> find_ticket(db::SystemReader& reader, const KeyHasher& hasher, const KeyText& text, Time now);
/// Uses it up. False: it was used meanwhile.
[[nodiscard]] bool use_ticket(db::Tx& tx, const UserId& user, const std::string& kid, Time now);

}  // namespace tenon::tenant::access::passwords

namespace tenon::tenant::access::factors {

constexpr Duration step = std::chrono::seconds(30);
constexpr std::size_t secret_size = 20, code_count = 10;

/// The step of the code among the one that runs at `now` and its neighbours, if it lies behind `last`: no code counts twice.
[[nodiscard]] std::optional<std::int64_t> matching_step(base::ByteView secret, const std::string& code, Time now, std::int64_t last);

/// Seals the secret and keeps it until a code of it was seen.
void begin(db::Tx& tx, const Actor& actor, const UserId& user, const crypto::MasterKey& master, base::ByteView secret, Time now);
/// `codes`: fresh, by the caller. Throws Conflict, Unauthenticated.
void confirm(db::Tx& tx, const Actor& actor, const UserId& user, const crypto::MasterKey& master, const KeyHasher& hasher,
             const std::string& code, const std::vector<std::string>& codes, Time now);
/// A code of the authenticator or a recovery code, which is then used up. False: neither.
[[nodiscard]] bool accept(db::Tx& tx, const UserId& user, const crypto::MasterKey& master, const KeyHasher& hasher,
    const std::string& code, Time now);
void remove(db::Tx& tx, const Actor& actor, const UserId& user, Time now);
/// "k3x9p-2m7qd"
std::vector<std::string> new_recovery_codes();

}  // namespace tenon::tenant::access::factors
