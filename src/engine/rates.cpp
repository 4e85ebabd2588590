#include <tenant/rates.hpp>

#include "core.hpp"

namespace tenon::engine {

Rates::Rates() = default;
Rates::~Rates() = default;

tenant::rates::Limiter& Rates::get() {
    std::call_once(once_, [this] { limiter_ = std::make_unique<tenant::rates::Limiter>(); });
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
        session->engine->rates.get().leave(session->scope.tenant());
    }

    const std::shared_ptr<SessionImpl> session;
    const RateDecision decision;
    std::atomic<bool> ended{false};
};

namespace {

/// Runs ask(limiter, terms, call, now) for a call of the session.
template <class Ask> auto ask_of(const SessionImpl& session, const RateCall& call, const Ask& ask) {
    const auto pass = session.enter_open();
    if (call.cost < 1) throw InvalidArgument("must be above 0", {.subject = "cost"});
    const auto own_key = session.identity.key ? session.identity.key->text() : std::string();
    rates::Call named{.tenant = session.scope.tenant(), .key = call.key.empty() ? own_key : call.key, .route = call.route, .cost = call.cost};
    if (!call.address.empty()) {
        const auto network = rates::network_of(call.address);
        if (!network) throw InvalidArgument("is no address of IPv4 or IPv6", {.subject = "address"});
        named.network = *network;
    }
    const auto& engine = *session.engine;
    const auto standing = engine.registry->standing(named.tenant);
    const auto terms = standing->terms_at(session.now());
    const std::int64_t now = std::chrono::nanoseconds(engine.clock->monotonic()).count();
    return ask(session.engine->rates.get(), terms->rates, named, now);
}

}  // namespace

RatePass::RatePass(std::shared_ptr<RatePassImpl> impl) : impl_(std::move(impl)) {}
RateDecision RatePass::decision() const { return impl_->decision; }
void RatePass::close() noexcept { impl_->end(); }

RateLimits::RateLimits(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

RateDecision RateLimits::check(const RateCall& call) {
    return ask_of(*impl_, call, [](rates::Limiter& limiter, const auto& terms, const rates::Call& named, std::int64_t now) {
        return rates::decision_of(limiter.take(terms, named, now));
    });
}

RateDecision RateLimits::peek(const RateCall& call) const {
    return ask_of(*impl_, call, [](rates::Limiter& limiter, const auto& terms, const rates::Call& named, std::int64_t now) {
        return rates::decision_of(limiter.peek(terms, named, now));
    });
}

RatePass RateLimits::enter(const RateCall& call) {
    auto decision = ask_of(*impl_, call, [](rates::Limiter& limiter, const auto& terms, const rates::Call& named, std::int64_t now) {
        return rates::decision_of(limiter.enter(terms, named, now));
    });
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
