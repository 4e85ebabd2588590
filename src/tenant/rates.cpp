#include <tenant/rates.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>

#include <base/network.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::rates {
namespace {

/// Mixes well and quickly; unguessable through the seed, so that nobody finds calls that share a set.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
    a ^= b + 0x9e3779b97f4a7c15ULL + (a << 12) + (a >> 4);
    a ^= a >> 32;
    a *= 0xd6e8feb86659fd93ULL;
    a ^= a >> 32;
    a *= 0xd6e8feb86659fd93ULL;
    return a ^ (a >> 32);
}

std::uint64_t mix(std::uint64_t seed, std::string_view text) noexcept {
    for (; text.size() >= 8; text.remove_prefix(8)) {
        std::uint64_t word = 0;
        std::copy_n(text.data(), 8, reinterpret_cast<char*>(&word));
        seed = mix(seed, word);
    }
    std::uint64_t rest = text.size();
    for (const char c : text) rest = rest << 8 | static_cast<unsigned char>(c);
    return mix(seed, rest);
}

/// Two cache lines: places for buckets that may share a set.
struct alignas(64) Set {
    static constexpr std::size_t places = 7;

    std::atomic<std::uint32_t> taken{0};
    std::array<std::uint64_t, places> names{};  // 0: free
    std::array<std::int64_t, places> tats{};

    void lock() noexcept {
        for (int spins = 0; taken.exchange(1, std::memory_order_acquire) != 0;)
            if (++spins % 64 == 0) std::this_thread::yield();
    }
    void unlock() noexcept { taken.store(0, std::memory_order_release); }
};

class Table {
public:
    explicit Table(std::size_t buckets) : sets_(std::bit_ceil(std::max<std::size_t>(1, buckets / Set::places))) {}
    Set& of(std::uint64_t name) noexcept { return sets_[name >> 32 & (sets_.size() - 1)]; }

private:
    std::vector<Set> sets_;
};

/// One rate that a call meets.
struct Bucket {
    const RateTerm* term = nullptr;
    std::uint64_t name = 0;
    Set* set = nullptr;
    std::int64_t next = 0;     // its TAT if the call is charged
    std::size_t place = 0;     // Set::places: it has none

    void find(std::int64_t now, std::int64_t cost) {
        place = static_cast<std::size_t>(std::ranges::find(set->names, name) - set->names.begin());
        next = (place == Set::places ? now : std::max(now, set->tats[place])) + cost * term->interval;
    }

    void charge(std::int64_t now, std::atomic<std::int64_t>& given_up) {
        if (place == Set::places) {
            // The one that is free, or will be first.
            place = static_cast<std::size_t>(std::ranges::min_element(set->tats) - set->tats.begin());
            if (set->tats[place] > now) given_up.fetch_add(1, std::memory_order_relaxed);
            set->names[place] = name;
        }
        set->tats[place] = next;
    }
};

constexpr std::size_t most_terms = 16;  // of a plan, see catalogues.cpp

}  // namespace

struct Limiter::Impl {
    explicit Impl(std::size_t buckets) : tenants(buckets), addresses(buckets) {
        std::random_device random;
        seed = std::uint64_t{random()} << 32 | random();
    }

    /// The name of the bucket of a call; 0: the rate is not for such a call.
    std::uint64_t name_of(const RateTerm& term, std::size_t number, const Call& call, std::uint64_t tenant) const noexcept {
        auto name = mix(tenant, number);
        switch (term.kind) {
            case RateScope::tenant: break;
            case RateScope::key:
                if (call.key.empty()) return 0;
                name = mix(name, call.key);
                break;
            case RateScope::address:
                if (call.network == 0) return 0;
                name = mix(name, call.network);
                break;
            case RateScope::route:
                if (call.route != term.route) return 0;
                break;
            case RateScope::in_flight: return 0;
        }
        return name | 1;
    }

    struct Counts {
        mutable std::mutex mutex;
        std::unordered_map<std::uint64_t, std::int64_t> by_tenant;
    };
    Counts& counts_of(const TenantId& tenant) noexcept { return counts[tenant.low % counts.size()]; }

    Table tenants, addresses;
    std::uint64_t seed = 0;
    std::atomic<std::int64_t> given_up{0};
    std::array<Counts, 16> counts;
};

Limiter::Limiter(std::size_t buckets) : impl_(std::make_unique<Impl>(buckets)) {}
Limiter::~Limiter() = default;

std::int64_t Limiter::given_up() const noexcept { return impl_->given_up.load(std::memory_order_relaxed); }

