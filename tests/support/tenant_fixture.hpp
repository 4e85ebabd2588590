#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <base/id.hpp>
#include <db/database.hpp>
#include <scope_maker.hpp>
#include <temp_folder.hpp>
#include <test_store.hpp>
#include <tenant/audit.hpp>
#include <tenant/registry.hpp>
#include <tenant/schema.hpp>

namespace tenon::tenant::testing {

/// A store with the tables of this room, a clock moved by hand, and two tenants.
class Home {
public:
    explicit Home(std::vector<db::Migration> more = {}) {
        tables = migrations();
        tables.insert(tables.end(), more.begin(), more.end());
        open();
        a = create("acme", plan);
        b = create("bolt", plan);
    }

    /// As another start of the same home does.
    void open() {
        registry.reset();
        database.reset();
        database = db::Database::open(tests::store_in(folder.path()), tables);
        registry = make_registry(*database);
    }
    std::unique_ptr<Registry> make_registry(db::Database& store) {
        return std::make_unique<Registry>(store, system, make_scope, Catalogues::load(), clock);
    }
    TenantId create(const std::string& slug, const std::string& with_plan) {
        return registry->create(setup, {.name = slug, .slug = slug, .plan = with_plan}).id;
    }

    static db::TenantScope make_scope(const TenantId& id, const std::string& region, std::uint32_t slot, std::uint64_t epoch) {
        return db::testing::ScopeMaker::tenant(id, region, slot, epoch);
    }
    db::TenantScope scope(const TenantId& id) const { return registry->scope_of(*registry->standing(id)); }
    Time now() const { return clock->now(); }

    template <class Fn> auto write(const TenantId& id, Fn&& fn) { return database->write(scope(id), std::forward<Fn>(fn)); }
    template <class Fn> auto read(const TenantId& id, Fn&& fn) { return database->read(scope(id), std::forward<Fn>(fn)); }
    template <class T> T fresh() { return base::new_id<T>(now()); }

    static constexpr const char* plan = "studio/basic";
    tests::TempFolder folder;
    std::shared_ptr<base::ManualClock> clock =
        std::make_shared<base::ManualClock>(std::chrono::sys_days(std::chrono::year(2026) / 3 / 10) + std::chrono::hours(12));
    db::SystemScope system = db::testing::ScopeMaker::system();
    Actor setup{.kind = ActorKind::operator_session, .id = "setup", .reason = "tests"};
    Actor alice{.kind = ActorKind::host, .id = "alice"};
    std::vector<db::Migration> tables;
    std::unique_ptr<db::Database> database;
    std::unique_ptr<Registry> registry;
    TenantId a, b;
};

}  // namespace tenon::tenant::testing
