#pragma once

#include <cstdint>
#include <memory>

#include <tenant/events.hpp>
#include <tenon/event.hpp>

#include "core.hpp"

TENON_BEGIN

struct EventStreamImpl {
    EventStreamImpl(std::shared_ptr<SessionImpl> s, std::shared_ptr<tenant::EventHub::Subscription> from)
        : session(std::move(s)), subscription(std::move(from)), number(session->engine->next_stream()) {}
    ~EventStreamImpl() {
        // To end it takes locks that may stay locked for ever in a forked child, which has nothing of it to end.
        if (session->engine->gate.forked()) new std::shared_ptr(std::move(subscription));
    }
    EventStreamImpl(const EventStreamImpl&) = delete;
    EventStreamImpl& operator=(const EventStreamImpl&) = delete;

    const std::shared_ptr<SessionImpl> session;
    std::shared_ptr<tenant::EventHub::Subscription> subscription;
    const std::int64_t number;
};

TENON_END
