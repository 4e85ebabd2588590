#pragma once

#include <string>
#include <string_view>

#include <base/json.hpp>
#include <db/tx.hpp>
#include <tenant/actor.hpp>
#include <tenon/settings.hpp>

/// A tenant's documents: checked against their schemas, numbered by versions. Formats: share/tenon/settings.
namespace tenon::tenant::settings {

/// JSON Schema of a kind. Throws InvalidArgument for a kind that there is not.
std::string schema(SettingsKind kind);

/// The document as it is kept. Throws InvalidArgument; the subject is `field` and the path of what does not fit.
std::string checked(SettingsKind kind, const std::string& body, const std::string& field);

SettingsDocument get(db::Reader& reader, SettingsKind kind);
/// Throw InvalidArgument, Conflict.
SettingsDocument put(db::Tx& tx, const Actor& actor, const SettingsOptions& options, Time now);
SettingsDocument patch(db::Tx& tx, const Actor& actor, const SettingsOptions& options, Time now);

/// RFC 7396: members of `patch` take the place of those of `document`; null removes one.
base::Json merged(base::Json document, const base::Json& patch);

}  // namespace tenon::tenant::settings
