#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <tenon/config.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct Internal;
struct SessionImpl;

/// What a tenant's settings are about. Stored: append, never renumber.
enum class SettingsKind : std::uint8_t {
    preferences = 1,  ///< Language, usual outputs and grade, quality, notifications.
    workflows = 2,    ///< Named chains of steps.
    automation = 3,   ///< How much happens unasked, and by which rules.
    branding = 4,     ///< Names, colours and addresses under which the tenant's users see the product.
};

/// The kind's name: "workflows".
TENON_API const char* to_string(SettingsKind kind) noexcept;

/// One document. Which members it may have says Settings::schema().
struct SettingsDocument {
    SettingsKind kind = SettingsKind::preferences;
    std::string body = "{}";            ///< JSON object.
    std::int64_t version = 0;           ///< 1, 2, 3 …; 0: never written.
    std::optional<Time> changed_at{};   ///< Unset: never written.
};

struct SettingsOptions {
    SettingsKind kind = SettingsKind::preferences;
    std::string body{};                      ///< Required. JSON object, at most 64 KiB with what is there.
    std::optional<std::int64_t> expected{};  ///< Conflict unless this is the document's version: nobody's change is lost.
};

/// A tenant's preferences, workflows, automation and branding: documents that are checked before they are kept.
class TENON_API Settings {
public:
    SettingsDocument get(SettingsKind kind) const;
    /// In place of what is there. Throws InvalidArgument (subject: the path of what does not fit, "workflows/0/name"), Conflict,
    /// PermissionDenied (branding: the plan has no white label, or the tenant is in its trial).
    SettingsDocument put(const SettingsOptions& options);
    /// Changes the members that `body` names, and removes those that it gives as null (RFC 7396). Throws what put() does.
    SettingsDocument patch(const SettingsOptions& options);
    /// The JSON Schema of a kind, for whoever builds a form of it.
    std::string schema(SettingsKind kind) const;
    /// Under which brand the tenant's users see the product now, as a JSON object: the engine's own, over that the partner's, over
    /// that the tenant's if its plan has white label and it is in no trial.
    std::string brand() const;

private:
    friend struct Internal;
    explicit Settings(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