Verdict Limiter::run(const std::vector<RateTerm>& terms, const Call& call, std::int64_t now, bool charge) {
    std::array<Bucket, most_terms> all;
    std::size_t count = 0;
    const auto tenant = mix(mix(impl_->seed, call.tenant.high), call.tenant.low);
    for (std::size_t i = 0; i < std::min(terms.size(), most_terms); ++i) {
        const auto& term = terms[i];
        const auto name = impl_->name_of(term, i, call, tenant);
        if (name == 0) continue;
        if (call.cost > term.burst)
            throw InvalidArgument("costs more than the burst of " + std::to_string(term.burst), {.subject = "cost"});
        auto& table = term.kind == RateScope::address ? impl_->addresses : impl_->tenants;
        all[count++] = {.term = &term, .name = name, .set = &table.of(name)};
    }
    const std::span buckets(all.data(), count);
    // In one order for everybody; two buckets may share a set.
    if (count > 1) std::ranges::sort(buckets, {}, &Bucket::set);
    for (std::size_t i = 0; i < count; ++i)
        if (i == 0 || buckets[i].set != buckets[i - 1].set) buckets[i].set->lock();

    Verdict verdict;
    for (auto& bucket : buckets) {
        bucket.find(now, call.cost);
        const auto& term = *bucket.term;
        const auto tolerance = term.burst * term.interval, ahead = bucket.next - now;
        if (ahead > tolerance) {
            if (verdict.allowed || ahead - tolerance > verdict.retry_after)
                verdict = {.term = &term,
                           .allowed = false,
                           .remaining = std::max<std::int64_t>(0, tolerance - (ahead - call.cost * term.interval)) / term.interval,
                           .reset = ahead - call.cost * term.interval,
                           .retry_after = ahead - tolerance};
        } else if (verdict.allowed) {
            const auto remaining = (tolerance - ahead) / term.interval;
            if (!verdict.term || remaining < verdict.remaining) verdict = {.term = &term, .remaining = remaining, .reset = ahead};
        }
    }
    if (charge && verdict.allowed)
        for (auto& bucket : buckets) bucket.charge(now, impl_->given_up);
    for (std::size_t i = 0; i < count; ++i)
        if (i == 0 || buckets[i].set != buckets[i - 1].set) buckets[i].set->unlock();
    return verdict;
}

Verdict Limiter::enter(const std::vector<RateTerm>& terms, const Call& call, std::int64_t now) {
    auto& counts = impl_->counts_of(call.tenant);
    const std::lock_guard lock(counts.mutex);
    const auto name = call.tenant.high ^ call.tenant.low;
    const auto known = counts.by_tenant.find(name);
    const auto going_on = known == counts.by_tenant.end() ? 0 : known->second;
    Verdict tightest;
    for (const auto& term : terms)
        if (term.kind == RateScope::in_flight && (!tightest.term || term.limit < tightest.term->limit))
            tightest = {.term = &term, .remaining = term.limit - going_on};
    if (tightest.term && tightest.remaining <= 0) {
        tightest.allowed = false;
        tightest.remaining = 0;
        return tightest;
    }
    const auto verdict = run(terms, call, now, true);
    if (!verdict.allowed) return verdict;
    ++counts.by_tenant[name];
    --tightest.remaining;
    return tightest.term && (!verdict.term || tightest.remaining < verdict.remaining) ? tightest : verdict;
}

void Limiter::leave(const TenantId& tenant) {
    auto& counts = impl_->counts_of(tenant);
    const std::lock_guard lock(counts.mutex);
    const auto at = counts.by_tenant.find(tenant.high ^ tenant.low);
    if (at != counts.by_tenant.end() && --at->second <= 0) counts.by_tenant.erase(at);
}

std::int64_t Limiter::in_flight(const TenantId& tenant) const {
    auto& counts = impl_->counts_of(tenant);
    const std::lock_guard lock(counts.mutex);
    const auto at = counts.by_tenant.find(tenant.high ^ tenant.low);
    return at == counts.by_tenant.end() ? 0 : at->second;
}

std::optional<std::uint64_t> network_of(std::string_view address) {
    const auto bytes = base::parse_address(std::string(address));
    if (!bytes) return std::nullopt;
    constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const bool is_v4 = std::equal(mapped.begin(), mapped.end(), bytes->begin());
    std::uint64_t network = is_v4 ? 4 : 6;
    for (std::size_t i = is_v4 ? 12 : 0; i < (is_v4 ? 15U : 7U); ++i) network = network << 8 | (*bytes)[i];
    return network;
}

namespace {

constexpr std::int64_t second = 1'000'000'000;

std::int64_t up(std::int64_t value, std::int64_t unit) { return value / unit + (value % unit != 0); }

/// "tenant", "route-upload": what RateLimit-Policy calls a rate.
std::string policy_of(const RateTerm& term) { return term.route.empty() ? to_string(term.kind) : "route-" + term.route; }

}  // namespace

RateDecision decision_of(const Verdict& verdict) {
    RateDecision decision{.allowed = verdict.allowed};
    if (!verdict.term) return decision;
    const auto& term = *verdict.term;
    decision.scope = term.kind;
    decision.route = term.route;
    decision.limit = term.limit;
    decision.window = term.window;
    decision.remaining = verdict.remaining;
    decision.reset = Duration{up(verdict.reset, 1000)};
    decision.retry_after = Duration{up(verdict.retry_after, 1000)};
    const auto number = [](std::int64_t n) { return std::to_string(n); };
    const auto reset = number(up(verdict.reset, second));
    auto policy = '"' + policy_of(term) + "\";q=" + number(term.limit);
    if (term.kind != RateScope::in_flight) policy += ";w=" + number(up(term.window.count(), 1'000'000));
    decision.headers = {{"RateLimit-Limit", number(term.limit)},
                        {"RateLimit-Remaining", number(verdict.remaining)},
                        {"RateLimit-Reset", reset},
                        {"RateLimit-Policy", policy}};
    // Whoever is refused for what goes on at once cannot be told when that ends.
    if (!verdict.allowed) decision.headers.push_back({"Retry-After", number(std::max<std::int64_t>(1, up(verdict.retry_after, second)))});
    return decision;
}

}  // namespace tenon::tenant::rates

TENON_BEGIN

const char* to_string(RateScope scope) noexcept {
    switch (scope) {
        case RateScope::tenant: return "tenant";
        case RateScope::key: return "key";
        case RateScope::address: return "address";
        case RateScope::route: return "route";
        case RateScope::in_flight: return "in_flight";
    }
    return "unknown";
}

TENON_END
