#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backups.hpp"
#include "interrupt.hpp"
#include "json.hpp"
#include "limits.hpp"
#include "progress.hpp"
#include "text.hpp"

namespace tenon::cli {
namespace {

constexpr std::int64_t piece = 4 << 20;

/// Where bytes go: a new file that is taken away again unless it is finished, or standard output.
class Sink {
public:
    explicit Sink(const Args& args) : path_(args.text("--output")) {
        if (path_.empty() || path_ == "-") {
            path_.clear();
            return;
        }
        fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd_ < 0) fail(errno);
    }
    ~Sink() {
        if (fd_ < 0) return;
        close(fd_);
        if (!is_finished_) unlink(path_.c_str());
    }
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;

    bool is_file() const { return fd_ >= 0; }
    const std::string& path() const { return path_; }
    std::int64_t written() const { return written_; }
    /// False: whoever read standard output has what he wanted.
    bool put(const Buffer& bytes) {
        if (Interrupt::came()) throw Cancelled("interrupted");
        written_ += static_cast<std::int64_t>(bytes.size());
        if (!is_file()) {
            if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size()) flush_output();
            return !output_gone();
        }
        for (std::size_t at = 0; at < bytes.size();) {
            const auto put = write(fd_, bytes.data() + at, bytes.size() - at);
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) fail(errno);
            at += static_cast<std::size_t>(put);
        }
        return true;
    }
    void finish() {
        if (is_file() && fsync(fd_) != 0) fail(errno);
        is_finished_ = true;
        if (!is_file()) flush_output();
    }

private:
    [[noreturn]] void fail(int error) const {
        throw_error(error == EEXIST   ? Errc::conflict
                    : error == ENOSPC ? Errc::no_space
                    : error == ENOENT ? Errc::not_found
                    : error == EACCES ? Errc::permission_denied
                                      : Errc::unavailable,
                    std::string("cannot write it: ") + std::strerror(error), {.subject = path_});
    }

    std::string path_;
    int fd_ = -1;
    bool is_finished_ = false;
    std::int64_t written_ = 0;
};

void say_written(const Context& context, const Sink& sink) {
    if (!sink.is_file()) return;
    context.out().thing({{"path", sink.path()}, {"size", sink.written()}}, sink.path(),
                        {{"Written", sink.path()}, {"Size", size({sink.written()})}});
}

}  // namespace

