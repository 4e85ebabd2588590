#include "logs.hpp"

#include <algorithm>
#include <utility>

#include <base/text.hpp>
#include <tenon/engine.hpp>

#include "core.hpp"

namespace tenon::engine {
namespace {

// As in the log's file: a record says what happened, it is no place for payloads.
constexpr std::size_t longest_text = 2000;
constexpr std::int32_t largest_queue = 65'536;

std::string shown(std::string_view text) {
    return text.size() <= longest_text ? base::to_utf8(text) : base::to_utf8(text.substr(0, longest_text)) + "...";
}

}  // namespace

base::LogLevel level_of(LogLevel level) noexcept {
    switch (level) {
        case LogLevel::off: return base::LogLevel::off;
        case LogLevel::error: return base::LogLevel::error;
        case LogLevel::warning: return base::LogLevel::warning;
        case LogLevel::info: return base::LogLevel::info;
        case LogLevel::debug: return base::LogLevel::debug;
    }
    return base::LogLevel::info;
}

LogLevel level_of(base::LogLevel level) noexcept {
    switch (level) {
        case base::LogLevel::off: return LogLevel::off;
        case base::LogLevel::error: return LogLevel::error;
        case base::LogLevel::warning: return LogLevel::warning;
        case base::LogLevel::info: return LogLevel::info;
        case base::LogLevel::debug: return LogLevel::debug;
    }
    return LogLevel::info;
}

LogQueue::LogQueue(std::int32_t capacity, std::shared_ptr<const base::Clock> clock)
    : capacity_(static_cast<std::size_t>(capacity)), clock_(std::move(clock)), changed_(mutex_, clock_) {}

void LogQueue::put(Time at, base::LogLevel level, std::string_view room, std::string_view message, base::Log::Fields fields) {
    LogRecord record{.at = at, .level = level_of(level), .area = std::string(room), .message = shown(message)};
    for (const auto& field : fields) record.fields.push_back({std::string(field.key), shown(field.value)});
    {
        const std::lock_guard lock(mutex_);
        if (ended_ || closed_) return;
        if (records_.size() == capacity_) {
            // Those that were lost before the one that is lost now come before its follower, too.
            dropped_ += 1;
            records_.pop_front();
        }
        records_.push_back(std::move(record));
        changed_.notify_one();
    }
    listeners_.tell();
}

void LogQueue::check_open() const {
    if (closed_) throw Closed("the stream is closed");
    if (ended_ && records_.empty()) throw Closed("the engine is closed");
}

std::optional<LogRecord> LogQueue::next(Duration timeout) {
    std::optional<LogRecord> record;
    bool more = false;
    {
        std::unique_lock lock(mutex_);
        const auto longest = std::clamp<Duration>(timeout, Duration::zero(), std::chrono::hours(24 * 365));
        const bool any = changed_.wait_for(lock, {}, longest, [&] { return !records_.empty() || ended_ || closed_; });
        check_open();
        if (!any) return std::nullopt;
        record = std::move(records_.front());
        records_.pop_front();
        record->dropped_before = std::exchange(dropped_, 0);
        more = !records_.empty() || ended_;
    }
    if (more) listeners_.tell();
    return record;
}

bool LogQueue::has_news() {
    const std::lock_guard lock(mutex_);
    check_open();
    return !records_.empty();
}

void LogQueue::finish(bool forget) noexcept {
    {
        const std::lock_guard lock(mutex_);
        (forget ? closed_ : ended_) = true;
        if (forget) records_.clear();
        changed_.notify_all();
    }
    listeners_.tell();
}

void LogQueue::end() noexcept { finish(false); }
void LogQueue::close() noexcept { finish(true); }

}  // namespace tenon::engine

TENON_BEGIN

const char* to_string(LogLevel level) noexcept {
    switch (level) {
        case LogLevel::off: return "off";
        case LogLevel::error: return "error";
        case LogLevel::warning: return "warning";
        case LogLevel::info: return "info";
        case LogLevel::debug: return "debug";
    }
    return "unknown";
}

LogStream::LogStream(std::shared_ptr<LogStreamImpl> impl) : impl_(std::move(impl)) {}
std::int64_t LogStream::number() const noexcept { return impl_->number; }

bool LogStreamImpl::forked() const noexcept {
    const auto open = engine.lock();
    return open && open->gate.forked();
}

std::optional<LogRecord> LogStream::next(Duration timeout) {
    if (impl_->forked()) throw Closed("the stream belongs to the process that this one was forked from");
    return impl_->queue->next(timeout);
}

void LogStream::close() noexcept {
    if (!impl_->forked()) impl_->queue->close();
}

LogStream Engine::logs(const LogOptions& options) {
    if (!impl_) throw Closed("the engine is closed");
    return engine::make_log_stream(impl_, options);
}

TENON_END

namespace tenon::engine {

LogStream make_log_stream(const std::shared_ptr<EngineImpl>& engine, const LogOptions& options) {
    const auto pass = engine->gate.enter();
    if (options.level < LogLevel::error || options.level > LogLevel::debug)
        throw InvalidArgument("a stream shows errors, warnings, infos or debug records", {.subject = "level"});
    if (options.capacity < 1 || options.capacity > largest_queue)
        throw InvalidArgument("must lie between 1 and 65536", {.subject = "capacity"});
    auto queue = std::make_shared<LogQueue>(options.capacity, engine->clock);
    engine->log->add_tap(queue, level_of(options.level));
    return Internal::make<LogStream>(std::make_shared<LogStreamImpl>(LogStreamImpl{std::move(queue), engine, engine->next_stream()}));
}

}  // namespace tenon::engine
