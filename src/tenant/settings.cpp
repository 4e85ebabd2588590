#include <tenant/settings.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <tenant/audit.hpp>
#include <tenant/events.hpp>
#include <tenon/error.hpp>

#include "json_schema.hpp"
#include "shipped.hpp"

namespace tenon::tenant::settings {
namespace {

using base::Json;

constexpr base::JsonLimits limits{.max_size = 64 * 1024, .max_depth = 16};

constexpr db::TenantStmt find_kind{"SELECT body, version, changed_at FROM settings_document WHERE tenant_id = :tenant AND kind = :kind"};
constexpr db::TenantStmt upsert{
    "INSERT INTO settings_document_ (tenant_id, kind, version, body, changed_at) VALUES (:tenant, :kind, :version, :body, :changed_at) "
    "ON CONFLICT (tenant_id, kind) DO UPDATE SET version = :version, body = :body, changed_at = :changed_at"};

const Json& schema_of(SettingsKind kind) {
    static const auto all = [] {
        std::vector<std::pair<std::string, Json>> schemas;
        for (const auto& shipped : shipped_settings()) schemas.emplace_back(shipped.name, base::parse_json(shipped.text));
        return schemas;
    }();
    const auto at = std::ranges::find(all, std::string(to_string(kind)), &std::pair<std::string, Json>::first);
    if (at == all.end()) throw InvalidArgument("there are no such settings", {.subject = "kind"});
    return at->second;
}

std::string kept(SettingsKind kind, const Json& document, const std::string& field) {
    if (!document.is_object()) throw InvalidArgument("must be a JSON object", {.subject = field});
    try {
        check_schema(schema_of(kind), document, "");
    } catch (const InvalidArgument& error) {
        const auto& path = error.subject();
        throw InvalidArgument((path.empty() ? field : path) + ": " + error.what(), {.subject = path.empty() ? field : path});
    }
    auto text = base::to_canonical_json(document);
    if (text.size() > limits.max_size) throw InvalidArgument("at most 64 KiB", {.subject = field});
    return text;
}

/// The names of those that differ: what stands in them may be long, and is the tenant's own.
Json changed_members(const Json& was, const Json& is) {
    auto names = Json::array();
    for (const auto& [name, value] : is.as_object())
        if (const auto* before = was.find(name); !before || *before != value) names.push(name);
    for (const auto& [name, value] : was.as_object())
        if (!is.find(name)) names.push(name);
    return names;
}

SettingsDocument change(db::Tx& tx, const Actor& actor, const SettingsOptions& options, const char* action, Time now,
                        const std::function<Json(const std::string&)>& next) {
    const auto was = get(tx, options.kind);
    if (options.expected && *options.expected != was.version)
        throw Conflict("the settings were changed meanwhile: they have version " + std::to_string(was.version), {.subject = to_string(options.kind)});
    SettingsDocument document{
        .kind = options.kind, .body = kept(options.kind, next(was.body), "body"), .version = was.version + 1, .changed_at = now};
    tx.exec(upsert, document.kind, document.version, document.body, now);
    auto details = Json::object();
    details.set("version", document.version).set("changed", changed_members(base::parse_json(was.body), base::parse_json(document.body)));
    audit::append(tx, actor, {.time = now, .action = action, .target = to_string(options.kind), .details = std::move(details)});
    append_event(tx, {.kind = "settings.changed", .at = now, .subject = to_string(options.kind),
                      .data = Json::object().set("version", document.version)});
    return document;
}

}  // namespace

std::string schema(SettingsKind kind) { return base::to_json(schema_of(kind)); }

std::string checked(SettingsKind kind, const std::string& body, const std::string& field) {
    return kept(kind, base::parse_json(body, limits, field), field);
}

SettingsDocument get(db::Reader& reader, SettingsKind kind) {
    schema_of(kind);
    SettingsDocument document{.kind = kind};
    if (auto rows = reader.query(find_kind, kind); rows.next()) {
        document.body = rows.text(0);
        document.version = rows.i64(1);
        document.changed_at = rows.time(2);
    }
    return document;
}

SettingsDocument put(db::Tx& tx, const Actor& actor, const SettingsOptions& options, Time now) {
    return change(tx, actor, options, "settings.put", now, [&](const std::string&) { return base::parse_json(options.body, limits, "body"); });
}

SettingsDocument patch(db::Tx& tx, const Actor& actor, const SettingsOptions& options, Time now) {
    const auto given = base::parse_json(options.body, limits, "body");
    if (!given.is_object()) throw InvalidArgument("must be a JSON object", {.subject = "body"});
    return change(tx, actor, options, "settings.patch", now, [&](const std::string& was) { return merged(base::parse_json(was), given); });
}

Json merged(Json document, const Json& patch) {
    if (!patch.is_object()) return patch;
    if (!document.is_object()) document = Json::object();
    for (const auto& [name, value] : patch.as_object()) {
        auto& members = document.as_object();
        const auto at = std::ranges::find(members, name, &Json::Object::value_type::first);
        if (value.is_null()) {
            if (at != members.end()) members.erase(at);
        } else {
            auto before = at != members.end() ? std::move(at->second) : Json();
            document.set(name, merged(std::move(before), value));
        }
    }
    return document;
}

}  // namespace tenon::tenant::settings

TENON_BEGIN

const char* to_string(SettingsKind kind) noexcept {
    switch (kind) {
        case SettingsKind::preferences: return "preferences";
        case SettingsKind::workflows: return "workflows";
        case SettingsKind::automation: return "automation";
        case SettingsKind::branding: return "branding";
    }
    return "unknown";
}

TENON_END
