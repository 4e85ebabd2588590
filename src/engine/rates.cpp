#include <base/ticks.hpp>
#include <tenant/rates.hpp>

#include "core.hpp"

namespace tenon::engine {

Rates::Rates() = default;
Rates::~Rates() = default;

tenant::rates::Limiter& Rates::get(const std::shared_ptr<const base::Clock>& clock) {
    std::call_once(once_, [&] { limiter_ = std::make_unique<tenant::rates::Limiter>(clock); });
    return *limiter_;
}

}  // namespace tenon::engine

TENON_BEGIN

namespace rates = tenant::rates;

/// A call in flight. Its end needs neither engine nor session to be open.
struct RatePassImpl {
    RatePassImpl(std::shared_ptr<SessionImpl> s, RateDecision d) : session(std::move(s)), decision(std::move(d)) {}
    ~RatePassImpl() { end(); }
    RatePassImpl(const RatePassImpl&) = delete;
    RatePassImpl& operator=(const RatePassImpl&) = delete;

    void end() noexcept {
        if (ended.exchange(true) || session->engine->gate.forked()) return;
        session->engine->rates.get(session->engine->clock).leave(session->scope.tenant());
    }

    const std::shared_ptr<SessionImpl> session;
    const RateDecision decision;
    std::atomic<bool> ended{false};
};

namespace {

/// The call as the limiter knows it; it refers to `key`, which becomes the call's.
rates::Call named(const SessionImpl& session, const RateCall& call, std::string& key) {
    if (call.cost < 1) throw InvalidArgument("must be above 0", {.subject = "cost"});
    key = call.key.empty() && session.identity.key ? session.identity.key->text() : call.key;
    rates::Call named{.tenant = session.scope.tenant(), .key = key, .route = call.route, .cost = call.cost};
    if (!call.address.empty()) {
        const auto network = rates::network_of(call.address);
        if (!network) throw InvalidArgument("is no address of IPv4 or IPv6", {.subject = "address"});
        named.network = *network;
    }
    return named;
}

std::shared_ptr<const tenant::PlanTerms> terms_now(const SessionImpl& session) {
    return session.engine->registry->standing(session.scope.tenant())->terms_at(session.now());
}

rates::Limiter& limiter_of(const SessionImpl& session) { return session.engine->rates.get(session.engine->clock); }

/// Runs ask(limiter, path) for a call of the session.
template <class Ask>
RateDecision ask_of(const SessionImpl& session, const RateCall& call, const Ask& ask) {
    const auto pass = session.enter_open();
    std::string key;
    const auto known = named(session, call, key);
    const auto terms = terms_now(session);
    auto& limiter = limiter_of(session);
    return rates::decision_of(ask(limiter, limiter.path_of(terms->rates, known)));
}

}  // namespace

/// What stands behind a gate. What was found holds until the session's version moves, the plan changes by itself, or a second has
/// passed. What was found before stays as long as the gate: another thread may just be reading it.
struct RateGateImpl {
    RateGateImpl(std::shared_ptr<SessionImpl> s, RateCall c)
        : session(std::move(s)), limiter(limiter_of(*session)), of(std::move(c)), call_(named(*session, of, key_)) {}
    RateGateImpl(const RateGateImpl&) = delete;
    RateGateImpl& operator=(const RateGateImpl&) = delete;

    std::int64_t now() const { return base::nanoseconds(*session->engine->clock); }
    /// Where its calls are counted.
    const rates::Path& path(std::int64_t asked_at) {
        const auto& engine = *session->engine;
        if (version_.load(std::memory_order_acquire) != session->version() || asked_at >= until_.load(std::memory_order_acquire) ||
            session->closed.load(std::memory_order_acquire) || engine.gate.closed() || engine.gate.forked())
            return look();
        return known_.load(std::memory_order_acquire)->path;
    }

    const std::shared_ptr<SessionImpl> session;
    rates::Limiter& limiter;
    const RateCall of;

private:
    struct Found {
        std::shared_ptr<const tenant::PlanTerms> terms;
        rates::Path path;
    };

    const rates::Path& look() {
        const auto pass = session->enter_open();
        const std::lock_guard lock(mutex_);
        const auto version = session->version();
        const auto until = session->granted()->until;
        const auto at = session->now();
        auto terms = terms_now(*session);
        if (found_.empty() || found_.back()->terms != terms) {
            auto path = limiter.path_of(terms->rates, call_);
            found_.push_back(std::make_unique<Found>(Found{std::move(terms), std::move(path)}));
        }
        const auto lasts = until ? std::clamp<Duration>(*until - at, Duration::zero(), look_again) : look_again;
        known_.store(found_.back().get(), std::memory_order_release);
        until_.store(now() + std::chrono::nanoseconds(lasts).count(), std::memory_order_release);
        version_.store(version, std::memory_order_release);
        return found_.back()->path;
    }

    static constexpr Duration look_again = std::chrono::seconds(1);

    std::string key_;
    const rates::Call call_;                 // refers to `of` and `key_`
    std::atomic<std::uint64_t> version_{0};  // never a session's
    std::atomic<std::int64_t> until_{0};     // nanoseconds of the clock
    std::atomic<const Found*> known_{nullptr};
    std::mutex mutex_;
    std::vector<std::unique_ptr<const Found>> found_;  // under the mutex; one for each plan that there was
};

RateGate::RateGate(std::shared_ptr<RateGateImpl> impl) : impl_(std::move(impl)) {}
bool RateGate::admit() {
    const auto now = impl_->now();
    return impl_->limiter.admit(impl_->path(now), now);
}
RateDecision RateGate::peek() const { return rates::decision_of(impl_->limiter.peek(impl_->path(impl_->now()))); }

RatePass::RatePass(std::shared_ptr<RatePassImpl> impl) : impl_(std::move(impl)) {}
RateDecision RatePass::decision() const { return impl_->decision; }
void RatePass::close() noexcept { impl_->end(); }

RateLimits::RateLimits(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

RateDecision RateLimits::check(const RateCall& call) {
    return ask_of(*impl_, call, [](rates::Limiter& limiter, const rates::Path& path) { return limiter.take(path); });
}

RateDecision RateLimits::peek(const RateCall& call) const {
    return ask_of(*impl_, call, [](const rates::Limiter& limiter, const rates::Path& path) { return limiter.peek(path); });
}

RateGate RateLimits::gate(const RateCall& call) const {
    const auto pass = impl_->enter_open();
    auto made = std::make_shared<RateGateImpl>(impl_, call);
    made->path(made->now());  // refuses a cost above a burst
    return Internal::make<RateGate>(std::move(made));
}

RatePass RateLimits::enter(const RateCall& call) {
    auto decision = ask_of(*impl_, call, [](rates::Limiter& limiter, const rates::Path& path) { return limiter.enter(path); });
    if (!decision.allowed) {
        const bool waits = decision.scope == RateScope::in_flight;
        throw RateLimited(waits ? "as many calls as the plan allows go on" : "the plan's rate for such calls is used up: try again later",
                          {.subject = decision.route,
                           .resource = to_string(decision.scope),
                           .limit = decision.limit,
                           .resets_at = waits ? std::nullopt : std::optional(impl_->now() + decision.retry_after)});
    }
    return Internal::make<RatePass>(std::make_shared<RatePassImpl>(impl_, std::move(decision)));
}

RateLimits Session::rates() const { return Internal::make<RateLimits>(impl_); }

TENON_END
