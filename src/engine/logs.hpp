#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include <base/log.hpp>
#include <base/news.hpp>
#include <exec/wait.hpp>
#include <tenon/engine.hpp>
#include <tenon/log.hpp>

namespace tenon::engine {

base::LogLevel level_of(LogLevel level) noexcept;
LogLevel level_of(base::LogLevel level) noexcept;

/// One reader's bounded queue of what an engine logs.
///
/// Threads   any member, from any thread, at once.
class LogQueue final : public base::LogTap, public base::Source {
public:
    LogQueue(std::int32_t capacity, std::shared_ptr<const base::Clock> clock);
    ~LogQueue() override { listeners_.tell(); }

    void put(Time at, base::LogLevel level, std::string_view room, std::string_view message, base::Log::Fields fields) override;
    /// The engine has closed: what is there can still be read.
    void end() noexcept override;

    /// Throws Closed.
    [[nodiscard]] std::optional<LogRecord> next(Duration timeout);
    [[nodiscard]] bool has_news() override;
    void listen(const std::shared_ptr<base::Listener>& listener) override { listeners_.add(listener); }
    void close() noexcept;

private:
    void finish(bool forget) noexcept;
    void check_open() const;

    const std::size_t capacity_;
    const std::shared_ptr<const base::Clock> clock_;
    base::Listeners listeners_;
    std::mutex mutex_;
    exec::Condition changed_;
    std::deque<LogRecord> records_;  // all below under mutex_
    std::int64_t dropped_ = 0;
    bool ended_ = false;             // nothing more comes
    bool closed_ = false;            // by its reader
};

}  // namespace tenon::engine

TENON_BEGIN

struct LogStreamImpl {
    std::shared_ptr<engine::LogQueue> queue;
    std::weak_ptr<EngineImpl> engine;  // a reader does not keep it
    std::int64_t number = 0;

    bool forked() const noexcept;
};

TENON_END

namespace tenon::engine {

/// Throws InvalidArgument, Closed.
LogStream make_log_stream(const std::shared_ptr<EngineImpl>& engine, const LogOptions& options);

}  // namespace tenon::engine
