#include "stores.hpp"

#include <algorithm>
#include <set>

#include <fcntl.h>

#include <base/file.hpp>
#include <base/json.hpp>
#include <base/text.hpp>
#include <blob/file_store.hpp>
#include <crypto/encoding.hpp>
#include <crypto/secret.hpp>
#include <exec/wait.hpp>
#include <tenant/registry.hpp>

#include "backup_json.hpp"

namespace tenon::engine::stores {

using base::Json;

namespace {

constexpr db::TenantStmt find_policy{"SELECT level, stores FROM copy_policy WHERE tenant_id = :tenant"};
constexpr db::TenantStmt put_policy{
    "INSERT INTO copy_policy_ (tenant_id, level, stores) VALUES (:tenant, :level, :stores)"
    " ON CONFLICT (tenant_id) DO UPDATE SET level = excluded.level, stores = excluded.stores"};
constexpr db::TenantStmt list_states{"SELECT store, state, seen_at, whole_at FROM copy_state WHERE tenant_id = :tenant ORDER BY store"};
constexpr db::TenantStmt put_state{
    "INSERT INTO copy_state_ (tenant_id, store, state, seen_at, whole_at) VALUES (:tenant, :store, :state, :seen_at, :whole_at)"
    " ON CONFLICT (tenant_id, store) DO UPDATE SET state = excluded.state, seen_at = coalesce(excluded.seen_at, copy_state_.seen_at),"
    " whole_at = coalesce(excluded.whole_at, copy_state_.whole_at)"};
constexpr db::TenantStmt erase_policy{"DELETE FROM copy_policy_ WHERE tenant_id = :tenant"};
constexpr db::TenantStmt erase_states{"DELETE FROM copy_state_ WHERE tenant_id = :tenant"};

constexpr const char* mark_name = "store";
constexpr std::size_t stores_limit = 1 << 20;

std::string text_of(const std::filesystem::path& path, std::size_t limit) {
    const auto bytes = base::read_file(path, limit);
    return {bytes.begin(), bytes.end()};
}

Json texts(const std::vector<std::string>& list) {
    Json json = Json::array();
    for (const auto& text : list) json.push(text);
    return json;
}

std::vector<std::string> texts_of(const Json& json, std::string_view field) {
    std::vector<std::string> list;
    for (const auto& text : json.get_array(field)) list.push_back(text.as_string(field));
    return list;
}

struct Document {
    std::vector<Kept> stores;
    std::vector<std::pair<std::string, std::string>> erased;  // store and tenant: still to be removed there
};

Document load(const Home& home) {
    Document document;
    std::error_code ignored;
    if (!std::filesystem::exists(home.stores(), ignored)) return document;
    const auto json = base::parse_json(text_of(home.stores(), stores_limit), {.max_size = stores_limit}, "stores.json");
    for (const auto& each : json.get_array("stores"))
        document.stores.push_back({.store = {.name = each.get_string("name"), .path = each.get_string("path"), .regions = texts_of(each, "regions")},
                                   .mark = each.get_string("mark")});
    for (const auto& each : json.get_array("erased")) document.erased.emplace_back(each.get_string("store"), each.get_string("tenant"));
    return document;
}

void save(const Home& home, const Document& document) {
    Json stores = Json::array(), erased = Json::array();
    for (const auto& [store, mark] : document.stores) {
        Json each;
        each.set("name", store.name).set("path", store.path.string()).set("regions", texts(store.regions)).set("mark", mark);
        stores.push(std::move(each));
    }
    for (const auto& [store, tenant] : document.erased) {
        Json each;
        each.set("store", store).set("tenant", tenant);
        erased.push(std::move(each));
    }
    Json json;
    json.set("stores", std::move(stores)).set("erased", std::move(erased));
    base::write_file_atomically(home.stores(), base::view_of(base::to_json(json)));
}

/// Changes the document, one process and thread after the other.
template <class Change> auto change(EngineImpl& engine, Change&& how) {
    constexpr Duration patience = std::chrono::seconds(30);
    const auto path = engine.home.root / "locks" / "stores";
    make_private_folder(path.parent_path());
    const auto begin = engine.clock->monotonic();
    for (;;) {
        if (const auto lock = base::FileLock::try_acquire(path)) {
            auto document = load(engine.home);
            how(document);
            return save(engine.home, document);
        }
        if (engine.clock->monotonic() - begin >= patience) throw Unavailable("another process changes the stores and does not come to an end");
        if (exec::sleep_for(engine.clock, engine.stopping.get_token(), std::chrono::milliseconds(10))) throw Closed("the engine is closed");
    }
}

/// An empty mount point is no store, and another disk is not this one.
void check_mark(const Kept& kept) {
    std::error_code ignored;
    const auto file = kept.store.path / mark_name;
    if (!std::filesystem::exists(file, ignored) || text_of(file, 4096) != kept.mark)
        throw Unavailable("the store is not there: is its disk?", {.subject = kept.store.name, .retryable = true});
}

bool lies_in(const std::filesystem::path& inner, const std::filesystem::path& outer) {
    return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

}  // namespace

std::vector<Kept> read(const Home& home) { return load(home).stores; }

bool may_hold(const BackupStore& store, const std::string& region) {
    return store.regions.empty() || std::ranges::find(store.regions, region) != store.regions.end();
}

BackupStore add(EngineImpl& engine, const BackupStoreOptions& options) {
    base::check_slug("name", options.name);
    if (options.name == "home") throw InvalidArgument("“home” is the home's own store", {.subject = "name"});
    for (const auto& region : options.regions) base::check_slug("regions", region);
    if (options.path.empty() || options.path.native().find('\0') != std::string::npos || !base::is_utf8(options.path.string()))
        throw InvalidArgument("a store is a folder", {.subject = "path"});
    std::error_code error;
    const auto path = std::filesystem::canonical(options.path, error);
    if (error || !std::filesystem::is_directory(path, error)) throw NotFound("there is no such folder", {.subject = options.path.string()});
    engine.check_outside(path, "path", nullptr);
    const auto home = std::filesystem::weakly_canonical(engine.home.root, error);
    if (lies_in(home, path)) throw InvalidArgument("the home lies in this folder", {.subject = "path"});
    BackupStore store{.name = options.name, .path = path, .regions = options.regions};
    change(engine, [&](Document& document) {
        for (const auto& [other, mark] : document.stores) {
            if (other.name == store.name) throw Conflict("there is a store of this name", {.subject = store.name});
            if (lies_in(path, other.path) || lies_in(other.path, path)) throw Conflict("this folder is another store's", {.subject = other.name});
        }
        const auto file = path / mark_name;
        std::string mark;
        if (std::filesystem::exists(file, error)) mark = text_of(file, 4096);
        if (mark.size() != 32 || !crypto::from_hex(mark)) {
            mark = crypto::to_hex(crypto::random_bytes(16));
            base::write_file_atomically(file, base::view_of(mark));
        }
        document.stores.push_back({.store = store, .mark = mark});
    });
    return store;
}

void remove(EngineImpl& engine, const std::string& name) {
    change(engine, [&](Document& document) {
        if (std::erase_if(document.stores, [&](const Kept& kept) { return kept.store.name == name; }) == 0)
            throw NotFound("there is no such store", {.subject = name});
        std::erase_if(document.erased, [&](const auto& left) { return left.first == name; });
    });
}

CopyPolicy policy(db::Reader& reader) {
    CopyPolicy policy;
    auto rows = reader.query(find_policy);
    if (!rows.next()) return policy;
    policy.level = static_cast<CommitLevel>(rows.i64(0));
    const auto json = base::parse_json(rows.text(1));
    policy.stores = texts_of(json, "stores");
    policy.limits = limits_from(json);
    return policy;
}

void set_policy(db::Tx& tx, const CopyPolicy& policy) {
    Json json;
    json.set("stores", texts(policy.stores));
    set_limits(json, policy.limits);
    tx.exec(put_policy, static_cast<std::int64_t>(policy.level), base::to_json(json));
}

Json state_json(const CopyState& state) {
    Json json;
    json.set("allowed", state.is_allowed).set("reached", state.is_reached).set("whole", state.is_whole);
    json.set("objects", state.objects).set("bytes", state.size.count).set("behind_objects", state.behind_objects);
    json.set("behind_bytes", state.behind.count).set("problem", state.problem);
    return json;
}

CopyState state_from(std::string store, const Json& json) {
    CopyState state;
    state.store = std::move(store);
    state.is_allowed = json.get_bool("allowed");
    state.is_reached = json.get_bool("reached");
    state.is_whole = json.get_bool("whole");
    state.objects = json.get_int("objects");
    state.size = {json.get_int("bytes")};
    state.behind_objects = json.get_int("behind_objects");
    state.behind = {json.get_int("behind_bytes")};
    state.problem = json.get_string("problem");
    return state;
}

std::vector<CopyState> states(db::Reader& reader) {
    std::vector<CopyState> all;
    for (auto rows = reader.query(list_states); rows.next();) {
        auto state = state_from(rows.text(0), base::parse_json(rows.text(1)));
        if (!rows.is_null(2)) state.seen_at = rows.time(2);
        if (!rows.is_null(3)) state.whole_at = rows.time(3);
        all.push_back(std::move(state));
    }
    return all;
}

std::set<std::string> told(db::Reader& reader) {
    std::set<std::string> names;
    for (auto rows = reader.query(list_states); rows.next();)
        if (base::parse_json(rows.text(1)).get_bool("told")) names.insert(rows.text(0));
    return names;
}

void keep_state(db::Tx& tx, const CopyState& state, bool told) {
    auto json = state_json(state);
    json.set("told", told);
    tx.exec(put_state, state.store, base::to_json(json), state.seen_at, state.whole_at);
}

void erase(db::Tx& tx) {
    tx.exec(erase_policy);
    tx.exec(erase_states);
}

std::vector<db::Migration> migrations() {
    return {{"engine", 10,
             db::tenant_table("copy_policy", "level INTEGER NOT NULL, stores TEXT NOT NULL", "PRIMARY KEY (tenant_id)") +
                 db::tenant_table("copy_state", "store TEXT NOT NULL, state TEXT NOT NULL, seen_at INTEGER, whole_at INTEGER",
                                  "PRIMARY KEY (tenant_id, store)")}};
}

std::vector<blob::OtherStore> others_of(EngineImpl& engine, const db::TenantScope& scope) {
    const auto kept = read(engine.home);
    if (kept.empty()) return {};
    const auto wanted = engine.database->read(scope, [](db::Reader& reader) { return policy(reader); }).stores;
    const auto region = engine.registry->standing(scope.tenant())->tenant.region;
    std::vector<blob::OtherStore> others;
    for (const auto& each : kept) {
        const auto folder = each.store.path / scope.tenant().text();
        const bool is_allowed = may_hold(each.store, region);
        std::error_code ignored;
        // One that must not hold it is looked at only to empty it.
        if (!is_allowed && !std::filesystem::exists(folder, ignored)) continue;
        if (is_allowed && !wanted.empty() && std::ranges::find(wanted, each.store.name) == wanted.end()) continue;
        const auto open = [each, folder, clock = engine.clock]() -> std::shared_ptr<blob::Store> {
            check_mark(each);
            return std::make_shared<blob::FileStore>(folder, clock);
        };
        others.push_back({.name = each.store.name, .open = open, .allowed = is_allowed});
    }
    return others;
}

std::vector<CopyState> left_out(EngineImpl& engine, const db::TenantScope& scope) {
    const auto wanted = engine.database->read(scope, [](db::Reader& reader) { return policy(reader); }).stores;
    if (wanted.empty()) return {};
    const auto region = engine.registry->standing(scope.tenant())->tenant.region;
    std::vector<CopyState> states;
    for (const auto& each : read(engine.home)) {
        const auto folder = each.store.path / scope.tenant().text();
        std::error_code ignored;
        if (!may_hold(each.store, region) || std::ranges::find(wanted, each.store.name) != wanted.end()) continue;
        if (!std::filesystem::exists(folder, ignored)) continue;
        CopyState state{.store = each.store.name, .is_allowed = true};
        try {
            check_mark(each);
            blob::FileStore store(folder, engine.clock);
            for (const auto& object : blob::list_all(store, "")) {
                ++state.objects;
                state.size.count += static_cast<std::int64_t>(object.size);
            }
            if (state.objects == 0) continue;
            state.is_reached = true;
            state.problem = "the policy leaves this store out: what lies there stays as it was, and nothing is copied to it or removed from it";
        } catch (const Error& error) {
            state.problem = error.what();
        }
        states.push_back(std::move(state));
    }
    return states;
}

std::string stamp_of(EngineImpl& engine, const db::TenantScope& scope) {
    std::error_code ignored;
    if (!std::filesystem::exists(engine.home.stores(), ignored)) return {};
    std::string stamp;
    for (const auto& other : others_of(engine, scope)) stamp += other.name + (other.allowed ? " " : "! ");
    return stamp + text_of(engine.home.stores(), stores_limit);
}

int needed(CommitLevel level, int others) {
    if (level == CommitLevel::all) return others;
    return level == CommitLevel::quorum ? (1 + others) / 2 : 0;  // of all stores more than half, of which the home's own is one
}

namespace {

/// False: the store is away.
bool try_remove(const Kept& kept, const std::string& tenant) {
    try {
        check_mark(kept);
    } catch (const Error&) {
        return false;
    }
    std::error_code error;
    std::filesystem::remove_all(kept.store.path / tenant, error);
    return !error;
}

}  // namespace

void remove_files(EngineImpl& engine, const TenantId& tenant) {
    std::vector<std::string> away;
    for (const auto& kept : read(engine.home))
        if (!try_remove(kept, tenant.text())) away.push_back(kept.store.name);
    if (away.empty()) return;
    // Its keys are gone: nobody reads what lies there until then.
    change(engine, [&](Document& document) {
        for (const auto& name : away)
            if (std::ranges::find(document.erased, std::pair(name, tenant.text())) == document.erased.end())
                document.erased.emplace_back(name, tenant.text());
    });
}

void forget_erased(EngineImpl& engine) noexcept {
    try {
        const auto document = load(engine.home);
        std::set<std::pair<std::string, std::string>> done;
        for (const auto& left : document.erased)
            for (const auto& kept : document.stores)
                if (kept.store.name == left.first && try_remove(kept, left.second)) done.insert(left);
        if (done.empty()) return;
        change(engine, [&](Document& now) { std::erase_if(now.erased, [&](const auto& left) { return done.contains(left); }); });
    } catch (const std::exception& error) {
        engine.log->failure("backup", "what stores hold of erased tenants is removed with the next sweep", error);
    }
}

}  // namespace tenon::engine::stores
