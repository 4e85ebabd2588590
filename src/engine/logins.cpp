#include <algorithm>

#include <base/id.hpp>
#include <base/text.hpp>
#include <tenant/passwords.hpp>
#include <tenon/access.hpp>

#include "access.hpp"
#include "core.hpp"

TENON_BEGIN

namespace access = tenant::access;
namespace login_rows = tenant::access::logins;
namespace passwords = tenant::access::passwords;
using engine::Permission;

namespace {

constexpr Duration longest_support = std::chrono::hours(24);

tenant::Actor user_actor(const UserId& user) { return {.kind = tenant::ActorKind::user, .id = user.text()}; }

/// A refresh token of ours, and which one it is.
struct Shown {
    access::KeyText text{};
    std::uint32_t generation = 0;
    bool is_old = false;  ///< Of a pepper before the one of the token that counts: it was used.
    login_rows::Family family{};
};

Shown recognise(EngineImpl& engine, const std::string& token) {
    const auto text = access::parse_key(token);
    if (!text) access::refuse_credentials();
    const auto& hasher = engine.access->hasher();
    const auto family = engine.database->read(engine.system, [&](db::SystemReader& reader) { return login_rows::find_kid(reader, text->kid); });
    const int pepper = family ? family->pepper : hasher.current();
    auto generation = login_rows::generation_of(hasher, pepper, *text);
    const bool is_old = !generation;
    for (int older = pepper - 1; !generation && older > 0; --older) generation = login_rows::generation_of(hasher, older, *text);
    if (!family || !generation) access::refuse_credentials();
    return {*text, *generation, is_old, *family};
}

/// Whether anybody may come in at all. Empty: no, or there is no such tenant. Throws PermissionDenied: another home's region.
std::optional<db::TenantScope> open_scope(EngineImpl& engine, const TenantId& tenant) {
    const auto standing = engine.registry->find_standing(tenant);
    if (!standing || !engine::allows(standing->state_at(engine.now()), Permission::project_read)) return std::nullopt;
    engine.check_region(standing->tenant.region);
    return engine.registry->scope_of(*standing);
}

/// Whether the password is right; as long for nobody as for somebody.
bool tried(EngineImpl& engine, const std::optional<db::TenantScope>& scope, const passwords::Try& attempt, const std::string& password) {
    try {
        return engine.access->fits(password, attempt.stored);
    } catch (const Unavailable&) {
        // It was never looked at: who stands in a long queue is not locked out for it.
        if (scope) engine.database->write(*scope, [&](db::Tx& tx) { passwords::forgive(tx, attempt); });
        throw;
    }
}

enum class Outcome : std::uint8_t { in, code_missing, refused };

}  // namespace

Tokens Engine::login(const LoginOptions& options) {
    if (!impl_) throw Closed("the engine is closed");
    const auto pass = impl_->gate.enter();
    auto& engine = *impl_;
    if (options.tenant.is_nil()) throw InvalidArgument("a user belongs to one tenant", {.subject = "tenant"});
    access::users::check_email("email", options.email);
    if (options.password.empty() || options.password.size() > 1024) throw InvalidArgument("a password has 1 to 1024 bytes", {.subject = "password"});
    base::check_text("code", options.code, 100);
    base::check_text("address", options.address, 100);

    const auto scope = open_scope(engine, options.tenant);
    const auto now = engine.now();
    passwords::Try attempt;
    if (scope) attempt = engine.database->write(*scope, [&](db::Tx& tx) { return passwords::begin(tx, options.email, now); });
    const auto& hasher = engine.access->hasher();
    const int pepper = hasher.current();
    const bool fits = tried(engine, scope, attempt, options.password);
    auto outcome = Outcome::refused;
    const access::KeyText seed{.kind = access::TextKind::refresh, .kid = access::new_kid()};
    LoginInfo login{.id = base::new_id<LoginId>(now), .kind = PrincipalKind::user, .user = attempt.user, .address = options.address,
                    .created_at = now, .used_at = now, .expires_at = now + login_rows::lifetime};
    if (fits && attempt.user)
        outcome = engine.database->write(*scope, [&](db::Tx& tx) {
            if (attempt.needs_code && options.code.empty()) {
                passwords::forgive(tx, attempt);
                return Outcome::code_missing;
            }
            if (attempt.needs_code && !access::factors::accept(tx, *attempt.user, *engine.master, hasher, options.code, now))
                return Outcome::refused;
            if (!passwords::succeed(tx, attempt, now)) return Outcome::refused;
            login_rows::create(tx, user_actor(*attempt.user), login, seed.kid, pepper);
            return Outcome::in;
        });
    if (outcome == Outcome::code_missing) throw Unauthenticated("a code of the second factor is needed too", {.subject = "code"});
    if (outcome == Outcome::refused) {
        if (scope) engine.access->note_refusal(options.tenant, "login.refuse", attempt.user ? attempt.user->text() : "");
        access::refuse_credentials();
    }
    return engine.access->tokens(options.tenant, login, login_rows::refresh_token(hasher, pepper, seed.kid, 0), now);
}

