#include <base/log.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <mutex>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <base/file.hpp>
#include <base/text.hpp>
#include <tenon/error.hpp>

namespace tenon::base {
namespace fs = std::filesystem;
namespace {

// A line says what happened; it is no place for payloads.
constexpr std::size_t longest_value = 2000;

const char* name_of(LogLevel level) {
    switch (level) {
        case LogLevel::debug: return "debug";
        case LogLevel::info: return "info";
        case LogLevel::warning: return "warning";
        default: return "error";
    }
}

// Whatever a caller passes on, a line stays one line and a value one value.
void append_escaped(std::string& line, std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    for (const char c : text.substr(0, longest_value)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            line += "\\x";
            line += digits[byte >> 4];
            line += digits[byte & 15];
        } else {
            if (c == '"' || c == '\\') line += '\\';
            line += c;
        }
    }
    if (text.size() > longest_value) line += "...";
}

void append_value(std::string& line, std::string_view value) {
    const bool plain = !value.empty() && value.find_first_of(" =\"\\") == std::string_view::npos;
    if (plain) return append_escaped(line, value);
    line += '"';
    append_escaped(line, value);
    line += '"';
}

fs::path numbered(const fs::path& file, int number) {
    auto name = file;
    name += "." + std::to_string(number);
    return name;
}

}  // namespace

struct LogSink {
    virtual ~LogSink() = default;
    virtual void put(std::string_view line) = 0;
    /// Lets go of what it writes to: lines that come all the same are dropped.
    virtual void end() noexcept {}
};

namespace {

struct StderrSink final : LogSink {
    void put(std::string_view line) override {
        // One call, so that lines of several engines do not mix. Nobody can be told when it fails.
        static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));
    }
};

struct FileSink final : LogSink {
    FileSink(fs::path f, LogFileOptions o) : file(std::move(f)), options(o), fd(open_log()) {}

    void put(std::string_view line) override {
        const std::lock_guard lock(mutex);
        if (!fd) return;
        if (size + line.size() > options.max_size && size > 0) rotate();
        const auto written = ::write(fd.get(), line.data(), line.size());
        if (written > 0) size += static_cast<std::uint64_t>(written);
    }

    void end() noexcept override {
        const std::lock_guard lock(mutex);
        fd.reset();
    }

private:
    Fd open_log() {
        auto opened = open_file(file, O_WRONLY | O_APPEND | O_CREAT);
        size = file_size(opened, file.string());
        return opened;
    }

    // Several engines may share the file. The lock on the full one lets a single one of them rename; who comes second
    // finds it moved and only opens the new one.
    void rotate() {
        while (flock(fd.get(), LOCK_EX) != 0 && errno == EINTR) {}
        struct stat ours = {}, named = {};
        const bool moved = fstat(fd.get(), &ours) == 0 &&
                           (stat(file.c_str(), &named) != 0 || named.st_ino != ours.st_ino);
        if (!moved) {
            for (int i = options.keep; i > 1; --i)
                std::rename(numbered(file, i - 1).c_str(), numbered(file, i).c_str());
            if (options.keep > 0) std::rename(file.c_str(), numbered(file, 1).c_str());
            else unlink(file.c_str());
        }
        try {
            fd = open_log();
        } catch (const Error&) {
            // The full one goes on until there is another; others that log must not wait for that.
            flock(fd.get(), LOCK_UN);
        }
    }

    const fs::path file;
    const LogFileOptions options;
    std::mutex mutex;
    std::uint64_t size = 0;  // guarded by mutex
    Fd fd;                   // guarded by mutex
};

}  // namespace

Log::Log(std::unique_ptr<LogSink> sink, std::shared_ptr<const Clock> clock, LogLevel level)
    : sink_(std::move(sink)), clock_(std::move(clock)), level_(level), least_(level) {}
Log::~Log() = default;

std::shared_ptr<Log> Log::none(std::shared_ptr<const Clock> clock) {
    return std::shared_ptr<Log>(new Log(nullptr, std::move(clock), LogLevel::off));
}

std::shared_ptr<Log> Log::to_stderr(std::shared_ptr<const Clock> clock, LogLevel level) {
    return std::shared_ptr<Log>(new Log(std::make_unique<StderrSink>(), std::move(clock), level));
}

std::shared_ptr<Log> Log::to_file(const fs::path& file, std::shared_ptr<const Clock> clock, LogLevel level,
                                  LogFileOptions options) {
    return std::shared_ptr<Log>(new Log(std::make_unique<FileSink>(file, options), std::move(clock), level));
}

void Log::write_line(Time at, LogLevel level, std::string_view room, std::string_view message, Fields fields) {
    auto line = to_rfc3339(at);
    line.append(1, ' ').append(name_of(level)).append(1, ' ').append(room).append(1, ' ');
    append_escaped(line, message);
    for (const auto& field : fields) {
        line.append(1, ' ').append(field.key).append(1, '=');
        append_value(line, field.value);
    }
    line += '\n';
    sink_->put(line);
}

void Log::write(LogLevel level, std::string_view room, std::string_view message, Fields fields) noexcept {
    if (!writes(level)) return;
    try {
        const Time at = clock_->now();
        if (sink_ && level >= level_) write_line(at, level, room, message, fields);
        tell_taps(at, level, room, message, fields);
    } catch (...) {
        // A log that cannot be written must not end the work it tells of.
    }
}

void Log::add_tap(const std::shared_ptr<LogTap>& tap, LogLevel level) {
    const std::lock_guard lock(tapping_);
    taps_.push_back({tap, level});
    find_least();
}

// Who no longer reads a log should not make the engine write more of it.
void Log::find_least() noexcept {
    std::erase_if(taps_, [](const Tapped& one) { return one.tap.expired(); });
    auto least = level_;
    for (const auto& one : taps_) least = std::min(least, one.level);
    least_.store(least, std::memory_order_relaxed);
}

void Log::tell_taps(Time at, LogLevel level, std::string_view room, std::string_view message, Fields fields) {
    const std::lock_guard lock(tapping_);
    bool gone = false;
    for (const auto& one : taps_) {
        const auto tap = one.tap.lock();
        gone = gone || !tap;
        if (tap && level >= one.level) tap->put(at, level, room, message, fields);
    }
    if (gone) find_least();
}

void Log::end_taps() noexcept {
    // A closed engine may live on for as long as a collector likes, and should keep no file open for that.
    if (sink_) sink_->end();
    const std::lock_guard lock(tapping_);
    for (const auto& one : taps_)
        if (const auto tap = one.tap.lock()) tap->end();
    taps_.clear();
    find_least();
}

void Log::failure(std::string_view room, std::string_view message, const std::exception& error) {
    if (const auto* const ours = dynamic_cast<const Error*>(&error))
        write(LogLevel::error, room, message,
              {{"code", to_string(ours->code())}, {"subject", ours->subject()}, {"error", ours->what()}});
    else
        write(LogLevel::error, room, message, {{"error", error.what()}});
}

}  // namespace tenon::base
