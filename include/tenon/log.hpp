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
struct LogStreamImpl;

enum class LogLevel : std::uint8_t { off = 0, error = 1, warning = 2, info = 3, debug = 4 };

/// The level's name: "warning".
TENON_API const char* to_string(LogLevel level) noexcept;

/// What the engine says of itself, for those who run it. Holds no secrets.
struct LogRecord {
    Time at{};
    LogLevel level = LogLevel::info;   ///< Never off.
    std::string area{};                ///< Of the engine: "engine", "jobs", "nvr", "backup" …
    std::string message{};             ///< A fixed text; what varies is in the fields.
    std::vector<Label> fields{};       ///< {"job", "job_01jd8w…"}, {"code", "no_space"} … in the order of the log's line.
    std::int64_t dropped_before = 0;   ///< Records lost just before this one because nobody drained the queue.
};

struct LogOptions {
    LogLevel level = LogLevel::info;   ///< This and whatever is worse, whatever goes to home/logs.
    std::int32_t capacity = 1024;      ///< Of the queue, 1 to 65536; when full the oldest are dropped and counted.
};

/// One engine's log, pulled from a bounded queue of one's own: for a host that has a log of its own.
///
/// Threads   any; each record goes to one caller.
/// Lifetime  outlives its engine: what it said until it was closed can still be read.
class TENON_API LogStream {
public:
    /// Empty: none in time. Throws Closed after close(), or when the engine is closed and its last record was read.
    [[nodiscard]] std::optional<LogRecord> next(Duration timeout);
    /// Among all streams of its engine, those of events too; what Change::stream says.
    std::int64_t number() const noexcept;
    void close() noexcept;

private:
    friend struct Internal;
    explicit LogStream(std::shared_ptr<LogStreamImpl> impl);
    std::shared_ptr<LogStreamImpl> impl_;
};

TENON_END
