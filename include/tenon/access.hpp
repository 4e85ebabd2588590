#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/id.hpp>
#include <tenon/principal.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct Internal;
struct SessionImpl;
struct OperatorImpl;

// ---- users ----

/// Stored: append, never renumber.
enum class UserState : std::uint8_t {
    invited = 1,   ///< Has no password yet and cannot log in.
    active = 2,
    disabled = 3,  ///< Cannot do anything; takes no seat.
};

/// The state's name: "invited".
TENON_API const char* to_string(UserState state) noexcept;

/// Somebody who works for a tenant.
struct User {
    UserId id{};
    std::string email{};                     ///< Unique within the tenant, whatever its case.
    std::string name{};
    UserState state = UserState::invited;
    std::optional<Role> role{};              ///< Unset: `custom_role`.
    std::optional<RoleId> custom_role{};
    bool has_password = false;
    bool second_factor = false;              ///< Logging in takes a code too.
    std::optional<Time> last_login_at{};
    std::optional<Time> locked_until{};      ///< Too many wrong passwords: none is tried before.
    Time created_at{};
};

struct UserOptions {
    std::string email{};                     ///< Required.
    std::string name{};                      ///< Required.
    Role role = Role::viewer;
    std::optional<RoleId> custom_role{};     ///< Set: instead of `role`.
};

struct UserFilter {
    std::optional<UserState> state{};        ///< Unset: every state.
    std::string search{};                    ///< Part of the email or name, whatever its case (of a-z). Empty: all.
    std::optional<UserId> after{};           ///< The last one of the page before.
    std::int32_t limit = 100;                ///< 1 to 1000, oldest first.
};

/// What is left unset stays.
struct UserUpdateOptions {
    UserId user{};                           ///< Required.
    std::optional<std::string> email{};
    std::optional<std::string> name{};
    std::optional<Role> role{};              ///< Also ends a custom role.
    std::optional<RoleId> custom_role{};
};

/// What a user may do in one project beyond what he may everywhere. One for each user and project.
struct ProjectGrant {
    UserId user{};
    ProjectId project{};
    std::optional<Role> role{};              ///< Unset: `custom_role`.
    std::optional<RoleId> custom_role{};
};

struct PasswordOptions {
    UserId user{};                           ///< Required.
    std::string password{};                  ///< Required. 10 to 1024 bytes of UTF-8; not the email or name.
    std::string current{};                   ///< Needed of a user who changes his own.
};

/// Lets a user choose a password once: send it to him. It is not shown again.
struct PasswordTicket {
    std::string ticket{};
    Time expires_at{};
};

/// What an authenticator needs, once as text and once as the URI that is drawn as a QR code. It is not shown again.
struct SecondFactor {
    std::string secret{};                    ///< Base32.
    std::string uri{};                       ///< "otpauth://totp/…"
};

/// The code that an authenticator shows for a secret (RFC 6238: SHA-1, six digits, 30 seconds): for hosts that test, and for
/// tools that stand in for one. Throws InvalidArgument.
TENON_API std::string second_factor_code(const std::string& secret, Time at);

/// A tenant's users. Who changes somebody must himself be allowed everything that one may; nobody gives what he lacks; the last
/// owner who can work can be neither disabled nor removed nor given another role.
///
/// Threads   any member, from any thread, at once.
class TENON_API Users {
public:
    /// Invites him; issue_ticket() lets him in. Takes a seat. Throws InvalidArgument, QuotaExceeded, Conflict (the email is
    /// taken), NotFound (the role), PermissionDenied.
    User create(const UserOptions& options);
    User get(const UserId& id) const;
    [[nodiscard]] std::optional<User> find(const UserId& id) const;
    [[nodiscard]] std::optional<User> find_email(const std::string& email) const;
    std::vector<User> list(const UserFilter& filter = {}) const;
    /// Throws InvalidArgument, NotFound, Conflict (the email is taken, the last owner), PermissionDenied.
    User update(const UserUpdateOptions& options);
    /// Ends his sessions, logins and keys within a second, in every process. Throws NotFound, Conflict (the last owner).
    User disable(const UserId& id);
    /// Takes a seat again. Throws NotFound, QuotaExceeded.
    User enable(const UserId& id);
    /// Removes him with his keys and logins. Records of what he did stay. Throws NotFound, Conflict (the last owner).
    void remove(const UserId& id);

