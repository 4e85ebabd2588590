#pragma once

#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "context.hpp"
#include "output.hpp"

namespace tenon::cli {

/// A role as people name it: a built-in one, or one of the tenant's own by id or name.
struct NamedRole {
    std::optional<Role> role{};
    std::optional<RoleId> custom{};
};
NamedRole role_named(const Session& session, const std::string& typed);
/// As a list shows it.
std::string role_text(const std::optional<Role>& role, const std::optional<RoleId>& custom);

/// By id or email.
UserId user_named(const Session& session, const std::string& typed);
/// By id or name.
KeyId key_named(const Session& session, const std::string& typed);

template <class Id>
bool looks_like(const std::string& typed) {
    return typed.starts_with(Id::prefix()) && typed.size() == std::string_view(Id::prefix()).size() + 26;
}

/// A secret that the library made: shown here and never again.
void show_secret(const Output& out, const boost::json::object& document, const std::string& secret, Fields fields, std::string_view remark);

}  // namespace tenon::cli
