#include <base/id.hpp>
#include <base/text.hpp>
#include <crypto/otp.hpp>
#include <tenant/passwords.hpp>
#include <tenon/access.hpp>

#include "access.hpp"
#include "core.hpp"

TENON_BEGIN

namespace access = tenant::access;
namespace user_rows = tenant::access::users;
namespace passwords = tenant::access::passwords;
namespace factors = tenant::access::factors;
using engine::Permission;

namespace {

/// What he may give to others: what he has himself, whatever the tenant's state and plan leave of it just now.
const engine::PermissionSet& held(const std::shared_ptr<const engine::Granted>& granted) { return granted->rights.everywhere; }

/// Of an URI, as RFC 3986 has it.
std::string escaped(std::string_view text) {
    constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
        if (plain) out += c;
        else (out += '%') += {digits[byte >> 4], digits[byte & 15]};
    }
    return out;
}

/// Who comes in as somebody shows that he has the authenticator too before it is replaced or gone. A wrong code counts as a failed login.
void demand_code(const SessionImpl& session, const UserId& user, const std::string& code) {
    auto& access = *session.engine->access;
    const auto at = session.now();
    const auto attempt = session.write([&](db::Tx& tx) { return passwords::begin(tx, user, at); });
    const auto& hasher = access.hasher();
    const bool is_right = attempt.user && session.write([&](db::Tx& tx) {
        if (!factors::accept(tx, user, *session.engine->master, hasher, code, at)) return false;
        passwords::forgive(tx, attempt);
        return true;
    });
    if (!is_right) throw Unauthenticated("a code of the second factor is needed, or the code is wrong", {.subject = "code"});
}

}  // namespace

std::string second_factor_code(const std::string& secret, Time at) {
    const auto key = crypto::from_base32(secret);
    if (!key || key->empty()) throw InvalidArgument("a secret is base32", {.subject = "secret"});
    if (at < Time{}) throw InvalidArgument("lies before 1970", {.subject = "at"});
    return crypto::one_time_password(*key, static_cast<std::uint64_t>(at.time_since_epoch() / factors::step));
}

