#include <tenant/rates.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <utility>

#include <base/network.hpp>
#include <base/ticks.hpp>
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

}  // namespace

/// Two cache lines: places for buckets that may share a set.
///
/// A bucket's TAT moves by compare-and-swap alone. A place changes hands under the lock of its stripe: the name goes first, then the
/// TAT gets a value that it did not have, then the new name comes. So who read a TAT and finds the name still there read the bucket's
/// own, and who read it before the hand-over fails to swap.
struct alignas(128) Set {
    static constexpr std::size_t places = 8;

    std::array<std::atomic<std::uint64_t>, places> names{};  // 0: free
    std::array<std::atomic<std::int64_t>, places> tats{};

    std::size_t find(std::uint64_t name) const noexcept {
        std::size_t place = 0;
        while (place < places && names[place].load(std::memory_order_acquire) != name) ++place;
        return place;
    }
};

namespace {

class Table {
public:
    explicit Table(std::size_t buckets)
        : count_(std::bit_ceil(std::max<std::size_t>(1, buckets / Set::places))), sets_(std::make_unique<Set[]>(count_)) {}
    Set& of(std::uint64_t name) const noexcept { return sets_[name >> 32 & (count_ - 1)]; }

private:
    std::size_t count_;
    std::unique_ptr<Set[]> sets_;
};

/// Where a bucket is, and its TAT.
struct Cell {
    std::size_t place = Set::places;  // Set::places: nowhere, it is empty
    std::int64_t tat = INT64_MIN;
};

Cell read_bucket(const Set& set, std::uint64_t name) noexcept {
    for (;;) {
        const auto place = set.find(name);
        if (place == Set::places) return {};
        const auto tat = set.tats[place].load(std::memory_order_acquire);
        if (set.names[place].load(std::memory_order_relaxed) == name) return {place, tat};
    }
}

/// How a rate stands once the bucket's TAT is `next`.
Verdict let_through(const RateTerm& term, std::int64_t next, std::int64_t now) noexcept {
    const auto ahead = next - now;
    return {.term = &term, .remaining = (term.burst * term.interval - ahead) / term.interval, .reset = ahead};
}

/// `next`: what it would have become.
Verdict refused(const RateTerm& term, std::int64_t next, std::int64_t now, std::int64_t cost) noexcept {
    const auto tolerance = term.burst * term.interval, ahead = next - now, used = ahead - cost * term.interval;
    return {.term = &term,
            .allowed = false,
            .remaining = std::max<std::int64_t>(0, tolerance - used) / term.interval,
            .reset = used,
            .retry_after = ahead - tolerance};
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

    /// A place for a bucket that has none; it is empty.
    void seat(Set& set, std::uint64_t name, std::int64_t now) {
        const std::lock_guard lock(stripes[reinterpret_cast<std::uintptr_t>(&set) / sizeof(Set) % stripes.size()]);
        while (set.find(name) == Set::places) {
            // The one that is free, or will be first.
            std::array<std::int64_t, Set::places> tats{};
            for (std::size_t i = 0; i < Set::places; ++i) tats[i] = set.tats[i].load(std::memory_order_acquire);
            const auto place = static_cast<std::size_t>(std::ranges::min_element(tats) - tats.begin());
            auto tat = tats[place];
            const auto before = set.names[place].exchange(0, std::memory_order_acq_rel);
            if (!set.tats[place].compare_exchange_strong(tat, tat <= now ? tat - 1 : now, std::memory_order_acq_rel)) {
                set.names[place].store(before, std::memory_order_release);  // it was just charged
                continue;
            }
            if (before != 0 && tat > now) given_up.fetch_add(1, std::memory_order_relaxed);
            set.names[place].store(name, std::memory_order_release);
        }
    }

    struct Charged {
        bool allowed = false;
        std::int64_t next = 0;  // its TAT, or what that would have become
    };

    Charged charge(const RateTerm& term, Set& set, std::uint64_t name, std::int64_t cost, std::int64_t now) {
        const auto taken = cost * term.interval, tolerance = term.burst * term.interval;
        for (;;) {
            auto cell = read_bucket(set, name);
            if (cell.place == Set::places) {
                seat(set, name, now);
                continue;
            }
            const auto next = std::max(now, cell.tat) + taken;
            if (next - now > tolerance) return {.allowed = false, .next = next};
            if (set.tats[cell.place].compare_exchange_weak(cell.tat, next, std::memory_order_acq_rel, std::memory_order_relaxed))
                return {.allowed = true, .next = next};
        }
    }

    /// Takes back what was charged at `then`, less what time has taken off since: others may have been let through meanwhile as if
    /// the charge stood.
    void take_back(const RateTerm& term, Set& set, std::uint64_t name, std::int64_t cost, std::int64_t then) {
        for (;;) {
            auto cell = read_bucket(set, name);
            const auto back = cost * term.interval - std::max<std::int64_t>(0, now() - then);
            if (cell.place == Set::places || back <= 0 || cell.tat < then + back) return;
            if (set.tats[cell.place].compare_exchange_weak(cell.tat, cell.tat - back, std::memory_order_acq_rel, std::memory_order_relaxed)) return;
        }
    }

    struct Counts {
        mutable std::mutex mutex;
        std::map<std::pair<std::uint64_t, std::uint64_t>, std::int64_t> by_tenant;  // by its id; under the mutex
    };
    Counts& counts_of(const TenantId& tenant) noexcept { return counts[tenant.low % counts.size()]; }

    const std::shared_ptr<const base::Clock> clock;
    const Table tenants, addresses;
    std::uint64_t seed = 0;
    std::atomic<std::int64_t> given_up{0};
    std::array<std::mutex, 64> stripes;  // of places that change hands
    std::array<Counts, 16> counts;
};

Limiter::Limiter(std::shared_ptr<const base::Clock> clock, std::size_t buckets) : impl_(std::make_unique<Impl>(std::move(clock), buckets)) {}
Limiter::~Limiter() = default;

std::int64_t Limiter::given_up() const noexcept { return impl_->given_up.load(std::memory_order_relaxed); }

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
        const auto& table = term.kind == RateScope::address ? impl_->addresses : impl_->tenants;
        path.spots_[path.count_++] = {.term = &term, .name = name, .set = &table.of(name)};
    }
    return path;
}

