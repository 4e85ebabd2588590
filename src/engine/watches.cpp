#include "watches.hpp"

#include <algorithm>
#include <utility>

#include "core.hpp"
#include "logs.hpp"
#include "streams.hpp"

namespace tenon::engine {

template <class Tell> void Watches::each(Tell&& tell) noexcept {
    const std::lock_guard lock(mutex_);
    for (const auto& one : all_)
        if (const auto core = one.lock()) tell(*core);
}

void Watches::add(const std::shared_ptr<WatchCore>& core) {
    const std::lock_guard lock(mutex_);
    std::erase_if(all_, [](const auto& one) { return one.expired(); });
    all_.push_back(core);
}

void Watches::became(const JobInfo& job) noexcept {
    each([&](WatchCore& core) { core.became(job); });
}

void Watches::touched(const JobId& id) noexcept {
    each([&](WatchCore& core) { core.touched(id); });
}

void Watches::may_have_changed() noexcept {
    each([](WatchCore& core) { core.may_have_changed(); });
}

void Watches::session_closed(const WatchCore::SessionRef& session) noexcept {
    each([&](WatchCore& core) { core.session_closed(session); });
}

}  // namespace tenon::engine

TENON_BEGIN

struct WatchImpl {
    std::shared_ptr<EngineImpl> engine;
    std::shared_ptr<engine::WatchCore> core;

    engine::Gate::Pass enter() const { return engine->gate.enter(); }
    void check_mine(const std::shared_ptr<EngineImpl>& other, const char* what) const {
        if (other != engine) throw InvalidArgument(std::string("the ") + what + " belongs to another engine", {.subject = what});
    }
};

Watch Engine::watch() {
    if (!impl_) throw Closed("the engine is closed");
    return engine::make_watch(impl_);
}

Watch::Watch(std::shared_ptr<WatchImpl> impl) : impl_(std::move(impl)) {}

void Watch::add(const Job& job) {
    const auto own = impl_->enter();
    const auto& mine = *Internal::impl(job);
    const auto& session = mine.session;
    impl_->check_mine(session->engine, "job");
    const auto pass = mine.enter(engine::Permission::job_read);
    impl_->core->add_job(mine.id, session->scope, session);
    // One that is closed from now on tells the watch; one that was closed meanwhile has not.
    if (session->closed.load(std::memory_order_acquire)) impl_->core->session_closed(session);
}

void Watch::add(const EventStream& stream) {
    const auto own = impl_->enter();
    const auto& mine = *Internal::impl(stream);
    const auto& session = mine.session;
    impl_->check_mine(session->engine, "stream");
    const auto pass = session->enter(engine::Permission::event_read);
    impl_->core->add_stream(mine.number, mine.subscription, session);
    if (session->closed.load(std::memory_order_acquire)) impl_->core->session_closed(session);
}

void Watch::add(const LogStream& stream) {
    const auto own = impl_->enter();
    const auto& mine = *Internal::impl(stream);
    impl_->check_mine(mine.engine.lock(), "stream");
    impl_->core->add_stream(mine.number, mine.queue, {});
}

void Watch::remove(const Job& job) {
    const auto own = impl_->enter();
    const auto& mine = *Internal::impl(job);
    impl_->check_mine(mine.session->engine, "job");
    impl_->core->remove_job(mine.id);
}

void Watch::remove(const EventStream& stream) {
    const auto own = impl_->enter();
    const auto& mine = *Internal::impl(stream);
    impl_->check_mine(mine.session->engine, "stream");
    impl_->core->remove_stream(mine.number);
}

void Watch::remove(const LogStream& stream) {
    const auto own = impl_->enter();
    const auto& mine = *Internal::impl(stream);
    impl_->check_mine(mine.engine.lock(), "stream");
    impl_->core->remove_stream(mine.number);
}

std::vector<Change> Watch::next(Duration timeout) {
    const auto own = impl_->enter();
    try {
        return impl_->core->next(timeout, *impl_->engine->queue, impl_->engine->stopping.get_token());
    } catch (const Cancelled&) {
        throw Closed("the engine was closed meanwhile");
    }
}

void Watch::close() noexcept {
    if (!impl_->engine->gate.forked()) impl_->core->close();
}

TENON_END

namespace tenon::engine {

Watch make_watch(const std::shared_ptr<EngineImpl>& engine) {
    const auto pass = engine->gate.enter();
    auto core = std::make_shared<WatchCore>(engine->clock);
    engine->watches->add(core);
    return Internal::make<Watch>(std::make_shared<WatchImpl>(WatchImpl{engine, std::move(core)}));
}

}  // namespace tenon::engine
