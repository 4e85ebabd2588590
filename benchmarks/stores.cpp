// Question: what does a host get with a PostgreSQL database in the place of the home's own file, on the same machine and disk? Every
// operation is answered after its sync. Beside the server of tests/support/postgres.py --durable, which `./dev bench stores` starts; without
// one: the file alone. Figures hold for the machine and its load at the time; the two folders decide how long a sync takes.
//
//     bench_stores [FOLDER] [SECONDS]
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <postgres_home.hpp>
#include <tenon/engine.hpp>
#include <tenon/quota.hpp>
#include <tenon/usage.hpp>

#include "timed.hpp"

namespace {

using namespace tenon;
namespace fs = std::filesystem;

constexpr unsigned callers = 256;
constexpr std::size_t tenants = 16, at_once = 1000;

struct Figure {
    std::string what;
    std::string how;
    double per_second = 0, p99 = 0;
};

std::vector<UsageEvent> batch(unsigned caller, std::size_t n) {
    static const Time begun = std::chrono::floor<Duration>(std::chrono::system_clock::now());
    std::vector<UsageEvent> events(at_once);
    for (std::size_t i = 0; i < at_once; ++i) {
        auto& event = events[i];
        event.source = "gateway " + std::to_string(caller);
        event.id = std::to_string(n * at_once + i);
        event.meter = i % 4 ? "api_calls" : "model_tokens";
        event.quantity = static_cast<std::int64_t>(i % 100);
        event.occurred_at = begun - std::chrono::milliseconds(i * 37);
    }
    return events;
}

std::vector<Figure> measure(const EngineOptions& options, double time) {
    Engine engine(options);
    auto operators = engine.open_operator({.actor = "bench", .reason = "measuring"});
    std::vector<Session> open;
    std::vector<ProjectId> projects;
    for (std::size_t i = 0; i < tenants; ++i) {
        const auto name = "t" + std::to_string(i);
        const auto tenant = operators.tenants().create({.name = name, .slug = name, .plan = "business/white_label"});
        open.push_back(engine.open_session({.tenant = tenant.id, .actor = "bench", .role = Role::owner}));
        projects.push_back(open.back().projects().create({.name = "reel"}).id);
    }
    std::vector<Figure> figures;
    const auto add = [&](const char* what, const char* how, const bench::Rate& rate, double each = 1) {
        figures.push_back({what, how, rate.per_second * each, rate.p99});
    };
    std::vector<std::vector<Hold>> held(callers);
    for (const unsigned some : {1u, callers}) {
        const bool one = some == 1;
        add(one ? "durable holds, one caller" : "durable holds", "quotas().reserve of 16 tenants, each with its audit record",
            bench::rate(some, time, [&](unsigned caller, std::size_t) {
                held[caller].push_back(open[caller % tenants].quotas().reserve({.asks = {{Resource::storage, 1}}}));
            }));
        add(one ? "audited operations, one caller" : "audited operations", "projects().rename of 16 tenants",
            bench::rate(some, time, [&](unsigned caller, std::size_t n) {
                open[caller % tenants].projects().rename(projects[caller % tenants], "reel " + std::to_string(n));
            }));
    }
    add("usage events", "usage().record of 1,000 by two callers",
        bench::rate(2, time, [&](unsigned caller, std::size_t n) { open[caller].usage().record(batch(caller, n)); }), static_cast<double>(at_once));
    held.clear();
    return figures;
}

}  // namespace

int main(int argc, char** argv) {
    const auto folder = fs::path(argc > 1 ? argv[1] : ".") / "bench-stores";
    const double time = argc > 2 ? std::stod(argv[2]) : 5;
    fs::remove_all(folder);
    fs::create_directories(folder);
    const auto file = measure({.home = folder / "file", .log_level = LogLevel::off}, time);
    std::vector<Figure> server;
    if (tests::postgres_server()) {
        const tests::PostgresHome database;
        server = measure({.home = folder / "server", .postgres = database.address(), .log_level = LogLevel::off}, time);
    }
    std::printf("%-32s %12s %10s %14s %10s  %s\n", "256 callers, answered after sync", "file", "p99", "PostgreSQL", "p99", "method");
    for (std::size_t i = 0; i < file.size(); ++i) {
        std::printf("%-32s %10.0f/s %7.1f ms", file[i].what.c_str(), file[i].per_second, file[i].p99);
        if (i < server.size()) std::printf(" %12.0f/s %7.1f ms", server[i].per_second, server[i].p99);
        std::printf("  %s\n", file[i].how.c_str());
    }
    fs::remove_all(folder);
}