Tokens Engine::refresh(const std::string& refresh_token) {
    if (!impl_) throw Closed("the engine is closed");
    const auto pass = impl_->gate.enter();
    auto& engine = *impl_;
    const auto shown = recognise(engine, refresh_token);
    const auto scope = open_scope(engine, shown.family.tenant);
    if (!scope) access::refuse_credentials();
    const auto now = engine.now();
    const auto& hasher = engine.access->hasher();
    const int pepper = hasher.current();
    const auto login = engine.database->write(*scope, [&](db::Tx& tx) -> std::optional<LoginInfo> {
        const auto found = login_rows::find(tx, shown.family.login);
        if (!found || !found->user || found->expires_at <= now) return std::nullopt;
        const auto user = access::users::find(tx, *found->user);
        if (!user || user->state != UserState::active) return std::nullopt;
        if (shown.is_old || !login_rows::turn(tx, found->id, shown.generation, pepper, now)) {
            // A genuine token of before: of the two who have it one stole it, and nobody can tell which.
            login_rows::end(tx, user_actor(*found->user), found->id, now, "login.reuse");
            return std::nullopt;
        }
        tenant::audit::append(tx, user_actor(*found->user), {.time = now, .action = "login.refresh", .target = found->id.text()});
        return found;
    });
    if (!login) {
        engine.access->note_refusal(shown.family.tenant, "login.refuse", shown.family.login.text());
        access::refuse_credentials();
    }
    return engine.access->tokens(shown.family.tenant, *login,
                                 login_rows::refresh_token(hasher, pepper, shown.text.kid, shown.generation + 1), now);
}

void Engine::logout(const std::string& refresh_token) {
    if (!impl_) throw Closed("the engine is closed");
    const auto pass = impl_->gate.enter();
    const auto shown = recognise(*impl_, refresh_token);
    const auto standing = impl_->registry->find_standing(shown.family.tenant);
    if (!standing) access::refuse_credentials();
    const auto now = impl_->now();
    const bool ended = impl_->database->write(impl_->registry->scope_of(*standing), [&](db::Tx& tx) {
        const auto found = login_rows::find(tx, shown.family.login);
        if (!found || !found->user) return false;
        login_rows::end(tx, user_actor(*found->user), found->id, now);
        return true;
    });
    if (!ended) access::refuse_credentials();
}

void Engine::redeem(const RedeemOptions& options) {
    if (!impl_) throw Closed("the engine is closed");
    const auto pass = impl_->gate.enter();
    auto& engine = *impl_;
    const auto text = access::parse_key(options.ticket);
    if (!text || text->kind != access::TextKind::ticket) access::refuse_credentials();
    const auto& hasher = engine.access->hasher();
    const auto owner = engine.database->read(engine.system, [&](db::SystemReader& reader) {
        return passwords::find_ticket(reader, hasher, *text, engine.now());
    });
    const auto scope = owner ? open_scope(engine, owner->tenant) : std::nullopt;
    if (!scope) access::refuse_credentials();
    const auto user = engine.database->read(*scope, [&](db::Reader& reader) { return access::users::find(reader, owner->user); });
    if (!user) access::refuse_credentials();
    passwords::check(options.password, *user);
    const auto stored = engine.access->hash_password(options.password);
    const auto now = engine.now();
    const bool used = engine.database->write(*scope, [&](db::Tx& tx) {
        if (!passwords::use_ticket(tx, owner->user, text->kid, now)) return false;
        passwords::set(tx, user_actor(owner->user), owner->user, stored, now);
        return true;
    });
    if (!used) access::refuse_credentials();
}

std::string Engine::jwks() {
    if (!impl_) throw Closed("the engine is closed");
    const auto pass = impl_->gate.enter();
    auto keys = base::Json::array();
    for (const auto& each : impl_->access->own_keys()) keys.push(tenant::jwt::jwk_of(each.public_key, each.info.kid));
    auto set = base::Json::object();
    set.set("keys", std::move(keys));
    return base::to_json(set);
}

