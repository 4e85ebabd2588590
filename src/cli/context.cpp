#include "context.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include <pwd.h>
#include <unistd.h>

#include "secret.hpp"
#include "text.hpp"

namespace tenon::cli {
namespace {

std::string environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::string() : std::string(value);
}

std::string user_name() {
    if (auto user = environment("USER"); !user.empty()) return user;
    const passwd* entry = getpwuid(geteuid());
    return entry == nullptr ? "uid " + std::to_string(geteuid()) : std::string(entry->pw_name);
}

Role role_named(const std::string& name) {
    for (const auto role : {Role::owner, Role::admin, Role::billing, Role::editor, Role::camera_operator, Role::viewer,
                            Role::auditor, Role::support})
        if (name == to_string(role)) return role;
    throw UsageError("there is no role “" + clean(name) +
                     "”: owner, admin, billing, editor, camera_operator, viewer, auditor, support");
}

std::vector<std::string> split(const std::string& text, char at) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    while (begin <= text.size()) {
        const auto end = std::min(text.find(at, begin), text.size());
        if (end > begin) parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

/// The id behind what was typed: an id as it is, otherwise the one thing of that name.
template <class Id, class T>
Id named(const std::string& typed, std::string_view kind, const std::vector<T>& all) {
    std::vector<Id> found;
    for (const auto& one : all)
        if (one.name == typed) found.push_back(one.id);
    if (found.size() == 1) return found[0];
    if (found.empty())
        throw NotFound("there is no " + std::string(kind) + " “" + clean(typed) + "”", {.subject = clean(typed)});
    std::string ids;
    for (const auto& id : found) ids += (ids.empty() ? "" : ", ") + id.text();
    throw Conflict(std::to_string(found.size()) + " of them are called “" + clean(typed) + "”; name one by its id: " + ids,
                   {.subject = clean(typed)});
}

template <class Id>
bool is_id(const std::string& text) {
    return text.starts_with(Id::prefix()) && text.size() == std::string_view(Id::prefix()).size() + 26;
}

}  // namespace

Program::Program(std::string_view argv0) {
    const auto slash = argv0.rfind('/');
    name = clean(slash == std::string_view::npos ? argv0 : argv0.substr(slash + 1));
    if (name.empty()) name = "tenon";
    for (const unsigned char c : name) prefix += std::isalnum(c) ? static_cast<char>(std::toupper(c)) : '_';
    prefix += '_';

    brand.product = environment(prefix + "PRODUCT");
    if (brand.product.empty()) {
        brand.product = name;
        brand.product[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(brand.product[0])));
    }
    brand.vendor = environment(prefix + "VENDOR");
    brand.url = environment(prefix + "URL");
}

Context::Context(const Program& program, const Args& args, const Command& command)
    : program_(program),
      args_(args),
      command_(command),
      out_(args.has("--json") ? Style::json : args.has("--quiet") ? Style::quiet
                                                                  : Style::people),
      actor_(from("--actor", "ACTOR", user_name())) {}

std::string Context::from(std::string_view option, std::string_view name, std::string_view otherwise) const {
    if (args_.has(option)) return args_.text(option);
    const std::string value = environment(variable(name));
    return value.empty() ? std::string(otherwise) : value;
}

Engine& Context::engine() {
    if (engine_) return *engine_;
    EngineOptions options{.home = home(), .brand = program_.brand};
    if (!command_.makes_home && !std::filesystem::exists(options.home))
        throw NotFound("there is no home at “" + clean(options.home.string()) + "” yet; “" + program_.name +
                           " tenant create” makes one, --home names another",
                       {.subject = options.home.string()});
    options.master_key_file = from("--master-key-file", "MASTER_KEY_FILE", "");
    const Secret passphrase = args_.has("--passphrase-file") ? read_secret_file(args_.text("--passphrase-file"))
                                                             : Secret(environment(variable("PASSPHRASE")));
    options.master_passphrase = passphrase.value();
    const Secret database = postgres();
    options.postgres = database.value();
    for (const auto& file : args_.all("--plan-file")) options.plan_catalogues.emplace_back(file);
    options.camera_networks = args_.all("--camera-network");
    if (options.camera_networks.empty())
        options.camera_networks = split(environment(variable("CAMERA_NETWORKS")), ',');
    const auto parity = from("--backup-parity", "BACKUP_PARITY", "thin");
    if (parity == "none") options.backup_parity = BackupParity::none;
    else if (parity == "full") options.backup_parity = BackupParity::full;
    else if (parity != "thin") throw UsageError("--backup-parity takes none, thin or full, not “" + clean(parity) + "”");
    options.regions = args_.all("--served-region");
    options.background = !command_.looks;
    options.workers = static_cast<std::int32_t>(args_.integer("--workers", 0, 0, 1024));
    engine_.emplace(options);
    return *engine_;
}