Users::Users(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

User Users::create(const UserOptions& options) {
    const auto pass = impl_->enter(Permission::user_write);
    const auto at = impl_->now();
    const auto id = base::new_id<UserId>(at);
    const auto granted = impl_->granted();
    return impl_->change("user.create", id.text(), [&](db::Tx& tx) { return user_rows::create(tx, impl_->actor, held(granted), id, options, at); });
}

User Users::get(const UserId& id) const {
    const auto pass = impl_->enter_for(id, Permission::user_read);
    return impl_->read([&](db::Reader& reader) { return user_rows::get(reader, id); });
}

std::optional<User> Users::find(const UserId& id) const {
    const auto pass = impl_->enter_for(id, Permission::user_read);
    return impl_->read([&](db::Reader& reader) { return user_rows::find(reader, id); });
}

std::optional<User> Users::find_email(const std::string& email) const {
    const auto pass = impl_->enter(Permission::user_read);
    user_rows::check_email("email", email);
    return impl_->read([&](db::Reader& reader) { return user_rows::find_email(reader, email); });
}

std::vector<User> Users::list(const UserFilter& filter) const {
    const auto pass = impl_->enter(Permission::user_read);
    return impl_->read([&](db::Reader& reader) { return user_rows::list(reader, filter); });
}

User Users::update(const UserUpdateOptions& options) {
    const auto pass = impl_->enter(Permission::user_write);
    const auto at = impl_->now();
    const auto granted = impl_->granted();
    return impl_->change("user.update", options.user.text(),
                         [&](db::Tx& tx) { return user_rows::update(tx, impl_->actor, held(granted), options, at); });
}

User Users::disable(const UserId& id) {
    const auto pass = impl_->enter(Permission::user_write);
    const auto at = impl_->now();
    const auto granted = impl_->granted();
    return impl_->change("user.disable", id.text(), [&](db::Tx& tx) { return user_rows::disable(tx, impl_->actor, held(granted), id, at); });
}

User Users::enable(const UserId& id) {
    const auto pass = impl_->enter(Permission::user_write);
    const auto at = impl_->now();
    const auto granted = impl_->granted();
    return impl_->change("user.enable", id.text(), [&](db::Tx& tx) { return user_rows::enable(tx, impl_->actor, held(granted), id, at); });
}

void Users::remove(const UserId& id) {
    const auto pass = impl_->enter(Permission::user_write);
    const auto at = impl_->now();
    const auto granted = impl_->granted();
    impl_->change("user.remove", id.text(), [&](db::Tx& tx) { user_rows::remove(tx, impl_->actor, held(granted), id, at); });
}

void Users::grant(const ProjectGrant& grant) {
    const auto pass = impl_->enter(Permission::user_write);
    const auto at = impl_->now();
    const auto granted = impl_->granted();
    impl_->change("user.grant", grant.user.text(), [&](db::Tx& tx) { user_rows::grant(tx, impl_->actor, held(granted), grant, at); });
}

void Users::revoke(const UserId& user, const ProjectId& project) {
    const auto pass = impl_->enter(Permission::user_write);
    const auto at = impl_->now();
    const auto granted = impl_->granted();
    impl_->change("user.revoke", user.text(), [&](db::Tx& tx) { user_rows::revoke(tx, impl_->actor, held(granted), user, project, at); });
}

std::vector<ProjectGrant> Users::grants(const UserId& user) const {
    const auto pass = impl_->enter_for(user, Permission::user_read);
    return impl_->read([&](db::Reader& reader) {
        user_rows::get(reader, user);
        return user_rows::grants(reader, user);
    });
}

void Users::set_password(const PasswordOptions& options) {
    const auto pass = impl_->enter_for(options.user, Permission::user_write);
    const auto granted = impl_->granted();
    const bool own = impl_->is_user(options.user);
    const auto user = impl_->read([&](db::Reader& reader) { return user_rows::get(reader, options.user); });
    passwords::check(options.password, user);
    if (own && user.has_password) {
        // Guessing the current one counts as trying to log in.
        const auto attempt = impl_->write([&](db::Tx& tx) { return passwords::begin(tx, user.id, impl_->now()); });
        if (!impl_->engine->access->fits(options.current, attempt.stored) || !attempt.user)
            throw Unauthenticated("the current password is another", {.subject = "current"});
    }
    const auto stored = impl_->engine->access->hash_password(options.password);
    const auto at = impl_->now();
    impl_->change("user.password", user.id.text(), [&](db::Tx& tx) {
        if (!own) user_rows::check_over(tx, held(granted), user_rows::get(tx, user.id));
        passwords::set(tx, impl_->actor, user.id, stored, at);
    });
}

PasswordTicket Users::issue_ticket(const UserId& id) {
    const auto pass = impl_->enter(Permission::user_write);
    const auto at = impl_->now();
    const auto granted = impl_->granted();
    const access::KeyText text{.kind = access::TextKind::ticket, .kid = access::new_kid(), .secret = access::new_key_secret()};
    const auto& hasher = impl_->engine->access->hasher();
    const auto ends = impl_->change("user.ticket", id.text(), [&](db::Tx& tx) {
        user_rows::check_over(tx, held(granted), user_rows::get(tx, id));  // who has the ticket can come in as him
        return passwords::issue_ticket(tx, impl_->actor, id, text, hasher, at);
    });
    return {.ticket = access::write_key(impl_->engine->access->key_prefix(), text), .expires_at = ends};
}

User Users::unlock(const UserId& id) {
    const auto pass = impl_->enter(Permission::user_write);
    const auto at = impl_->now();
    const auto granted = impl_->granted();
    return impl_->change("user.unlock", id.text(), [&](db::Tx& tx) {
        user_rows::check_over(tx, held(granted), user_rows::get(tx, id));  // else he could guess on for ever
        return passwords::unlock(tx, impl_->actor, id, at);
    });
}

SecondFactor Users::start_second_factor(const UserId& id, const std::string& code) {
    const auto pass = impl_->enter_for(id, Permission::user_write);
    if (impl_->is_user(id) && impl_->read([&](db::Reader& reader) { return user_rows::get(reader, id); }).second_factor)
        demand_code(*impl_, id, code);
    const auto at = impl_->now();
    const auto granted = impl_->granted();
    const auto secret = crypto::Secret::random(factors::secret_size);
    const auto user = impl_->change("user.factor_begin", id.text(), [&](db::Tx& tx) {
        auto found = user_rows::get(tx, id);
        if (!impl_->is_user(id)) user_rows::check_over(tx, held(granted), found);
        factors::begin(tx, impl_->actor, id, *impl_->engine->master, secret.bytes(), at);
        return found;
    });
    const auto text = crypto::to_base32(secret.bytes());
    const auto product = escaped(impl_->engine->options.brand.product);
    return {.secret = text, .uri = "otpauth://totp/" + product + ":" + escaped(user.email) + "?secret=" + text + "&issuer=" + product};
}

std::vector<std::string> Users::confirm_second_factor(const UserId& id, const std::string& code) {
    const auto pass = impl_->enter_for(id, Permission::user_write);
    const auto at = impl_->now();
    const auto granted = impl_->granted();
    const auto codes = factors::new_recovery_codes();
    const auto& hasher = impl_->engine->access->hasher();
    impl_->change("user.factor_confirm", id.text(), [&](db::Tx& tx) {
        const auto found = user_rows::get(tx, id);
        if (!impl_->is_user(id)) user_rows::check_over(tx, held(granted), found);
        factors::confirm(tx, impl_->actor, id, *impl_->engine->master, hasher, code, codes, at);
    });
    return codes;
}

void Users::remove_second_factor(const UserId& id, const std::string& code) {
    const auto pass = impl_->enter_for(id, Permission::user_write);
    if (impl_->is_user(id) && impl_->read([&](db::Reader& reader) { return user_rows::get(reader, id); }).second_factor)
        demand_code(*impl_, id, code);
    const auto at = impl_->now();
    const auto granted = impl_->granted();
    impl_->change("user.factor_remove", id.text(), [&](db::Tx& tx) {
        const auto found = user_rows::get(tx, id);
        if (!impl_->is_user(id)) user_rows::check_over(tx, held(granted), found);
        factors::remove(tx, impl_->actor, id, at);
    });
}

// ---- roles ----

namespace role_rows = tenant::access::roles;

Roles::Roles(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

CustomRole Roles::create(const RoleOptions& options) {
    const auto pass = impl_->enter(Permission::role_write);
    const auto at = impl_->now();
    const auto id = base::new_id<RoleId>(at);
    const auto granted = impl_->granted();
    return impl_->change("role.create", id.text(), [&](db::Tx& tx) { return role_rows::create(tx, impl_->actor, held(granted), id, options, at); });
}

CustomRole Roles::get(const RoleId& id) const {
    const auto pass = impl_->enter(Permission::role_read);
    return impl_->read([&](db::Reader& reader) { return role_rows::get(reader, id); });
}

std::optional<CustomRole> Roles::find(const RoleId& id) const {
    const auto pass = impl_->enter(Permission::role_read);
    return impl_->read([&](db::Reader& reader) { return role_rows::find(reader, id); });
}

std::optional<CustomRole> Roles::find_name(const std::string& name) const {
    const auto pass = impl_->enter(Permission::role_read);
    base::check_name("name", name);
    return impl_->read([&](db::Reader& reader) { return role_rows::find_name(reader, name); });
}

std::vector<CustomRole> Roles::list() const {
    const auto pass = impl_->enter(Permission::role_read);
    return impl_->read([](db::Reader& reader) { return role_rows::list(reader); });
}

CustomRole Roles::update(const RoleId& id, const RoleOptions& options) {
    const auto pass = impl_->enter(Permission::role_write);
    const auto at = impl_->now();
    const auto granted = impl_->granted();
    return impl_->change("role.update", id.text(), [&](db::Tx& tx) { return role_rows::update(tx, impl_->actor, held(granted), id, options, at); });
}

void Roles::remove(const RoleId& id) {
    const auto pass = impl_->enter(Permission::role_write);
    const auto at = impl_->now();
    impl_->change("role.remove", id.text(), [&](db::Tx& tx) { role_rows::remove(tx, impl_->actor, id, at); });
}

std::vector<std::string> Roles::permissions() const {
    const auto pass = impl_->enter_open();
    return tenant::names_of(engine::PermissionSet::everything());
}

std::vector<std::string> Roles::permissions_of(Role role) const {
    const auto pass = impl_->enter_open();
    tenant::check_role("role", role);
    return tenant::names_of(tenant::permissions_of(role));
}

TENON_END
