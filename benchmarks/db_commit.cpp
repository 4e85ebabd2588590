// Question: how many small durable writes a second does the metadata store take from 1, 64 and 256 callers at once, how
// long does a caller wait, and what does a tenant's read cost? Input: one row of about 100 bytes per write, of 16
// tenants in turn. Everything is answered after its sync; the file lies in the folder given, or the current one.
//
//     bench_db_commit [FOLDER] [SECONDS]
//     tests/support/postgres.py --durable bench_db_commit     the same on PostgreSQL, through its socket
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <base/id.hpp>
#include <db/database.hpp>
#include <postgres_home.hpp>
#include <scope_maker.hpp>

#include "timed.hpp"

namespace {

using namespace tenon;

constexpr db::TenantStmt insert{"INSERT INTO note_ (tenant_id, id, text) VALUES (:tenant, :id, :text)"};
constexpr db::TenantStmt find{"SELECT text FROM note WHERE tenant_id = :tenant AND id = :id"};

using bench::seconds;

struct Bench {
    std::unique_ptr<db::Database> store;
    std::vector<db::TenantScope> tenants;
    std::vector<ProjectId> known;
    const std::string text = std::string(100, 'x');

    void writes(unsigned callers, double time) {
        const auto before = store->stats();
        const auto rate = bench::rate(callers, time, [&](unsigned caller, std::size_t) {
            const auto id = base::new_id<ProjectId>(base::system_clock()->now());
            store->write(tenants[caller % tenants.size()], [&](db::Tx& tx) { tx.exec(insert, id, text); });
        });
        const auto after = store->stats();
        std::printf("durable writes, %3u callers  %9.0f /s   p50 %6.2f ms   p99 %6.2f ms   %5.1f writes a commit\n", callers,
                    rate.per_second, rate.p50, rate.p99,
                    static_cast<double>(after.requests - before.requests) / static_cast<double>(after.commits - before.commits));
    }

    void reads(double time) {
        const auto& tenant = tenants.front();
        store->write(tenant, [&](db::Tx& tx) {
            known.clear();
            for (int i = 0; i < 1000; ++i) {
                known.push_back(base::new_id<ProjectId>(base::system_clock()->now()));
                tx.exec(insert, known.back(), text);
            }
        });
        std::size_t done = 0;
        const double begun = seconds();
        while (seconds() - begun < time)
            for (int i = 0; i < 1000; ++i, ++done)
                store->read(tenant, [&](db::Reader& reader) {
                    auto rows = reader.query(find, known[(done * 7919) % known.size()]);
                    return rows.next();
                });
        std::printf("tenant read, one row         %9.2f us\n", (seconds() - begun) * 1e6 / static_cast<double>(done));
    }
};

}  // namespace

int main(int argc, char** argv) {
    const auto folder = std::filesystem::path(argc > 1 ? argv[1] : ".") / "bench-db-commit";
    const double time = argc > 2 ? std::stod(argv[2]) : 3;
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    Bench bench;
    std::optional<tests::PostgresHome> server;
    db::Options options{.file = folder / "metadata.db"};
    if (tests::postgres_server()) options = {.postgres = server.emplace().address()};
    bench.store = db::Database::open(
        options,
        {{"bench", 1, db::tenant_table("note", "id BLOB NOT NULL, text TEXT NOT NULL", "PRIMARY KEY (tenant_id, id)")}});
    for (int i = 0; i < 16; ++i)
        bench.tenants.push_back(db::testing::ScopeMaker::tenant(base::new_id<TenantId>(base::system_clock()->now())));
    for (const unsigned callers : {1u, 64u, 256u}) bench.writes(callers, time);
    bench.reads(time);
    bench.store.reset();
    std::filesystem::remove_all(folder);
}