int write_stream(Context& context, const Args& args) {
    BackupStreamOptions options{.name = args.text("--name", "stream"), .upload_per_second = args.size(upload_option.name).value_or(Bytes{})};
    for (const auto& given : args.all("--tag")) options.tags.push_back(label(given, "--tag"));
    if (isatty(STDIN_FILENO) == 1) throw UsageError("nothing is piped in: give it the output of a program, or “< FILE”");
    const Session session = backup_session(context);
    BackupStream stream = session.backups().open_stream(options);
    stream.open(args.operand(0));
    const Interrupt interrupt;
    Buffer bytes(piece);
    while (true) {
        if (!readable(STDIN_FILENO)) throw Cancelled("interrupted: there is no snapshot");
        bytes.resize(static_cast<std::size_t>(piece));
        const auto got = read(STDIN_FILENO, bytes.data(), bytes.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw_error(Errc::unavailable, std::string("cannot read it: ") + std::strerror(errno), {.subject = "standard input"});
        if (got == 0) break;
        bytes.resize(static_cast<std::size_t>(got));
        stream.write(bytes);
    }
    const BackupResult result = stream.finish();
    Fields shown = fields(result.snapshot);
    shown.pop_back();  // what it stored stands at the end
    shown.emplace_back("Deduplicated", size(result.deduplicated));
    shown.emplace_back("Stored", size(result.stored));
    context.out().thing(to_json(result), result.snapshot.id.text(), shown);
    for (const auto& problem : result.problems) context.out().remark("! " + problem);
    return 0;
}

int cat_file(Context& context, const Args& args) {
    const Session session = backup_session(context);
    BackupFile file = session.backups().open_file({.snapshot = snapshot_named(session, args.operand(0)), .path = args.operand(1)});
    const Interrupt interrupt;
    Sink sink(args);
    auto at = args.size("--offset").value_or(Bytes{}).count;
    auto left = args.has("--length") ? args.size("--length")->count : file.size();
    while (left > 0) {
        const auto bytes = file.read(at, std::min(left, piece));
        if (bytes.empty() || !sink.put(bytes)) break;
        at += static_cast<std::int64_t>(bytes.size());
        left -= static_cast<std::int64_t>(bytes.size());
    }
    sink.finish();
    say_written(context, sink);
    return 0;
}

namespace {

/// What is in the archive's files, at most: what is excluded is not taken off. 0: nobody knows yet.
std::int64_t size_of_all(const Session& session, const SnapshotId& id, const std::vector<std::string>& paths) {
    if (paths.empty()) return session.backups().get(id).size.count;
    std::int64_t total = 0;
    for (auto path : paths) {
        while (path.ends_with('/')) path.pop_back();
        const auto slash = path.rfind('/');
        const auto folder = slash == std::string::npos ? std::string() : path.substr(0, slash);
        const auto name = slash == std::string::npos ? path : path.substr(slash + 1);
        try {
            for (const auto& entry : session.backups().browse({.snapshot = id, .path = folder}))
                if (entry.name == name) total += entry.size.count;
        } catch (const NotFound&) {
            // Opening says so.
        }
    }
    return total;
}

}  // namespace

int archive_files(Context& context, const Args& args) {
    const Session session = backup_session(context);
    const auto id = snapshot_named(session, args.operand(0));
    const auto paths = args.operands_from(1);
    BackupArchive archive = session.backups().open_archive({.snapshot = id, .paths = paths, .exclude = args.all("--exclude"),
                                                            .download_per_second = args.size(download_option.name).value_or(Bytes{})});
    if (!args.has("--output") && isatty(STDOUT_FILENO) == 1)
        throw UsageError("an archive is nothing for a terminal: give --output FILE, or put it into a pipe");
    Sink sink(args);
    Progress progress{.stage = "archive", .total = size_of_all(session, id, paths), .unit = "bytes"};
    const auto begin = std::chrono::steady_clock::now();
    const auto go_on = [&] {
        const auto bytes = archive.read(piece);
        const bool ended = bytes.empty() || !sink.put(bytes);
        // Names and the like are in it, too.
        progress.done = ended ? progress.total : std::min(sink.written(), progress.total);
        progress.percent = ended ? 100 : progress.total > 0 ? 100.0 * static_cast<double>(progress.done) / static_cast<double>(progress.total) : 0;
        const auto passed = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begin);
        progress.eta.reset();
        if (!ended && progress.percent > 1 && passed > std::chrono::seconds(1))
            progress.eta = Duration(static_cast<std::int64_t>(static_cast<double>(passed.count()) * (100 - progress.percent) / progress.percent));
        return ended;
    };
    // Whatever comes of Ctrl-C, the sink throws it.
    follow(context, go_on, [] {}, [&] { return progress; }, "archive");
    sink.finish();
    say_written(context, sink);
    for (const auto& problem : archive.problems()) std::fprintf(stderr, "! %s\n", clean(problem).c_str());
    return 0;
}

namespace {

std::string how_long(Duration time) {
    using std::chrono::seconds;
    return time < seconds(1) ? "less than a second" : "about " + length(std::chrono::ceil<seconds>(time));
}

}  // namespace

int preview_restore(Context& context, const Session& session, const RestoreOptions& options, bool compare) {
    const RestorePreview p = session.backups().preview(options, compare);
    if (context.out().people() && !p.changes.empty()) {
        Table table({"", "PATH", ">NOW", ">THEN"});
        for (const auto& change : p.changes) {
            const bool is_new = change.change == ChangeKind::added, is_gone = change.change == ChangeKind::removed;
            const bool is_file = change.kind == FileKind::file;
            const auto now = is_new ? "-" : is_gone && !is_file ? to_string(change.kind) : size(change.before);
            const auto then = is_gone ? "-" : is_file ? size(change.after) : to_string(change.kind);
            table.row({is_new ? "+" : is_gone ? "-" : "M", change.path, now, then});
        }
        context.out().list({}, {}, table, "");
        context.out().line("");
    }
    context.out().thing(to_json(p), std::to_string(p.written.count),
                        {{"Would restore to", p.target.string()},
                         {"Files", count(p.files) + ": " + count(p.files_new) + " new, " + count(p.files_replaced) + " replaced, " +
                                       count(p.files_unchanged) + " already there"},
                         {"Folders", count(p.folders_new) + " new"},
                         {"Others", options.delete_extra ? count(p.deleted) + " deleted that the snapshot does not have"
                                                         : count(p.extra) + " stay that the snapshot does not have"},
                         {"Written", size(p.written)},
                         {"Kept", size(p.kept)},
                         {"Fetched", size(p.fetched) + " in " + count(p.requests) + (p.requests == 1 ? " request" : " requests")},
                         {"Time", how_long(p.time) +
                                      (p.measured ? ", as the newest drill measured" : ", without the disk; “backup drill” measures")}});
    for (const auto& problem : p.problems) context.out().remark("! " + problem);
    return 0;
}

}  // namespace tenon::cli
