#include <tenant/rates.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <utility>

#include <base/network.hpp>
#include <base/ticks.hpp>
#include <tenon/error.hpp>

#include "rate_buckets.hpp"
#include "rate_loans.hpp"

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

/// How far ahead of now a TAT may be.
std::int64_t tolerance(const RateTerm& term) noexcept { return term.burst * term.interval; }

/// How a rate stands once the bucket's TAT is `next`.
Verdict let_through(const RateTerm& term, std::int64_t next, std::int64_t now) noexcept {
    const auto ahead = next - now;
    return {.term = &term, .remaining = (tolerance(term) - ahead) / term.interval, .reset = ahead};
}

/// `next`: what it would have become.
Verdict refused(const RateTerm& term, std::int64_t next, std::int64_t now, std::int64_t cost) noexcept {
    const auto all = tolerance(term), ahead = next - now, used = ahead - cost * term.interval;
    return {.term = &term,
            .allowed = false,
            .remaining = std::max<std::int64_t>(0, all - used) / term.interval,
            .reset = used,
            .retry_after = ahead - all};
}

/// Of two that refuse the one that does longest, of two that do not the one with the least left.
void add_verdict(std::optional<Verdict>& all, const Verdict& one) noexcept {
    if (!all || (all->allowed == one.allowed ? (one.allowed ? one.remaining < all->remaining : one.retry_after > all->retry_after) : all->allowed))
        all = one;
}

}  // namespace

struct Limiter::Impl {
    Impl(std::shared_ptr<const base::Clock> c, std::size_t buckets) : clock(std::move(c)), tenants(buckets), addresses(buckets) {
        std::random_device random;
        seed = std::uint64_t{random()} << 32 | random();
    }

    std::int64_t now() const { return base::nanoseconds(*clock); }

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

    /// A bucket, with what was lent of it called in if taking so much goes beyond its half.
    Cell look(const Path::Spot& spot, std::int64_t taken, std::int64_t now) const {
        for (;;) {
            const auto cell = Buckets::read(*spot.set, spot.name);
            if (!cell.lent() || std::max(now, cell.tat()) + taken - now <= tolerance(*spot.term) / 2) return cell;
            loans->call_in(*spot.set, spot.name, now);
        }
    }

    struct Charged {
        bool allowed = false;
        std::int64_t next = 0;  // its TAT, or what that would have become
    };

    Charged charge(const Path::Spot& spot, std::int64_t cost, std::int64_t now) {
        const auto taken = cost * spot.term->interval;
        auto& buckets = spot.term->kind == RateScope::address ? addresses : tenants;
        for (;;) {
            auto cell = look(spot, taken, now);
            if (cell.nowhere()) cell = buckets.seated(*spot.set, spot.name, now);
            const auto next = std::max(now, cell.tat()) + taken;
            if (next - now > tolerance(*spot.term)) return {.allowed = false, .next = next};
            if (Buckets::swap(*spot.set, cell, word_of(next, cell.lent()))) return {.allowed = true, .next = next};
        }
    }

    /// Takes back what was charged at `then`, less what time has taken off since: others may have been let through meanwhile as if
    /// the charge stood.
    void take_back(const Path::Spot& spot, std::int64_t cost, std::int64_t then) {
        for (;;) {
            const auto cell = Buckets::read(*spot.set, spot.name);
            const auto back = cost * spot.term->interval - std::max<std::int64_t>(0, now() - then);
            if (cell.nowhere() || back <= 0 || cell.tat() < then + back) return;
            if (Buckets::swap(*spot.set, cell, word_of(cell.tat() - back, cell.lent()))) return;
        }
    }

