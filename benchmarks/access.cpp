// Question: what does it cost to know what somebody may do, and to know a token again? Input: one tenant, a user who is logged in, and
// as many tokens as are remembered at once. First the check of a permission alone, then whole calls.
//
//     bench_access [SECONDS]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <access.hpp>
#include <hot.hpp>
#include <temp_folder.hpp>
#include <tenon/tenon.hpp>

namespace {

using namespace tenon;
using Watch = std::chrono::steady_clock;

/// Nanoseconds of one call, the median of many short runs.
double nanoseconds(double seconds, int batch, const std::function<void(int)>& calls) {
    std::vector<double> runs;
    const auto until = Watch::now() + std::chrono::duration<double>(seconds);
    calls(batch);
    while (Watch::now() < until) {
        const auto begun = Watch::now();
        calls(batch);
        runs.push_back(static_cast<double>(std::chrono::nanoseconds(Watch::now() - begun).count()) / batch);
    }
    std::sort(runs.begin(), runs.end());
    return runs[runs.size() / 2];
}

void line(const char* what, const char* goal, double ns, const char* how = "the median of runs, one thread") {
    std::printf("%-56s %-10s %10.1f ns     %s\n", what, goal, ns, how);
}

}  // namespace

int main(int argc, char** argv) {
    const double seconds = argc > 1 ? std::atof(argv[1]) : 2;
    const tests::TempFolder folder;
    std::size_t sum = 0;

    engine::KnownRights rights;
    rights.keep(7, tenant::permissions_of(Role::editor), std::nullopt);
    const auto clock = base::system_clock();
    const auto now = [&] { return clock->now(); };
    std::mt19937 random(1);
    std::vector<tenant::Permission> wanted(256);
    for (auto& each : wanted) each = static_cast<tenant::Permission>(random() % static_cast<unsigned>(tenant::Permission::count_));
    line("permission check, remembered", "<= 5", nanoseconds(seconds, 4096, [&](int n) {
        for (int i = 0; i < n; ++i) sum += rights.allows(7, wanted[static_cast<std::size_t>(i) % 256], now).value_or(false);
    }));
    rights.keep(7, tenant::permissions_of(Role::editor), clock->now() + std::chrono::hours(1));
    line("the same of a session that expires (reads the clock)", "", nanoseconds(seconds, 4096, [&](int n) {
        for (int i = 0; i < n; ++i) sum += rights.allows(7, wanted[static_cast<std::size_t>(i) % 256], now).value_or(false);
    }));

    Engine engine({.home = folder.path() / "home", .log_level = LogLevel::off});
    const auto acme = engine.open_operator({.actor = "bench", .reason = "bench"})
                          .tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/basic"});
    auto owner = engine.open_session({.tenant = acme.id, .actor = "bench", .role = Role::owner});
    const auto anna = owner.users().create({.email = "anna@example.org", .name = "Anna", .role = Role::editor});
    owner.users().set_password({.user = anna.id, .password = "correct horse battery"});
    const auto tokens = engine.login({.tenant = acme.id, .email = "anna@example.org", .password = "correct horse battery"});

    engine::KnownTokens known;
    std::vector<std::string> texts;
    for (int i = 0; i < 50'000; ++i) {
        texts.push_back(tokens.access_token);
        for (std::size_t at = texts.back().size() - 80; at < texts.back().size(); ++at) texts.back()[at] = "ABCDEFGHabcdefgh01234567"[random() % 24];
        known.keep(known.hash(texts.back()), std::make_shared<engine::KnownToken>(engine::KnownToken{.until = Time::max()}));
    }
    const auto at = clock->now();
    const double again = nanoseconds(seconds, 64, [&](int n) {
        for (int i = 0; i < n; ++i) sum += known.find(known.hash(texts[random() % texts.size()]), at) != nullptr;
    });
    line("a token known again, of 50,000 at random", "<= 1,000", again, "its hash and what it stands for; neither text nor entry is in the cache");
    line("Engine::authenticate, token known", "", nanoseconds(seconds, 64, [&](int n) {
        for (int i = 0; i < n; ++i) sum += engine.authenticate({.token = tokens.access_token}).tenant().is_nil();
    }));
    const auto key = owner.api_keys().create({.name = "k", .role = Role::editor}).secret;
    line("Engine::authenticate, API key", "", nanoseconds(seconds, 16, [&](int n) {
        for (int i = 0; i < n; ++i) sum += engine.authenticate({.api_key = key}).tenant().is_nil();
    }));
    if (sum == 0) std::puts("nothing was known");
    return 0;
}
