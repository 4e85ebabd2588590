// Question: what do the small durable things cost that everything else is made of: changes, audit records, calls? Each
// line names the goal and the method. Figures hold
// for the machine and its load at the time; the folder decides how long a sync takes.
//
//     bench_metadata [FOLDER] [SECONDS] [PART…]     parts: store, sessions; without any: both
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <base/id.hpp>
#include <db/database.hpp>
#include <scope_maker.hpp>
#include <tenant/audit.hpp>
#include <tenant/audit_seal.hpp>
#include <tenant/projects.hpp>
#include <tenant/registry.hpp>
#include <tenant/schema.hpp>
#include <tenon/engine.hpp>
#include <tenon/quota.hpp>

#include "core.hpp"
#include "timed.hpp"

namespace {

using namespace tenon;
namespace fs = std::filesystem;

using bench::line;
using bench::seconds;

constexpr unsigned callers = 256;
constexpr std::size_t tenants = 16;

/// What happened in the store while something was measured: how many writes share a commit, and what one of them costs.
struct Shared {
    explicit Shared(const db::Database& database) : store(database) {}
    void tell() const {
        const auto after = store.stats();
        const auto writes = static_cast<double>(after.requests - before.requests);
        line("  of these a commit", "-", writes / static_cast<double>(after.commits - before.commits), "", "");
        line("  the thread that writes, for each", "-", spent.by_thread(writes), "us", "processor time");
        line("  all threads, for each", "-", spent.by_all(writes), "us", "processor time, callers included");
    }
    const db::Database& store;
    const db::Stats before = store.stats();
    const bench::Spent spent{"store"};
};

/// The rooms below the engine: what the store and the audit trail take.
void store(const fs::path& folder, double time) {
    constexpr db::TenantStmt insert{"INSERT INTO note_ (tenant_id, id, text) VALUES (:tenant, :id, :text)"};
    auto tables = tenant::migrations();
    tables.push_back({"bench", 1, db::tenant_table("note", "id BLOB NOT NULL, text TEXT NOT NULL", "PRIMARY KEY (tenant_id, id)")});
    const auto database = db::Database::open({.file = folder / "metadata.db", .clock = {}}, tables);
    const auto now = [] { return base::system_clock()->now(); };
    std::vector<db::TenantScope> scopes;
    for (std::size_t i = 0; i < tenants; ++i) scopes.push_back(db::testing::ScopeMaker::tenant(base::new_id<TenantId>(now())));
    const std::string text(100, 'x');
    const Shared small(*database);
    const auto writes = bench::rate(callers, time, [&](unsigned caller, std::size_t) {
        const auto id = base::new_id<ProjectId>(now());
        database->write(scopes[caller % tenants], [&](db::Tx& tx) { tx.exec(insert, id, text); });
    });
    line("durable small changes", ">= 50000/s", writes.per_second, "/s", "256 callers, 16 tenants, a row of 100 bytes, answered after sync");
    line("  p99", "<= 10 ms", writes.p99, "ms", "");
    small.tell();

    // A million records in one log, for proofs and verifying.
    const tenant::Actor actor{.id = "bench"};
    constexpr int many = 1'000'000, at_once = 5000;
    const double begun = seconds();
    for (int done = 0; done < many; done += at_once)
        database->write(scopes[0], [&](db::Tx& tx) {
            for (int i = 0; i < at_once; ++i) tenant::audit::append(tx, actor, {.time = now(), .action = "thing.do", .target = "t"});
        });
    line("audit records, batched", "-", many / (seconds() - begun), "/s", "one thread, 5000 a transaction");
    const auto system = db::testing::ScopeMaker::system();
    tenant::audit::seal(*database, system, crypto::SigningKey::generate(), now());
    const double before = seconds();
    constexpr int proofs = 2000;
    for (int i = 0; i < proofs; ++i) (void)tenant::audit::prove(*database, system, scopes[0], (std::int64_t{i} * 7919) % many);
    line("proof of a record among 1 M", "O(log n)", (seconds() - before) / proofs * 1e6, "us", "both trees, the record, the note; random places");
    const double then = seconds();
    for (int i = 0; i < proofs; ++i) (void)tenant::audit::consistency(*database, scopes[0], (std::int64_t{i} * 7919) % many, many);
    line("consistency of a log of 1 M", "O(log n)", (seconds() - then) / proofs * 1e6, "us", "random older sizes");
    const double last = seconds();
    const bench::Spent verifying("store");
    (void)tenant::audit::verify(*database, scopes[0]);
    line("verifying 1 M records", "<= 2 s", seconds() - last, "s", "every hash, link, commitment and stored node");
    line("  all threads, for each", "-", verifying.by_all(many), "us", "processor time");
}

/// What a host calls.
void sessions(const fs::path& folder, double time) {
    Engine engine({.home = folder, .log_level = LogLevel::off});
    auto operators = engine.open_operator({.actor = "bench", .reason = "measuring"});
    std::vector<Session> open;
    std::vector<ProjectId> projects;
    for (std::size_t i = 0; i < tenants; ++i) {
        const auto name = "t" + std::to_string(i);
        const auto tenant = operators.tenants().create({.name = name, .slug = name, .plan = "studio/professional"});
        open.push_back(engine.open_session({.tenant = tenant.id, .actor = "bench", .role = Role::owner}));
        projects.push_back(open.back().projects().create({.name = "reel"}).id);
    }
    const auto& store = *Internal::impl(engine)->database;
    const Shared renames(store);
    const auto audited = bench::rate(callers, time, [&](unsigned caller, std::size_t n) {
        open[caller % tenants].projects().rename(projects[caller % tenants], "reel " + std::to_string(n));
    });
    line("audited operations", ">= 50000/s", audited.per_second, "/s", "projects().rename by 256 callers of 16 tenants, answered after sync");
    line("  p99", "<= 10 ms", audited.p99, "ms", "");
    renames.tell();
    for (auto& session : open) session.audit().verify();

    std::vector<std::vector<Hold>> held(callers);
    const auto reserve = [&](unsigned caller, std::size_t) {
        held[caller].push_back(open[caller % tenants].quotas().reserve({.asks = {{Resource::storage, 1}}}));
    };
    const auto few = bench::rate(64, time, reserve);
    line("durable holds, 64 callers", ">= 20000/s", few.per_second, "/s", "quotas().reserve, each with its audit record, answered after sync");
    line("  p99", "<= 10 ms", few.p99, "ms", "");
    const Shared holds(store);
    const auto reserved = bench::rate(callers, time, reserve);
    line("durable holds, 256 callers", ">= 20000/s", reserved.per_second, "/s", "the same: as many at once as the store can do with");
    line("  p99", "<= 10 ms", reserved.p99, "ms", "");
    holds.tell();
    const double then = seconds();
    std::vector<std::thread> threads;
    std::size_t ended = 0;
    for (auto& some : held) {
        ended += some.size();
        threads.emplace_back([&some] {
            for (auto& hold : some) hold.release();
        });
    }
    for (auto& thread : threads) thread.join();
    line("  given back", "-", static_cast<double>(ended) / (seconds() - then), "/s", "Hold::release, each with its audit record");

    const auto& inside = Internal::impl(engine);
    const SessionImpl session(inside, inside->scope_of(open[0].tenant()), {.id = "bench"}, Role::owner);
    constexpr int calls = 5'000'000;
    const double begun = seconds();
    for (int i = 0; i < calls; ++i) (void)session.enter(engine::Permission::project_read);
    line("a session's call is let in", "<= 150 ns", (seconds() - begun) / calls * 1e9, "ns", "gate, state and plan of the tenant, role; one thread");
}

}  // namespace

int main(int argc, char** argv) {
    const auto folder = fs::path(argc > 1 ? argv[1] : ".") / "bench-metadata";
    const double time = argc > 2 ? std::stod(argv[2]) : 3;
    const std::vector<std::string> chosen(argv + std::min(argc, 3), argv + argc);
    const auto part = [&](const char* name) { return chosen.empty() || std::ranges::find(chosen, name) != chosen.end(); };
    fs::remove_all(folder);
    fs::create_directories(folder / "store");
    std::printf("%-44s %-12s %12s %-6s %s\n", "what", "goal", "figure", "", "method");
    if (part("store")) store(folder / "store", time);
    if (part("sessions")) sessions(folder / "engine", time);
    fs::remove_all(folder);
}
