#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <tenon/brand.hpp>
#include <tenon/config.hpp>
#include <tenon/log.hpp>
#include <tenon/operator.hpp>
#include <tenon/session.hpp>
#include <tenon/watch.hpp>

TENON_BEGIN

struct EngineImpl;
struct AuthenticateOptions;
struct LoginOptions;
struct RedeemOptions;
struct SupportOptions;
struct Tokens;

/// What backups keep beside what they store, so that damage to it can be mended. Stored: never renumbered.
enum class BackupParity : std::uint8_t {
    none = 0,
    thin = 1,  ///< Mends one run of damage of up to 960 KiB in each 32 MiB, and any damage to small objects: 3 % more storage.
    full = 2,  ///< Two such runs: 13 % more.
};

struct EngineOptions {
    std::filesystem::path home{};                          ///< Required. Made if missing, readable by its owner only.
    Brand brand{};
    std::filesystem::path master_key_file{};               ///< Empty: home/keys/master.key, made at the first start.
    std::string master_passphrase{};                       ///< Not empty: seals secrets at rest instead of a key file.
    std::string postgres{};                                ///< Not empty: the metadata are in this PostgreSQL database, 15 or
                                                           ///< newer, in the place of home/metadata.db, from the home's first
                                                           ///< opening on. libpq's connection string: "host=… dbname=…
                                                           ///< user=… passfile=…". Never shown, logged or part of an error.
    std::vector<std::filesystem::path> plan_catalogues{};  ///< JSON files; same names replace the shipped ones.
    std::vector<std::string> camera_networks{};            ///< CIDR blocks cameras may live in. Empty: the private
                                                           ///< ranges of RFC 1918 and RFC 4193; loopback only if listed.
    std::vector<std::string> regions{};                    ///< Whose data may lie in this home: tenants of another region are
                                                           ///< neither made nor served. Empty: every region.
    std::int32_t workers = 0;                              ///< Jobs at once. 0: as many as cores, at most 4.
    bool background = true;                                ///< False: takes no jobs, records no cameras, sweeps nothing.
                                                           ///< For a process that looks or enqueues and leaves the work
                                                           ///< to others that have the home open.
    BackupParity backup_parity = BackupParity::thin;       ///< Of what is stored from now on; counted as the tenant's storage.
    LogLevel log_level = LogLevel::info;                   ///< What goes to home/logs.
};

/// The engine: everything behind one home folder. Several may live in one process, and several processes may open one
/// home.
///
/// Threads   any member, from any thread, at once.
/// Lifetime  handles that come from it may outlive it; their calls then throw Closed.
class TENON_API Engine {
public:
    /// Opens `home`, resumes its jobs and recordings. Throws InvalidArgument, PermissionDenied (a foreign or damaged
    /// master key, a database server that refuses the login), Corrupt, Unsupported (a newer database, a login that security
    /// by row does not bind), NoSpace, Unavailable (no database server), NotFound (no such database), Conflict (the home's
    /// metadata are elsewhere, or the database is another home's).
    explicit Engine(const EngineOptions& options);
    Engine(Engine&& other) noexcept;
    Engine& operator=(Engine&& other) noexcept;
    ~Engine();  ///< close(), the one destructor that joins.

    /// Work within one tenant, on behalf of someone the host has authenticated.
    /// Throws NotFound, PermissionDenied (the tenant's state or plan forbids it, its data must not lie in this home).
    Session open_session(const SessionOptions& options);

    /// Work on behalf of who sends a key or a token. Whatever is wrong with it is refused in one shape. The session ends with
    /// the key or token: calls then throw Unauthenticated.
    /// Throws Unauthenticated, InvalidArgument (neither or both), PermissionDenied (the tenant is closed to everyone).
    Session authenticate(const AuthenticateOptions& options);

    /// Lets a user in by his password and, if he has a second factor, a code. A wrong password, an unknown user and a user who
    /// may not come in are refused in one shape and time; where only the code is missing, `subject` is "code". From the fifth
    /// failure in a row on each is followed by a pause that doubles, up to an hour.
    /// Throws Unauthenticated, InvalidArgument, Unavailable (too many at once).
    /// Cost     64 MiB and some 100 ms of a core while the password is tried.
    Tokens login(const LoginOptions& options);
    /// The next pair of tokens. Each refresh token is good for one: who shows one again ends the whole login, since one of the
    /// two who have it stole it. Throws Unauthenticated.
    Tokens refresh(const std::string& refresh_token);
    /// Ends the login. Throws Unauthenticated.
    void logout(const std::string& refresh_token);
    /// Sets a password by a ticket of Users::issue_ticket() and makes the user active. Throws Unauthenticated, InvalidArgument.
    void redeem(const RedeemOptions& options);
    /// The public keys of access tokens as a JWK set (RFC 7517), for others who check them.
    std::string jwks();

    /// Lets the operator's support into a tenant: role support, for a limited time, in the tenant's audit trail and among its
    /// logins, where the tenant can end it. Throws NotFound, InvalidArgument, PermissionDenied.
    Session open_support(const SupportOptions& options);

    /// Work across tenants. Each use is audited.
    OperatorSession open_operator(const OperatorOptions& options);

    /// Watches nothing yet. Throws Closed.
    Watch watch();

    /// What the engine logs from now on. Throws InvalidArgument, Closed.
    LogStream logs(const LogOptions& options = {});

    /// Begins no more jobs and lets those that this process runs end, at most for `limit`; what runs then still goes back to
    /// the queue with what it has done, and counts no attempt. Returns false if something had to go back. Jobs started from
    /// now on wait for another process or the next opening; recordings and calls go on. For a shutdown in good order:
    /// drain, then close. Throws Closed.
    [[nodiscard]] bool drain(Duration limit);

    /// Stops recordings and jobs cleanly (they resume when the home is opened again) and joins every thread. Once it has
    /// returned nothing of this engine runs any more. Closing again does nothing.
    void close() noexcept;
    bool is_closed() const noexcept;

    /// "0.1.0"
    static std::string version();

private:
    friend struct Internal;
    std::shared_ptr<EngineImpl> impl_;
};

TENON_END
