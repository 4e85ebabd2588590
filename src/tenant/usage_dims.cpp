#include <algorithm>

#include <base/json.hpp>
#include <base/text.hpp>
#include <tenon/error.hpp>

#include "usage_rows.hpp"

namespace tenon::tenant::usage {
namespace {

using base::Json;

constexpr std::size_t most_tags = 16;
constexpr std::size_t most_places = 10'000;  // projects and sites with tags of their own

enum class TagKind : std::uint8_t { tenant = 0, project = 1, site = 2 };  // stored

constexpr db::TenantStmt dims_named{"SELECT n FROM usage_dims WHERE tenant_id = :tenant AND body = :body"};
constexpr db::TenantStmt dims_last{"SELECT coalesce(max(n), 0) FROM usage_dims WHERE tenant_id = :tenant"};
constexpr db::TenantStmt dims_insert{"INSERT INTO usage_dims_ (tenant_id, n, body, project) VALUES (:tenant, :n, :body, :project)"};
constexpr db::TenantStmt tags_any{"SELECT 1 FROM cost_tags WHERE tenant_id = :tenant LIMIT 1"};
constexpr db::TenantStmt tags_of{
    "SELECT since, body FROM cost_tags WHERE tenant_id = :tenant AND kind = :kind AND name = :name ORDER BY since DESC"};
constexpr db::TenantStmt tags_all{
    "SELECT kind, name, body FROM cost_tags WHERE tenant_id = :tenant ORDER BY kind, name, since"};
constexpr db::TenantStmt tags_put{
    "INSERT INTO cost_tags_ (tenant_id, kind, name, since, body) VALUES (:tenant, :kind, :name, :since, :body) "
    "ON CONFLICT (tenant_id, kind, name, since) DO UPDATE SET body = :body"};
constexpr db::TenantStmt tags_places{"SELECT count(DISTINCT name) FROM cost_tags WHERE tenant_id = :tenant AND kind <> 0"};

std::map<std::string, std::string> tags_from(const Json& object) {
    std::map<std::string, std::string> tags;
    for (const auto& [key, value] : object.as_object("tags")) tags.emplace(key, value.as_string(key));
    return tags;
}

Json json_of(const std::map<std::string, std::string>& tags) {
    auto object = Json::object();
    for (const auto& [key, value] : tags) object.set(key, value);
    return object;
}

std::map<std::string, std::string> map_of(const std::vector<Label>& tags) {
    std::map<std::string, std::string> map;
    for (const auto& tag : tags) map.emplace(tag.key, tag.value);
    return map;
}

void put(std::string& key, std::string_view text) {
    const auto size = static_cast<std::uint32_t>(text.size());
    key.append(reinterpret_cast<const char*>(&size), sizeof size).append(text);
}

}  // namespace

std::string Dims::body() const {
    auto object = Json::object();
    if (project) object.set("project", project->text());
    if (!site.empty()) object.set("site", site);
    if (!tags.empty()) object.set("tags", json_of(tags));
    return base::to_canonical_json(object);
}

Dims Dims::from(std::string_view body) {
    Dims dims;
    const auto json = base::parse_json(body, {}, "dims");
    if (const auto* project = json.find("project")) dims.project = ProjectId::parse(project->as_string("project"));
    dims.site = json.string_or("site", "");
    if (const auto* tags = json.find("tags")) dims.tags = tags_from(*tags);
    return dims;
}

void check_site(std::string_view site) {
    if (!site.empty()) base::check_name("site", site);
}

void check_tags(const std::vector<Label>& tags) {
    if (tags.size() > most_tags) throw InvalidArgument("at most 16 tags", {.subject = "tags"});
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '/';
    };
    for (std::size_t i = 0; i < tags.size(); ++i) {
        const auto& [key, value] = tags[i];
        if (key.empty() || key.size() > 63 || !std::ranges::all_of(key, plain))
            throw InvalidArgument("a tag's key is 1 to 63 of a-z, A-Z, 0-9, '_', '-', '.' and '/'", {.subject = "tags"});
        base::check_name("tags", value);
        for (std::size_t k = 0; k < i; ++k)
            if (tags[k].key == key) throw InvalidArgument("the tag \"" + key + "\" is there twice", {.subject = "tags"});
    }
}

DimsBook::DimsBook(db::Tx& tx) : tx_(tx), has_tags_(tx.query(tags_any).next()) {}

