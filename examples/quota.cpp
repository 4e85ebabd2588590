// Limits that cannot be oversold: reserve what a piece of work may need, do it, commit what it really took.

#include <cstdio>

#include <tenon/tenon.hpp>

using namespace std::chrono_literals;
using tenon::Resource;

namespace {

void show(const tenon::Quota& quota) {
    std::printf("%s: %lld used, %lld reserved", to_string(quota.resource), static_cast<long long>(quota.used),
                static_cast<long long>(quota.reserved));
    if (quota.limit) std::printf(", limit %lld", static_cast<long long>(*quota.limit));
    std::printf("\n");
}

}  // namespace

int main() {
    tenon::Engine engine({.home = "studio"});
    auto setup = engine.open_operator({.actor = "setup", .reason = "onboarding"});
    auto small = setup.tenants().create({.name = "Small", .slug = "small", .plan = "studio/basic"});
    auto session = engine.open_session({.tenant = small.id, .actor = "renderer", .role = tenon::Role::owner});
    auto quotas = session.quotas();

    // Render time is counted in milliseconds of output. A hold is durable before reserve() returns; if this process dies,
    // it returns by itself after its ttl.
    constexpr std::int64_t minute = 60'000;
    auto hold = quotas.reserve({.asks = {{Resource::render_time, 30 * minute}}, .ttl = 5min, .idempotency = "upload-17"});
    show(quotas.get(Resource::render_time));

    hold.extend({Resource::render_time, 10 * minute});    // it takes longer than was thought
    hold.commit({{Resource::render_time, 34 * minute}});  // what it really took; the rest is returned
    show(quotas.get(Resource::render_time));

    // All or nothing: the second ask cannot be granted, so the first is not either.
    const auto both = quotas.try_reserve({.asks = {{Resource::render_time, minute}, {Resource::storage, 1LL << 50}}});
    std::printf("a pebibyte: %s\n", both ? "granted" : "refused");

    try {
        for (int n = 1;; ++n) session.projects().create({.name = "Project " + std::to_string(n)});
    } catch (const tenon::QuotaExceeded& refusal) {
        std::printf("%s (%s: %lld of %lld used)\n", refusal.what(), refusal.resource().c_str(),
                    static_cast<long long>(refusal.used().value_or(0)), static_cast<long long>(refusal.limit().value_or(0)));
    }
    show(quotas.get(Resource::projects));
}