Secret Context::postgres() const {
    return args_.has("--postgres-file") ? read_secret_file(args_.text("--postgres-file")) : Secret(environment(variable("POSTGRES")));
}

OperatorSession Context::operators() {
    const std::string reason = args_.text("--reason", "command line: " + std::string(command_.path));
    OperatorOptions options{.actor = actor_, .reason = reason};
    if (args_.has("--as-partner")) options.partner = partner(args_.text("--as-partner"));
    return engine().open_operator(options);
}

PartnerId Context::partner(const std::string& typed) {
    if (is_id<PartnerId>(typed)) return PartnerId::parse(typed);
    const auto found = engine().open_operator({.actor = actor_, .reason = "looking up a partner by its name"}).partners().find_slug(typed);
    if (!found) throw NotFound("there is no partner “" + clean(typed) + "”", {.subject = clean(typed)});
    return found->id;
}

TenantId Context::tenant(const std::string& typed) {
    if (is_id<TenantId>(typed)) return TenantId::parse(typed);
    const auto found = operators().tenants().find_slug(typed);
    if (!found) throw NotFound("there is no tenant “" + clean(typed) + "”", {.subject = clean(typed)});
    return found->id;
}

TenantId Context::tenant() {
    const std::string typed = from("--tenant", "TENANT", "");
    if (!typed.empty()) return tenant(typed);
    const auto all = operators().tenants().list({.limit = 2});
    if (all.empty()) throw NotFound("this home has no tenant yet; make one with “" + program_.name + " tenant create”", {});
    if (all.size() > 1) throw UsageError("this home has several tenants: say which with --tenant, or set " + variable("TENANT"));
    return all[0].id;
}

Session Context::session() {
    const Role role = role_named(from("--role", "ROLE", "owner"));
    return engine().open_session({.tenant = tenant(), .actor = actor_, .role = role});
}

void Context::close() { engine_.reset(); }

ProjectId project_named(const Session& session, const std::string& typed) {
    if (is_id<ProjectId>(typed)) return ProjectId::parse(typed);
    return named<ProjectId>(typed, "project", every<Project>(1'000'000'000, [&](const Project* last, std::int32_t n) {
                                return session.projects().list({.after = last ? std::optional(last->id) : std::nullopt, .limit = n});
                            }));
}

AssetId asset_named(const Session& session, const std::string& typed, const std::optional<ProjectId>& project) {
    if (is_id<AssetId>(typed)) return AssetId::parse(typed);
    return named<AssetId>(typed, "asset", every<Asset>(1'000'000'000, [&](const Asset* last, std::int32_t n) {
                              return session.assets().list(
                                  {.project = project, .after = last ? std::optional(last->id) : std::nullopt, .limit = n});
                          }));
}

CameraId camera_named(const Session& session, const std::string& typed) {
    if (is_id<CameraId>(typed)) return CameraId::parse(typed);
    return named<CameraId>(typed, "camera", session.cameras().list());
}

SnapshotId snapshot_named(const Session& session, const std::string& typed) {
    if (is_id<SnapshotId>(typed)) return SnapshotId::parse(typed);
    const auto found = session.backups().list({.name = typed == "latest" ? std::string() : typed});
    if (found.empty())
        throw NotFound(typed == "latest" ? "there is no snapshot yet" : "there is no snapshot “" + clean(typed) + "”",
                       {.subject = clean(typed)});
    return found[0].id;  // newest first
}

}  // namespace tenon::cli
