#include <algorithm>

#include <tenant/api_keys.hpp>
#include <tenant/issuers.hpp>
#include <tenant/logins.hpp>
#include <tenant/rights.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::access {
namespace {

void end_at(Rights& rights, const std::optional<Time>& time) {
    if (time && (!rights.until || *time < *rights.until)) rights.until = time;
}

Rights rights_of_user(db::Reader& reader, const UserId& id) {
    const auto user = users::find(reader, id);
    if (!user || user->state == UserState::disabled) refuse_ended();
    Rights rights{.role = {user->role, user->custom_role}, .user = id};
    rights.everywhere = permissions_of(reader, rights.role);
    for (const auto& grant : users::grants(reader, id))
        rights.projects.emplace_back(grant.project, permissions_of(reader, {grant.role, grant.custom_role}));
    return rights;
}

}  // namespace

PermissionSet Rights::in(const ProjectId& project) const {
    const auto there = std::ranges::find(projects, project, [](const auto& each) { return each.first; });
    return there == projects.end() ? everywhere : everywhere | there->second;
}

Rights rights_of(db::Reader& reader, const Identity& identity, Time now) {
    Rights rights;
    if (identity.key) rights = keys::rights(reader, *identity.key, identity.key_turn, now);
    else if (identity.user) rights = rights_of_user(reader, *identity.user);
    else rights = {.role = identity.role, .everywhere = permissions_of(reader, identity.role)};
    if (identity.login) {
        const auto login = logins::find(reader, *identity.login);
        if (!login || login->expires_at <= now) refuse_ended();
        end_at(rights, login->expires_at);
    }
    if (identity.issuer && !issuers::holds(reader, *identity.issuer, identity.issuer_version)) refuse_ended();
    end_at(rights, identity.ends_at);
    if (rights.until && *rights.until <= now) refuse_ended();
    return rights;
}

void refuse_credentials() { throw Unauthenticated("the credentials are not valid"); }
void refuse_ended() { throw Unauthenticated("what this session was opened with has ended: come in again"); }

}  // namespace tenon::tenant::access