    /// Of what this processor was lent, all or nothing.
    bool take_lent(const Path& path, std::size_t lane, std::int64_t now) {
        for (std::size_t i = 0; i < path.count_; ++i) {
            const auto& spot = path.spots_[i];
            if (loans->take(lane, spot.name, path.cost_ * spot.term->interval, now)) continue;
            while (i-- > 0)
                if (const auto& before = path.spots_[i]; !loans->put_back(lane, before.name, path.cost_ * before.term->interval))
                    take_back(before, path.cost_, now);
            return false;
        }
        return true;
    }

    void lend(const Path& path, std::size_t lane, std::int64_t now) {
        for (std::size_t i = 0; i < path.count_; ++i) {
            const auto& spot = path.spots_[i];
            loans->lend(lane, *spot.set, spot.name, spot.loan, tolerance(*spot.term), now);
        }
    }

    /// So that what is said of a bucket's rest holds what was lent of it.
    void call_in(const Path& path, std::int64_t now) const {
        for (std::size_t i = 0; path.lendable_ && i < path.count_; ++i)
            if (const auto& spot = path.spots_[i]; Buckets::read(*spot.set, spot.name).lent()) loans->call_in(*spot.set, spot.name, now);
    }

    struct Counts {
        mutable std::mutex mutex;
        std::map<std::pair<std::uint64_t, std::uint64_t>, std::int64_t> by_tenant;  // by its id; under the mutex
    };
    Counts& counts_of(const TenantId& tenant) noexcept { return counts[tenant.low % counts.size()]; }

    const std::shared_ptr<const base::Clock> clock;
    Buckets tenants, addresses;
    std::once_flag lends;
    std::unique_ptr<Loans> loans;  // on buckets of `tenants`; made with the first path that may use it
    std::uint64_t seed = 0;
    std::array<Counts, 16> counts;
};

Limiter::Limiter(std::shared_ptr<const base::Clock> clock, std::size_t buckets) : impl_(std::make_unique<Impl>(std::move(clock), buckets)) {}
Limiter::~Limiter() = default;

std::int64_t Limiter::given_up() const noexcept { return impl_->tenants.given_up() + impl_->addresses.given_up(); }

Path Limiter::path_of(const std::vector<RateTerm>& terms, const Call& call) const {
    Path path;
    path.cost_ = call.cost;
    path.tenant_ = call.tenant;
    const auto tenant = mix(mix(impl_->seed, call.tenant.high), call.tenant.low);
    for (std::size_t i = 0; i < std::min(terms.size(), Path::most); ++i) {
        const auto& term = terms[i];
        if (term.kind == RateScope::in_flight && (!path.in_flight_ || term.limit < path.in_flight_->limit)) path.in_flight_ = &term;
        const auto name = impl_->name_of(term, i, call, tenant);
        if (name == 0) continue;
        if (call.cost > term.burst)
            throw InvalidArgument("costs more than the burst of " + std::to_string(term.burst), {.subject = "cost"});
        const bool is_address = term.kind == RateScope::address;
        auto& buckets = is_address ? impl_->addresses : impl_->tenants;
        path.spots_[path.count_++] = {.term = &term, .name = name, .set = &buckets.of(name),
                                      .loan = is_address ? LoanTerms{} : Loans::terms_of(term.interval, term.burst)};
    }
    path.lendable_ = path.count_ > 0 && std::all_of(path.spots_.begin(), path.spots_.begin() + static_cast<std::ptrdiff_t>(path.count_),
                                                    [](const Path::Spot& spot) { return spot.loan.amount > 0; });
    if (path.lendable_) std::call_once(impl_->lends, [&] { impl_->loans = std::make_unique<Loans>(impl_->tenants); });
    return path;
}

std::optional<Verdict> Limiter::refusal(const Path& path, std::int64_t now) const {
    std::optional<Verdict> worst;
    for (std::size_t i = 0; i < path.count_; ++i) {
        const auto& spot = path.spots_[i];
        const auto& term = *spot.term;
        const auto taken = path.cost_ * term.interval, next = std::max(now, impl_->look(spot, taken, now).tat()) + taken;
        if (next - now > tolerance(term)) add_verdict(worst, refused(term, next, now, path.cost_));
    }
    return worst;
}