std::optional<Verdict> Limiter::refusal(const Path& path, std::int64_t now) const {
    std::optional<Verdict> worst;
    for (std::size_t i = 0; i < path.count_; ++i) {
        const auto& spot = path.spots_[i];
        const auto& term = *spot.term;
        const auto next = std::max(now, read_bucket(*spot.set, spot.name).tat) + path.cost_ * term.interval;
        if (next - now > term.burst * term.interval) add_verdict(worst, refused(term, next, now, path.cost_));
    }
    return worst;
}

std::int64_t Limiter::now() const { return impl_->now(); }

bool Limiter::admit(const Path& path, std::int64_t now) {
    if (path.count_ > 1 && refusal(path, now)) return false;
    for (std::size_t i = 0; i < path.count_; ++i) {
        const auto& spot = path.spots_[i];
        if (impl_->charge(*spot.term, *spot.set, spot.name, path.cost_, now).allowed) continue;
        while (i-- > 0) impl_->take_back(*path.spots_[i].term, *path.spots_[i].set, path.spots_[i].name, path.cost_, now);
        return false;
    }
    return true;
}

Verdict Limiter::take(const Path& path) {
    const auto at = now();
    if (const auto worst = refusal(path, at)) return *worst;
    std::optional<Verdict> tightest;
    for (std::size_t i = 0; i < path.count_; ++i) {
        const auto& spot = path.spots_[i];
        const auto charged = impl_->charge(*spot.term, *spot.set, spot.name, path.cost_, at);
        if (!charged.allowed) {
            const auto late = refused(*spot.term, charged.next, at, path.cost_);
            while (i-- > 0) impl_->take_back(*path.spots_[i].term, *path.spots_[i].set, path.spots_[i].name, path.cost_, at);
            return late;
        }
        add_verdict(tightest, let_through(*spot.term, charged.next, at));
    }
    return tightest.value_or(Verdict{});
}

Verdict Limiter::peek(const Path& path) const {
    const auto at = now();
    if (const auto worst = refusal(path, at)) return *worst;
    std::optional<Verdict> tightest;
    for (std::size_t i = 0; i < path.count_; ++i) {
        const auto& spot = path.spots_[i];
        const auto next = std::max(at, read_bucket(*spot.set, spot.name).tat) + path.cost_ * spot.term->interval;
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
