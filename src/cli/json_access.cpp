#include "json.hpp"
#include "text.hpp"

namespace tenon::cli {
namespace {

namespace json = boost::json;

template <class Id> json::value id_or_null(const std::optional<Id>& id) { return id ? json::value(id->text()) : json::value(nullptr); }

json::value name_or_null(const std::optional<Role>& role) { return role ? json::value(to_string(*role)) : json::value(nullptr); }

}  // namespace

json::object to_json(const User& u) {
    return {{"id", u.id.text()},
            {"email", u.email},
            {"name", u.name},
            {"state", to_string(u.state)},
            {"role", name_or_null(u.role)},
            {"custom_role", id_or_null(u.custom_role)},
            {"has_password", u.has_password},
            {"second_factor", u.second_factor},
            {"last_login_at", to_json(u.last_login_at)},
            {"locked_until", to_json(u.locked_until)},
            {"created_at", stamp(u.created_at)}};
}

json::object to_json(const ProjectGrant& g) {
    return {{"user", g.user.text()}, {"project", g.project.text()}, {"role", name_or_null(g.role)}, {"custom_role", id_or_null(g.custom_role)}};
}

json::object to_json(const PasswordTicket& t) { return {{"ticket", t.ticket}, {"expires_at", stamp(t.expires_at)}}; }
json::object to_json(const SecondFactor& f) { return {{"secret", f.secret}, {"uri", f.uri}}; }

json::object to_json(const CustomRole& r) {
    return {{"id", r.id.text()}, {"name", r.name}, {"permissions", strings(r.permissions)}, {"version", r.version},
            {"created_at", stamp(r.created_at)}};
}

json::object to_json(const ApiKey& k) {
    return {{"id", k.id.text()},
            {"name", k.name},
            {"shown", k.shown},
            {"environment", to_string(k.environment)},
            {"role", name_or_null(k.role)},
            {"custom_role", id_or_null(k.custom_role)},
            {"scopes", strings(k.scopes)},
            {"cidrs", strings(k.cidrs)},
            {"user", id_or_null(k.user)},
            {"created_at", stamp(k.created_at)},
            {"expires_at", to_json(k.expires_at)},
            {"last_used_at", to_json(k.last_used_at)},
            {"grace_ends_at", to_json(k.grace_ends_at)},
            {"revoked_at", to_json(k.revoked_at)}};
}

json::object to_json(const NewApiKey& k) { return {{"key", to_json(k.key)}, {"secret", k.secret}}; }

json::object to_json(const LoginInfo& l) {
    return {{"id", l.id.text()},
            {"kind", to_string(l.kind)},
            {"user", id_or_null(l.user)},
            {"actor", l.actor},
            {"reason", l.reason},
            {"address", l.address},
            {"created_at", stamp(l.created_at)},
            {"used_at", stamp(l.used_at)},
            {"expires_at", stamp(l.expires_at)}};
}

json::object to_json(const Tokens& t) {
    return {{"access_token", t.access_token},
            {"refresh_token", t.refresh_token},
            {"access_expires_at", stamp(t.access_expires_at)},
            {"refresh_expires_at", stamp(t.refresh_expires_at)},
            {"user", t.user.text()},
            {"login", t.login.text()}};
}

json::object to_json(const TrustedIssuer& i) {
    return {{"id", i.id.text()}, {"issuer", i.issuer}, {"audience", i.audience}, {"jwks", i.jwks}, {"created_at", stamp(i.created_at)}};
}

json::object to_json(const TokenKey& k) { return {{"kid", k.kid}, {"created_at", stamp(k.created_at)}, {"retired_at", to_json(k.retired_at)}}; }

json::object to_json(const Principal& p) {
    return {{"kind", to_string(p.kind)},
            {"actor", p.actor},
            {"user", id_or_null(p.user)},
            {"key", id_or_null(p.key)},
            {"login", id_or_null(p.login)},
            {"role", name_or_null(p.role)},
            {"custom_role", id_or_null(p.custom_role)},
            {"permissions", strings(p.permissions)},
            {"expires_at", to_json(p.expires_at)}};
}

}  // namespace tenon::cli
