#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <base/clock.hpp>

namespace tenon::base {

enum class LogLevel : std::uint8_t { debug = 1, info = 2, warning = 3, error = 4, off = 5 };

/// One key=value of a line. Never a secret, never a URL with a password.
struct LogField {
    LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
    LogField(std::string_view k, const char* v) : key(k), value(v) {}
    LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
    LogField(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
    LogField(std::string_view k, std::integral auto v) : key(k), value(std::to_string(v)) {}
    LogField(std::string_view k, Duration v) : key(k), value(std::to_string(v.count()) + "us") {}
    std::string_view key;
    std::string value;
};

struct LogSink;
class LogTap;

struct LogFileOptions {
    std::uint64_t max_size = 16 * 1024 * 1024;  ///< A fuller file becomes `<file>.1`, the older ones shift.
    int keep = 4;                               ///< Old files kept.
};

/// One engine's log: a line per happening, `time level room message key=value …`.
///
/// Threads   any, at once; a line is written whole.
class Log {
public:
    /// Writes nothing; taps hear all the same.
    static std::shared_ptr<Log> none(std::shared_ptr<const Clock> clock = system_clock());
    static std::shared_ptr<Log> to_stderr(std::shared_ptr<const Clock> clock, LogLevel level = LogLevel::info);
    /// Appends. Throws when the file cannot be opened; later failures to write are dropped, never thrown.
    static std::shared_ptr<Log> to_file(const std::filesystem::path& file, std::shared_ptr<const Clock> clock,
                                        LogLevel level = LogLevel::info, LogFileOptions options = {});
    ~Log();

    using Fields = std::initializer_list<LogField>;
    void debug(std::string_view room, std::string_view message, Fields fields = {}) { write(LogLevel::debug, room, message, fields); }
    void info(std::string_view room, std::string_view message, Fields fields = {}) { write(LogLevel::info, room, message, fields); }
    void warning(std::string_view room, std::string_view message, Fields fields = {}) { write(LogLevel::warning, room, message, fields); }
    void error(std::string_view room, std::string_view message, Fields fields = {}) { write(LogLevel::error, room, message, fields); }
    /// An error with its code, message and subject.
    void failure(std::string_view room, std::string_view message, const std::exception& error);

    /// From now on `tap` hears what is of this level or worse, as long as someone else holds it.
    void add_tap(const std::shared_ptr<LogTap>& tap, LogLevel level);
    /// Tells every tap that nothing more comes.
    void end_taps() noexcept;

    bool writes(LogLevel level) const noexcept { return level >= least_.load(std::memory_order_relaxed); }
    void write(LogLevel level, std::string_view room, std::string_view message, Fields fields) noexcept;

private:
    Log(std::unique_ptr<LogSink> sink, std::shared_ptr<const Clock> clock, LogLevel level);
    void write_line(Time at, LogLevel level, std::string_view room, std::string_view message, Fields fields);
    void tell_taps(Time at, LogLevel level, std::string_view room, std::string_view message, Fields fields);
    void find_least() noexcept;

    struct Tapped {
        std::weak_ptr<LogTap> tap;
        LogLevel level;
    };
    std::unique_ptr<LogSink> sink_;
    std::shared_ptr<const Clock> clock_;
    const LogLevel level_;         // of the sink
    std::atomic<LogLevel> least_;  // of sink and taps
    std::mutex tapping_;
    std::vector<Tapped> taps_;  // guarded by tapping_
};

/// Hears what one engine logs, on the threads that log: must be quick, and log nothing.
class LogTap {
public:
    virtual ~LogTap() = default;
    virtual void put(Time at, LogLevel level, std::string_view room, std::string_view message, Log::Fields fields) = 0;
    virtual void end() noexcept = 0;
};

}  // namespace tenon::base