Session Engine::open_support(const SupportOptions& options) {
    if (!impl_) throw Closed("the engine is closed");
    const auto pass = impl_->gate.enter();
    auto& engine = *impl_;
    base::check_name("actor", options.actor);
    base::check_name("reason", options.reason);
    if (options.duration < std::chrono::seconds(1) || options.duration > longest_support)
        throw InvalidArgument("support lasts from a second to 24 hours", {.subject = "duration"});
    if (options.tenant.is_nil()) throw InvalidArgument("support is for one tenant", {.subject = "tenant"});
    const auto standing = engine.registry->standing(options.tenant);
    engine.check_region(standing->tenant.region);
    const auto scope = engine.registry->scope_of(*standing);
    if (const auto state = standing->state_at(engine.now()); !engine::allows(state, Permission::project_read))
        throw PermissionDenied(std::string("no session can be opened: the tenant is ") + to_string(state), {.subject = options.tenant.text()});
    const tenant::Actor actor{.kind = tenant::ActorKind::operator_session, .id = options.actor, .reason = options.reason};
    const auto now = engine.now();
    const LoginInfo login{.id = base::new_id<LoginId>(now), .kind = PrincipalKind::support, .actor = options.actor, .reason = options.reason,
                          .created_at = now, .used_at = now, .expires_at = now + options.duration};
    engine.database->write(engine.system, [&, kid = access::new_kid(), pepper = engine.access->hasher().current()](db::SystemTx& tx) {
        auto mine = tx.tenant(scope);
        login_rows::create(mine, actor, login, kid, pepper);
        engine.events->append(mine, {.kind = "support.opened", .at = now, .subject = login.id.text()});
        auto log = tx.tenant(engine.registry->operators_scope());
        tenant::audit::append(log, actor, {.time = now, .action = "support.open", .target = options.tenant.text()});
    });
    return Internal::make<Session>(engine.access->open(options.tenant, actor,
                                                       {.kind = PrincipalKind::support, .role = {.role = Role::support, .custom = {}},
                                                           .login = login.id}));
}

// ---- who is logged in ----

Logins::Logins(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

std::vector<LoginInfo> Logins::list(const LoginFilter& filter) const {
    const auto pass = filter.user ? impl_->enter_for(*filter.user, Permission::login_read) : impl_->enter(Permission::login_read);
    return impl_->read([&, at = impl_->now()](db::Reader& reader) { return login_rows::list(reader, filter, at); });
}

void Logins::end(const LoginId& id) {
    const auto open = impl_->enter_open();
    const auto found = impl_->read([&](db::Reader& reader) { return login_rows::find(reader, id); });
    const auto pass = found && found->user ? impl_->enter_for(*found->user, Permission::login_end) : impl_->enter(Permission::login_end);
    const auto at = impl_->now();
    impl_->change("login.end", id.text(), [&](db::Tx& tx) { login_rows::end(tx, impl_->actor, id, at); });
}

std::int32_t Logins::end_all(const UserId& user) {
    const auto pass = impl_->enter_for(user, Permission::login_end);
    const auto at = impl_->now();
    return impl_->change("login.end_all", user.text(), [&](db::Tx& tx) {
        access::users::get(tx, user);
        return login_rows::end_all(tx, impl_->actor, user, at);
    });
}

// ---- issuers and the keys of our own tokens ----

namespace issuer_rows = tenant::access::issuers;

Issuers::Issuers(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

TrustedIssuer Issuers::create(const IssuerOptions& options) {
    const auto pass = impl_->enter(Permission::issuer_write);
    const auto at = impl_->now();
    const auto id = base::new_id<IssuerId>(at);
    return impl_->change("issuer.create", id.text(), [&](db::Tx& tx) { return issuer_rows::create(tx, impl_->actor, id, options, at); });
}

TrustedIssuer Issuers::get(const IssuerId& id) const {
    const auto pass = impl_->enter(Permission::issuer_read);
    return impl_->read([&](db::Reader& reader) { return issuer_rows::get(reader, id); });
}

std::optional<TrustedIssuer> Issuers::find(const IssuerId& id) const {
    const auto pass = impl_->enter(Permission::issuer_read);
    return impl_->read([&](db::Reader& reader) { return issuer_rows::find(reader, id); });
}

std::vector<TrustedIssuer> Issuers::list() const {
    const auto pass = impl_->enter(Permission::issuer_read);
    return impl_->read([](db::Reader& reader) { return issuer_rows::list(reader); });
}

TrustedIssuer Issuers::update(const IssuerId& id, const std::string& jwks) {
    const auto pass = impl_->enter(Permission::issuer_write);
    const auto at = impl_->now();
    return impl_->change("issuer.update", id.text(), [&](db::Tx& tx) { return issuer_rows::update(tx, impl_->actor, id, jwks, at); });
}

void Issuers::remove(const IssuerId& id) {
    const auto pass = impl_->enter(Permission::issuer_write);
    const auto at = impl_->now();
    impl_->change("issuer.remove", id.text(), [&](db::Tx& tx) { issuer_rows::remove(tx, impl_->actor, id, at); });
}

TokenKeys::TokenKeys(std::shared_ptr<OperatorImpl> impl) : impl_(std::move(impl)) {}

std::vector<TokenKey> TokenKeys::list() const {
    const auto pass = impl_->enter();
    const auto at = impl_->engine->now();
    impl_->engine->database->write(impl_->engine->registry->operators_scope(), [&](db::Tx& tx) {
        tenant::audit::append(tx, impl_->actor, {.time = at, .action = "token_key.list"});
    });
    return impl_->engine->database->read(impl_->engine->system, [](db::SystemReader& reader) { return access::token_keys::list(reader); });
}

TokenKey TokenKeys::rotate() {
    const auto pass = impl_->enter();
    return impl_->engine->access->rotate(impl_->actor);
}

std::int32_t TokenKeys::rotate_pepper() {
    const auto pass = impl_->enter();
    return impl_->engine->access->rotate_pepper(impl_->actor);
}

TENON_END
