// Question: how many usage events a second are counted exactly once, durably, with every sum and quota that they feed? And what it takes
// to add them all up again. Each line names the goal and the method. Figures hold for the machine and its load at the time; the folder
// decides how long a sync takes.
//
//     bench_usage [FOLDER] [SECONDS] [PART…]     parts: record, verify; without any: both
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <tenon/engine.hpp>
#include <tenon/usage.hpp>

#include "timed.hpp"

namespace {

using namespace tenon;
namespace fs = std::filesystem;

using bench::line;
using bench::seconds;

constexpr std::size_t at_once = 1000;

constexpr auto apart = std::chrono::milliseconds(37);

/// Events as a gateway tells them: a handful of sites and teams, and each batch is what happened since the one before (37 s). Or all
/// batches are of the same 37 seconds, as if a thousand devices had been away and came back one after the other.
std::vector<UsageEvent> batch(const std::string& source, std::size_t n, bool tagged, bool delayed = false) {
    static const Time begun = std::chrono::floor<Duration>(std::chrono::system_clock::now()) - std::chrono::hours(40);  // told again it is the same
    const auto end = begun + apart * at_once * (delayed ? 1 : n + 1);
    std::vector<UsageEvent> events(at_once);
    char id[32];
    for (std::size_t i = 0; i < at_once; ++i) {
        auto& event = events[i];
        event.source = source;
        std::snprintf(id, sizeof id, "%012zu", n * at_once + i);
        event.id = id;
        event.meter = i % 4 ? "api_calls" : "model_tokens";
        event.quantity = static_cast<std::int64_t>(i % 100);
        event.occurred_at = end - apart * (at_once - i);
        if (!tagged) continue;
        event.site = i % 3 ? "north" : "south";
        event.tags = {{"team", i % 5 ? "red" : "blue"}};
    }
    return events;
}

struct Place {
    explicit Place(const fs::path& folder, int tenants = 1) : engine({.home = folder / "home"}) {
        auto operators = engine.open_operator({.actor = "bench", .reason = "measuring"});
        for (int i = 0; i < tenants; ++i) {
            const auto slug = "t" + std::to_string(i);
            const auto tenant = operators.tenants().create({.name = slug, .slug = slug, .plan = "business/white_label"});
            sessions.push_back(engine.open_session({.tenant = tenant.id, .actor = "bench", .role = Role::owner}));
        }
    }
    Engine engine;
    std::vector<Session> sessions{};
};

void record(const fs::path& folder, double time) {
    const auto measure = [&](const char* what, unsigned callers, bool tagged, int retried, bool delayed, const char* how) {
        static int places = 0;
        Place place(folder / std::to_string(++places), static_cast<int>(callers));
        const bench::Spent spent{"store"};
        const auto rate = bench::rate(callers, time, [&](unsigned caller, std::size_t n) {
            auto usage = place.sessions[caller].usage();
            // Of a hundred batches so many are told again.
            const auto k = static_cast<int>(n % 100) < retried && n > 0 ? n - 1 : n;
            usage.record(batch("gateway", k, tagged, delayed));
        });
        const auto events = rate.per_second * static_cast<double>(at_once);
        line(what, ">= 100000/s", events, "/s", how);
        line("  p99 of a call", "-", rate.p99, "ms", "1,000 events, answered after sync");
        line("  the thread that writes, for each event", "-", spent.by_thread(events * time), "us", "processor time");
        place.engine.close();
    };
    measure("events, one caller", 1, false, 0, false, "two meters that feed quotas, 1,000 a call, each call 37 s later than the one before");
    measure("events, two callers, two tenants", 2, false, 0, false, "the same");
    measure("events with site and tag, two callers", 2, true, 0, false, "six combinations");
    measure("events, 30 % told again, two callers", 2, false, 30, false, "duplicates count in the figure");
    measure("events that come late, two callers", 2, false, 0, true, "every call has 1,000 events of the same 37 s: no two beside each other");
}

void verify(const fs::path& folder) {
    Place place(folder / "verify");
    auto usage = place.sessions[0].usage();
    constexpr std::size_t batches = 1000;
    const double begun = seconds();
    for (std::size_t n = 0; n < batches; ++n) usage.record(batch("gateway", n, true));
    line("a million events, one caller", ">= 100000/s", batches * at_once / (seconds() - begun), "/s", "site and tag");
    const double then = seconds();
    const auto check = usage.verify();
    line("a million events added up again", "-", seconds() - then, "s", check.different == 0 ? "every sum compared" : "SUMS DIFFER");
    const double before = seconds();
    const auto shares = usage.breakdown({.by = UsageKey::tag, .tag = "team"});
    line("breakdown by tag of a million", "-", (seconds() - before) * 1e3, "ms", std::to_string(shares.size()).c_str());
    const double start = seconds();
    const auto done = usage.export_file({.path = folder / "events.csv"});
    line("export of a million as CSV", "-", static_cast<double>(done.records) / (seconds() - start), "/s", "pages of 1,000");
    place.engine.close();
}

}  // namespace

int main(int count, char** words) {
    const fs::path folder = fs::path(count > 1 ? words[1] : ".") / "usage_bench";
    const double time = count > 2 ? std::atof(words[2]) : 10;
    const std::vector<std::string> parts(words + std::min(count, 3), words + count);
    const auto wanted = [&](const char* part) { return parts.empty() || std::ranges::find(parts, part) != parts.end(); };
    fs::remove_all(folder);
    fs::create_directories(folder);
    if (wanted("record")) record(folder, time);
    if (wanted("verify")) verify(folder);
    fs::remove_all(folder);
}