    /// Replaces what was granted to this user in this project. Throws NotFound, PermissionDenied, InvalidArgument.
    void grant(const ProjectGrant& grant);
    /// Throws NotFound where nothing was granted.
    void revoke(const UserId& user, const ProjectId& project);
    std::vector<ProjectGrant> grants(const UserId& user) const;

    /// Ends his logins. A user may change his own, with the current one; everybody else's takes "user:write". Throws
    /// InvalidArgument, NotFound, Unauthenticated (`current` is wrong), PermissionDenied.
    void set_password(const PasswordOptions& options);
    /// For a new user or one who forgot his password: good for seven days or one hour, and for one use; an earlier one ends.
    PasswordTicket issue_ticket(const UserId& id);
    /// Lets him try again at once. Throws NotFound.
    User unlock(const UserId& id);

    /// Begins a second factor; it counts once confirm_second_factor() has seen a code of it. A user who has one and replaces it
    /// himself gives a code of it, or a recovery code. Throws Unauthenticated (`code`), NotFound, PermissionDenied.
    SecondFactor start_second_factor(const UserId& id, const std::string& code = {});
    /// Ten codes, each good for one login without the authenticator. They are not shown again. Throws Unauthenticated (a wrong
    /// code), Conflict (nothing was begun), NotFound.
    std::vector<std::string> confirm_second_factor(const UserId& id, const std::string& code);
    /// A user who removes his own gives a code of it, or a recovery code. Throws NotFound where there is none, Unauthenticated
    /// (`code`), PermissionDenied.
    void remove_second_factor(const UserId& id, const std::string& code = {});

private:
    friend struct Internal;
    explicit Users(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

// ---- roles ----

/// A role of a tenant's own.
struct CustomRole {
    RoleId id{};
    std::string name{};
    std::vector<std::string> permissions{};  ///< "project:read" …
    std::int32_t version = 1;                ///< Rises with each change.
    Time created_at{};
};

struct RoleOptions {
    std::string name{};                      ///< Required. Unique within the tenant.
    std::vector<std::string> permissions{};  ///< Of permissions(). Nobody gives what he lacks.
};

/// What people may do: the built-in roles, and those of the tenant's own.
class TENON_API Roles {
public:
    /// Throws InvalidArgument, Conflict (the name is taken), PermissionDenied.
    CustomRole create(const RoleOptions& options);
    CustomRole get(const RoleId& id) const;
    [[nodiscard]] std::optional<CustomRole> find(const RoleId& id) const;
    [[nodiscard]] std::optional<CustomRole> find_name(const std::string& name) const;
    /// By name; a tenant has 200 at most.
    std::vector<CustomRole> list() const;
    /// Name and permissions, both. Holds for who has it within a second. Throws as create(), NotFound.
    CustomRole update(const RoleId& id, const RoleOptions& options);
    /// Throws NotFound, Conflict while somebody has it.
    void remove(const RoleId& id);

    /// Every permission there is, and those of a built-in role.
    std::vector<std::string> permissions() const;
    std::vector<std::string> permissions_of(Role role) const;

private:
    friend struct Internal;
    explicit Roles(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

// ---- API keys ----

/// Stored: append, never renumber.
enum class KeyEnvironment : std::uint8_t {
    live = 1,  ///< sk_live_…
    test = 2,  ///< sk_test_…
};

/// The environment's name: "live".
TENON_API const char* to_string(KeyEnvironment environment) noexcept;

/// What is known of a key. The secret itself is kept by nobody but its user.
struct ApiKey {
    KeyId id{};
    std::string name{};
    std::string shown{};                     ///< "sk_live_4fGh2kLm9QwZ": enough to tell keys apart.
    KeyEnvironment environment = KeyEnvironment::live;
    std::optional<Role> role{};              ///< Unset: `custom_role`.
    std::optional<RoleId> custom_role{};
    std::vector<std::string> scopes{};       ///< Permissions that the role is narrowed to. Empty: all of the role.
    std::vector<std::string> cidrs{};        ///< Networks it may be used from. Empty: any.
    std::optional<UserId> user{};            ///< Who made it: it can never do more than he can now.
    Time created_at{};
    std::optional<Time> expires_at{};
    std::optional<Time> last_used_at{};      ///< To the minute.
    std::optional<Time> grace_ends_at{};     ///< Until then the secret before the last rotation works too.
    std::optional<Time> revoked_at{};
};

/// A key with its secret: the only time that it is shown.
struct NewApiKey {
    ApiKey key{};
    std::string secret{};                    ///< "sk_live_4fGh2kLm9QwZ_…"
};

struct ApiKeyOptions {
    std::string name{};                      ///< Required. Need not be unique.
    KeyEnvironment environment = KeyEnvironment::live;
    Role role = Role::viewer;
    std::optional<RoleId> custom_role{};     ///< Set: instead of `role`.
    std::vector<std::string> scopes{};       ///< Narrows the role. Empty: all of it.
    std::vector<std::string> cidrs{};        ///< "192.0.2.0/24", "2001:db8::/32". Empty: from anywhere.
    std::optional<Time> expires_at{};        ///< Unset: never.
};

struct ApiKeyFilter {
    bool revoked = false;                    ///< Also those that were revoked or have expired.
    std::optional<KeyId> after{};            ///< The last one of the page before.
    std::int32_t limit = 100;                ///< 1 to 1000, oldest first.
};

struct RotateOptions {
    KeyId key{};                             ///< Required.
    Duration grace = std::chrono::hours(24);  ///< How long the old secret works on: 0 to 7 days.
};

/// Keys with which programs come in: Engine::authenticate(). Nobody gives a key what he lacks.
class TENON_API ApiKeys {
public:
    /// Throws InvalidArgument, NotFound (the role), PermissionDenied.
    NewApiKey create(const ApiKeyOptions& options);
    ApiKey get(const KeyId& id) const;
    [[nodiscard]] std::optional<ApiKey> find(const KeyId& id) const;
    std::vector<ApiKey> list(const ApiKeyFilter& filter = {}) const;
    /// A new secret for the same key. Throws NotFound, Conflict (revoked), PermissionDenied, InvalidArgument.
    NewApiKey rotate(const RotateOptions& options);
    /// Ends it, with the sessions it opened, within a second in every process. Again: does nothing. Throws NotFound.
    ApiKey revoke(const KeyId& id);

private:
    friend struct Internal;
    explicit ApiKeys(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

// ---- logins and tokens ----

/// A user who logged in, or support that was let in, until it expires or is ended.
struct LoginInfo {
    LoginId id{};
    PrincipalKind kind = PrincipalKind::user;  ///< user or support.
    std::optional<UserId> user{};
    std::string actor{};                     ///< Of support: who of the operator's people …
    std::string reason{};                    ///< … and why.
    std::string address{};                   ///< As the host told it.
    Time created_at{};
    Time used_at{};                          ///< The last time that its tokens were renewed.
    Time expires_at{};
};

struct LoginFilter {
    std::optional<UserId> user{};            ///< Unset: everybody's.
    std::optional<LoginId> after{};          ///< The last one of the page before.
    std::int32_t limit = 100;                ///< 1 to 1000, oldest first.
};

/// Who is logged in. A user may list and end his own logins.
class TENON_API Logins {
public:
    std::vector<LoginInfo> list(const LoginFilter& filter = {}) const;
    /// Its sessions and tokens end within a second in every process. Throws NotFound.
    void end(const LoginId& id);
    /// All of a user; returns how many there were. Throws NotFound (the user).
    std::int32_t end_all(const UserId& user);

private:
    friend struct Internal;
    explicit Logins(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

/// For Engine::login().
struct LoginOptions {
    TenantId tenant{};                       ///< Required.
    std::string email{};                     ///< Required.
    std::string password{};                  ///< Required.
    std::string code{};                      ///< Of the second factor, or a recovery code.
    std::string address{};                   ///< Where the client comes from; shown with the login.
};

/// What a client gets. The access token is a JWT (EdDSA) for ten minutes; the refresh token gives the next pair once.
struct Tokens {
    std::string access_token{};
    std::string refresh_token{};
    Time access_expires_at{};
    Time refresh_expires_at{};               ///< The end of the login, however often it was renewed.
    UserId user{};
    LoginId login{};
};

/// For Engine::authenticate(): a key or a token, one of the two.
struct AuthenticateOptions {
    std::string api_key{};
    std::string token{};                     ///< An access token of ours, or a JWT of one of the tenant's issuers.
    std::optional<TenantId> tenant{};        ///< Needed with a foreign token. Else, if given: whose it must be.
    std::string address{};                   ///< The client's. A key with networks is refused without.
    std::string request_id{};                ///< Goes into the audit trail.
};

/// For Engine::redeem().
struct RedeemOptions {
    std::string ticket{};                    ///< Required.
    std::string password{};                  ///< Required. As PasswordOptions has it.
};

/// For Engine::open_support().
struct SupportOptions {
    TenantId tenant{};                       ///< Required.
    std::string actor{};                     ///< Required. Who of the operator's people.
    std::string reason{};                    ///< Required. The tenant sees it.
    Duration duration = std::chrono::hours(1);  ///< At most 24 hours.
};

// ---- issuers ----

/// Somebody else whose tokens let a tenant's users in: RS256, ES256 or EdDSA.
struct TrustedIssuer {
    IssuerId id{};
    std::string issuer{};                    ///< What `iss` must be.
    std::string audience{};                  ///< What `aud` must hold.
    std::string jwks{};                      ///< His public keys, RFC 7517.
    Time created_at{};
};

struct IssuerOptions {
    std::string issuer{};                    ///< Required.
    std::string audience{};                  ///< Required.
    std::string jwks{};                      ///< Required. At most 64 KiB. Nothing is fetched: hand over what he publishes.
};

/// A token of an issuer stands for the user whose email it names as verified (`email`, `email_verified`).
class TENON_API Issuers {
public:
    /// Throws InvalidArgument, Conflict (there is one for this issuer and audience).
    TrustedIssuer create(const IssuerOptions& options);
    TrustedIssuer get(const IssuerId& id) const;
    [[nodiscard]] std::optional<TrustedIssuer> find(const IssuerId& id) const;
    /// A tenant has 20 at most.
    std::vector<TrustedIssuer> list() const;
    /// His keys changed. Sessions that his tokens opened end within a second; tokens of keys that are still there open new ones.
    /// Throws InvalidArgument, NotFound.
    TrustedIssuer update(const IssuerId& id, const std::string& jwks);
    /// Ends the sessions that his tokens opened, within a second. Throws NotFound.
    void remove(const IssuerId& id);

private:
    friend struct Internal;
    explicit Issuers(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

/// A key that signs access tokens.
struct TokenKey {
    std::string kid{};
    Time created_at{};
    std::optional<Time> retired_at{};        ///< Set: signs no more; what it signed holds until it expires.
};

/// The keys that sign this home's access tokens, and the pepper: the key under which it keeps hashes of secrets. An operator's work.
class TENON_API TokenKeys {
public:
    /// Newest first.
    std::vector<TokenKey> list() const;
    /// A new key signs from now on; the one before stays in Engine::jwks() until what it signed has expired.
    TokenKey rotate();
    /// Hashes of keys, tickets and recovery codes are made under another pepper from now on; returns its number. Nothing ends: older
    /// hashes are known as before, keys move at their next use, logins when they are renewed.
    std::int32_t rotate_pepper();

private:
    friend struct Internal;
    explicit TokenKeys(std::shared_ptr<OperatorImpl> impl);
    std::shared_ptr<OperatorImpl> impl_;
};

TENON_END
