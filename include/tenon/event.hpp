#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct Internal;
struct EventStreamImpl;

struct Event {
    std::int64_t id = 0;               ///< Grows within a tenant.
    std::string kind{};                ///< "job.succeeded", "camera.online" …
    Time at{};
    std::string subject{};             ///< The id of what it is about.
    std::string data{};                ///< JSON object.
    std::int64_t dropped_before = 0;   ///< Events lost just before this one because nobody drained the queue, or asked for
                                       ///< when they were no longer kept: of these, events of every kind are counted.
};

struct SubscribeOptions {
    std::vector<std::string> kinds{};     ///< Empty: all. "job." matches all that begin so.
    std::optional<std::int64_t> after{};  ///< First what came after this event, then what is new. Unset: only new.
    std::int32_t capacity = 1024;         ///< Of the queue; when full the oldest are dropped and counted.
};

/// News, pulled from a bounded queue of one's own. Events are kept for 30 days, and a tenant's newest for ever.
///
/// Threads   any; each event goes to one caller.
class TENON_API EventStream {
public:
    /// Empty: none in time. Throws Closed after close() or when the engine closes.
    [[nodiscard]] std::optional<Event> next(Duration timeout);
    /// Among all streams of its engine, those of logs too; what Change::stream says.
    std::int64_t number() const noexcept;
    void close() noexcept;

private:
    friend struct Internal;
    explicit EventStream(std::shared_ptr<EventStreamImpl> impl);
    std::shared_ptr<EventStreamImpl> impl_;
};

TENON_END