std::int64_t Limiter::now() const { return impl_->now(); }

bool Limiter::admit(const Path& path, std::int64_t now) {
    const auto lane = path.lendable_ ? impl_->loans->lane() : 0;
    if (path.lendable_ && impl_->take_lent(path, lane, now)) return true;
    if (path.count_ > 1 && refusal(path, now)) return false;
    bool lends = path.lendable_;
    for (std::size_t i = 0; i < path.count_; ++i) {
        const auto charged = impl_->charge(path.spots_[i], path.cost_, now);
        lends = lends && charged.next - now <= tolerance(*path.spots_[i].term) / 2;
        if (charged.allowed) continue;
        while (i-- > 0) impl_->take_back(path.spots_[i], path.cost_, now);
        return false;
    }
    if (lends) impl_->lend(path, lane, now);
    return true;
}

Verdict Limiter::take(const Path& path) {
    const auto at = now();
    impl_->call_in(path, at);
    if (const auto worst = refusal(path, at)) return *worst;
    std::optional<Verdict> tightest;
    for (std::size_t i = 0; i < path.count_; ++i) {
        const auto& spot = path.spots_[i];
        const auto charged = impl_->charge(spot, path.cost_, at);
        if (!charged.allowed) {
            const auto late = refused(*spot.term, charged.next, at, path.cost_);
            while (i-- > 0) impl_->take_back(path.spots_[i], path.cost_, at);
            return late;
        }
        add_verdict(tightest, let_through(*spot.term, charged.next, at));
    }
    return tightest.value_or(Verdict{});
}

Verdict Limiter::peek(const Path& path) const {
    const auto at = now();
    impl_->call_in(path, at);
    if (const auto worst = refusal(path, at)) return *worst;
    std::optional<Verdict> tightest;
    for (std::size_t i = 0; i < path.count_; ++i) {
        const auto& spot = path.spots_[i];
        const auto next = std::max(at, Buckets::read(*spot.set, spot.name).tat()) + path.cost_ * spot.term->interval;
        add_verdict(tightest, let_through(*spot.term, next, at));
    }
    return tightest.value_or(Verdict{});
}

Verdict Limiter::enter(const Path& path) {
    auto& counts = impl_->counts_of(path.tenant_);
    const std::lock_guard lock(counts.mutex);
    const std::pair name(path.tenant_.high, path.tenant_.low);
    const auto known = counts.by_tenant.find(name);
    const auto going_on = known == counts.by_tenant.end() ? 0 : known->second;
    std::optional<Verdict> tightest;
    if (path.in_flight_) {
        tightest = {.term = path.in_flight_, .remaining = std::max<std::int64_t>(0, path.in_flight_->limit - going_on - 1)};
        if (going_on >= path.in_flight_->limit) {
            tightest->allowed = false;
            return *tightest;
        }
    }
    const auto verdict = take(path);
    if (!verdict.allowed) return verdict;
    ++counts.by_tenant[name];
    if (verdict.term) add_verdict(tightest, verdict);
    return tightest.value_or(verdict);
}

void Limiter::leave(const TenantId& tenant) {
    auto& counts = impl_->counts_of(tenant);
    const std::lock_guard lock(counts.mutex);
    const auto at = counts.by_tenant.find({tenant.high, tenant.low});
    if (at != counts.by_tenant.end() && --at->second <= 0) counts.by_tenant.erase(at);
}

std::int64_t Limiter::in_flight(const TenantId& tenant) const {
    auto& counts = impl_->counts_of(tenant);
    const std::lock_guard lock(counts.mutex);
    const auto at = counts.by_tenant.find({tenant.high, tenant.low});
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
                        {"RateLimit-Policy", policy},
                        {"RateLimit", '"' + policy_of(term) + "\";r=" + number(verdict.remaining) + ";t=" + reset}};
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
