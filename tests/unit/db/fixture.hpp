#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <base/id.hpp>
#include <db/database.hpp>
#include <scope_maker.hpp>
#include <store_example.hpp>
#include <temp_folder.hpp>

namespace tenon::db::testing {

class Store : public ::testing::Test {
protected:
    void SetUp() override {
        reopen();
    }
    void TearDown() override { database.reset(); }

    Options options() const { return {.file = folder / "metadata.db"}; }
    void reopen() {
        database.reset();
        database = Database::open(options(), example_tables());
    }
    template <class T> T fresh() { return base::new_id<T>(base::system_clock()->now()); }
    ProjectId add_project(const TenantScope& scope, const std::string& name) {
        const auto id = fresh<ProjectId>();
        database->write(scope, [&](Tx& tx) { tx.exec(insert_project, id, name); });
        return id;
    }
    std::int64_t count(const TenantScope& scope) {
        return database->read(scope, [](Reader& r) {
            auto rows = r.query(count_projects);
            rows.next();
            return rows.i64(0);
        });
    }

    tests::TempFolder folder;
    std::unique_ptr<Database> database;
    TenantScope a = ScopeMaker::tenant(fresh<TenantId>());
    TenantScope b = ScopeMaker::tenant(fresh<TenantId>());
    SystemScope system = ScopeMaker::system();
};

}  // namespace tenon::db::testing