const DimsBook::History& DimsBook::history(std::int64_t kind, const std::string& name) {
    const auto [at, is_new] = histories_.try_emplace({kind, name});
    if (is_new)
        for (auto rows = tx_.query(tags_of, kind, name); rows.next();)
            at->second.emplace_back(rows.time(0), tags_from(base::parse_json(rows.text_view(1), {}, "tags")));
    return at->second;
}

std::size_t DimsBook::turn_of(const History& history, Time at) const {
    const auto found = std::ranges::find_if(history, [&](const auto& turn) { return turn.first <= at; });
    return static_cast<std::size_t>(found - history.begin());
}

std::int64_t DimsBook::number_of(const Dims& dims, const std::string& body) {
    if (body == "{}") return 0;
    if (auto rows = tx_.query(dims_named, body); rows.next()) return rows.i64(0);
    std::int64_t n = 1;
    if (auto rows = tx_.query(dims_last); rows.next()) n = rows.i64(0) + 1;
    tx_.exec(dims_insert, n, body, dims.project);
    return n;
}

const DimsBook::Known& DimsBook::of(const Told& told) {
    key_.clear();
    if (told.project) {
        const std::uint64_t id[] = {told.project->high, told.project->low};
        key_.append(reinterpret_cast<const char*>(id), sizeof id);
    }
    put(key_, told.site);
    if (told.tags)
        for (const auto& tag : *told.tags) put(key_, tag.key), put(key_, tag.value);
    const History* turns[3] = {};
    std::size_t turn[3] = {};
    if (has_tags_) {
        // The nearest wins: site over project over tenant.
        turns[0] = &history(static_cast<std::int64_t>(TagKind::tenant), "");
        if (told.project) turns[1] = &history(static_cast<std::int64_t>(TagKind::project), told.project->text());
        if (!told.site.empty()) turns[2] = &history(static_cast<std::int64_t>(TagKind::site), std::string(told.site));
        for (int i = 0; i < 3; ++i)
            if (turns[i]) turn[i] = turn_of(*turns[i], told.occurred_at);
        key_.append(reinterpret_cast<const char*>(turn), sizeof turn);
    }
    const auto [at, is_new] = known_.try_emplace(key_);
    if (!is_new) return at->second;
    Dims dims{.project = told.project, .site = std::string(told.site), .tags = told.tags ? map_of(*told.tags) : std::map<std::string, std::string>{}};
    auto said = dims.body();
    for (int i = 2; i >= 0; --i)
        if (turns[i] && turn[i] < turns[i]->size())
            for (const auto& tag : (*turns[i])[turn[i]].second) dims.tags.insert(tag);
    const auto body = dims.body();
    at->second.share = number_of(dims, body);
    if (said != body) at->second.said = std::move(said);
    return at->second;
}

void set_cost_tags(db::Tx& tx, const CostTags& tags, Time now) {
    check_tags(tags.tags);
    check_site(tags.site);
    if (tags.project && !tags.site.empty()) throw InvalidArgument("of a project or of a site, not both", {.subject = "site"});
    const auto kind = tags.project ? TagKind::project : tags.site.empty() ? TagKind::tenant : TagKind::site;
    if (kind != TagKind::tenant && !tags.tags.empty())
        if (auto rows = tx.query(tags_places); rows.next() && rows.i64(0) >= static_cast<std::int64_t>(most_places))
            throw Conflict("10,000 projects and sites have tags of their own", {.subject = "tags"});
    tx.exec(tags_put, kind, tags.project ? tags.project->text() : tags.site, now, base::to_canonical_json(json_of(map_of(tags.tags))));
}

std::vector<CostTags> cost_tags(db::Reader& reader) {
    std::vector<CostTags> list;
    std::pair<std::int64_t, std::string> last{-1, ""};
    for (auto rows = reader.query(tags_all); rows.next();) {
        std::pair key(rows.i64(0), rows.text(1));
        if (key != last) list.emplace_back();
        last = key;
        auto& tags = list.back();
        if (key.first == static_cast<std::int64_t>(TagKind::project)) tags.project = ProjectId::parse(key.second);
        if (key.first == static_cast<std::int64_t>(TagKind::site)) tags.site = key.second;
        tags.tags.clear();
        for (const auto& [name, value] : tags_from(base::parse_json(rows.text_view(2), {}, "tags"))) tags.tags.push_back({name, value});
    }
    std::erase_if(list, [](const CostTags& tags) { return tags.tags.empty(); });
    return list;
}

}  // namespace tenon::tenant::usage
