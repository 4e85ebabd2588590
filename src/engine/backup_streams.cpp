// What is in a snapshot, read without restoring it, and what a restore would do.
#include <tenon/backup_stream.hpp>

#include <algorithm>
#include <utility>

#include <backup/read.hpp>
#include <base/json.hpp>
#include <base/text.hpp>

#include "backup_drills.hpp"
#include "backup_rows.hpp"
#include "core.hpp"
#include "repositories.hpp"
#include "repository_charge.hpp"
#include "restored.hpp"

TENON_BEGIN

namespace {

constexpr std::int64_t most_at_once = 64 << 20;

std::uint64_t length_of(std::int64_t length) {
    if (length < 0 || length > most_at_once) throw InvalidArgument("0 to 64 MiB are read at once", {.subject = "length"});
    return static_cast<std::uint64_t>(length);
}

std::shared_ptr<backup::Repository> repository_of(const SessionImpl& session, const SnapshotId& snapshot) {
    auto repository = engine::repositories_of(*session.engine).find(session.scope);
    if (!repository) throw NotFound("there is no such snapshot: " + snapshot.text(), {.subject = snapshot.text()});
    return repository;
}

/// Before the first byte can be read.
void note_opening(const SessionImpl& session, const char* action, const SnapshotId& snapshot, const std::vector<std::string>& paths) {
    constexpr std::size_t most_paths = 100;
    base::Json list = base::Json::array();
    for (std::size_t i = 0; i < std::min(paths.size(), most_paths); ++i)
        if (paths[i].size() <= 4096 && base::is_utf8(paths[i])) list.push(paths[i]);
    base::Json details;
    details.set("paths", std::move(list));
    session.write([&](db::Tx& tx) { session.audit(tx, action, snapshot.text(), session.now(), details); });
}

}  // namespace

/// What a reading handle stands on: ends with its own close(), its session and its engine.
struct BackupReading {
    explicit BackupReading(std::shared_ptr<SessionImpl> s) : session(std::move(s)) {}

    const std::shared_ptr<SessionImpl> session;
    std::stop_source stop;
    std::mutex mutex;

    /// Runs `work` with the mutex held. `release`: lets go of what is read, once the handle is closed.
    template <class Work, class Release> auto guarded(Work work, Release release) {
        const auto pass = session->enter(engine::Permission::backup_restore);
        const std::lock_guard lock(mutex);
        const std::stop_callback closing(session->engine->stopping.get_token(), [this] { stop.request_stop(); });
        const struct Closing {
            BackupReading& my;
            Release& release;
            ~Closing() {
                if (my.stop.stop_requested()) release();
            }
        } ends{*this, release};
        if (stop.stop_requested()) throw Closed("this was closed");
        try {
            return work();
        } catch (const Cancelled&) {
            throw Closed("this was closed meanwhile");
        } catch (const Corrupt&) {
            engine::repository_charge::try_reconcile(*session->engine, session->scope);  // the repository has kept what is damaged
            throw;
        }
    }

    template <class Release> void close(Release release) noexcept {
        if (session->engine->gate.forked()) return;
        stop.request_stop();
        // Whoever is reading lets go himself.
        if (const std::unique_lock lock(mutex, std::try_to_lock); lock.owns_lock()) release();
    }
};

struct BackupFileImpl : BackupReading {
    BackupFileImpl(std::shared_ptr<SessionImpl> s, OpenFileOptions o) : BackupReading(std::move(s)), options(std::move(o)) {
        const std::stop_callback closing(session->engine->stopping.get_token(), [this] { stop.request_stop(); });
        open();
        size = static_cast<std::int64_t>(view->size());
    }

    /// With the keys of now: what was erased since reads as erased.
    void open() {
        auto newest = repository_of(*session, options.snapshot);
        if (view && newest == repository) return;
        repository = std::move(newest);
        view = std::make_unique<backup::FileView>(repository, options.snapshot, options.path, stop.get_token());
    }

    const OpenFileOptions options;
    std::int64_t size = 0;
    std::shared_ptr<const backup::Repository> repository;  // as the next under mutex
    std::unique_ptr<backup::FileView> view;                ///< Null: closed.
};

struct BackupArchiveImpl : BackupReading {
    BackupArchiveImpl(std::shared_ptr<SessionImpl> s, const ArchiveOptions& o) : BackupReading(std::move(s)) {
        const std::stop_callback closing(session->engine->stopping.get_token(), [this] { stop.request_stop(); });
        backup::ArchiveRequest request{.snapshot = o.snapshot, .paths = o.paths, .exclude = o.exclude,
                                       .bytes_per_second = o.download_per_second.count};
        reader = std::make_unique<backup::ArchiveReader>(repository_of(*session, o.snapshot), std::move(request), stop.get_token());
    }

    std::unique_ptr<backup::ArchiveReader> reader;  // under mutex; null: closed, or it failed
    std::vector<std::string> problems;              // under mutex
};

BackupFile::BackupFile(std::shared_ptr<BackupFileImpl> impl) : impl_(std::move(impl)) {}

std::int64_t BackupFile::size() const noexcept { return impl_->size; }

Buffer BackupFile::read(std::int64_t offset, std::int64_t length) {
    if (offset < 0) throw InvalidArgument("a place in a file is not negative", {.subject = "offset"});
    const auto wanted = length_of(length);
    auto& my = *impl_;
    return my.guarded(
        [&] {
            my.open();
            return my.view->read(static_cast<std::uint64_t>(offset), wanted);
        },
        [&] { my.view.reset(); });
}

void BackupFile::close() noexcept {
    impl_->close([this] { impl_->view.reset(); });
}

BackupArchive::BackupArchive(std::shared_ptr<BackupArchiveImpl> impl) : impl_(std::move(impl)) {}

Buffer BackupArchive::read(std::int64_t length) {
    const auto wanted = length_of(length);
    auto& my = *impl_;
    return my.guarded(
        [&]() -> Buffer {
            if (!my.reader) throw Closed("this archive ended with an error");
            try {
                auto bytes = my.reader->next(wanted);
                const auto& all = my.reader->problems();
                for (auto i = my.problems.size(); i < all.size(); ++i) my.problems.push_back(all[i].path + ": " + all[i].message);
                return bytes;
            } catch (...) {
                my.reader.reset();  // nobody knows how much of the next entry it had
                throw;
            }
        },
        [&] { my.reader.reset(); });
}

std::vector<std::string> BackupArchive::problems() const {
    const auto pass = impl_->session->enter(engine::Permission::backup_restore);
    const std::lock_guard lock(impl_->mutex);
    return impl_->problems;
}

void BackupArchive::close() noexcept {
    impl_->close([this] { impl_->reader.reset(); });
}

BackupFile Backups::open_file(const OpenFileOptions& options) {
    const auto pass = impl_->enter(engine::Permission::backup_restore);
    auto opened = impl_->interruptible([&](const std::stop_token&) { return std::make_shared<BackupFileImpl>(impl_, options); });
    note_opening(*impl_, "backup.open_file", options.snapshot, {options.path});
    return Internal::make<BackupFile>(std::move(opened));
}

BackupArchive Backups::open_archive(const ArchiveOptions& options) {
    const auto pass = impl_->enter(engine::Permission::backup_restore);
    backup::check_patterns(options.exclude);
    if (options.download_per_second.count < 0) throw InvalidArgument("a limit is not negative", {.subject = "download_per_second"});
    auto opened = impl_->interruptible([&](const std::stop_token&) { return std::make_shared<BackupArchiveImpl>(impl_, options); });
    note_opening(*impl_, "backup.open_archive", options.snapshot, options.paths);
    return Internal::make<BackupArchive>(std::move(opened));
}

namespace {

/// What a drill measured, for so many files and bytes.
std::optional<Duration> measured_time(const SessionImpl& session, std::int64_t files, std::int64_t bytes) {
    const auto reports = session.read([](db::Reader& reader) { return engine::drill_rows::list(reader, {.limit = 10}); });
    for (const auto& report : reports) {
        if (report.files == 0 || report.restore_time == Duration::zero()) continue;
        // Few bytes say nothing of many.
        if (report.size.count < 16 << 20 && report.size.count < bytes / 64) continue;
        const auto by_files = static_cast<double>(files) / static_cast<double>(report.files);
        const auto by_bytes = report.size.count == 0 ? 0.0 : static_cast<double>(bytes) / static_cast<double>(report.size.count);
        return Duration(static_cast<std::int64_t>(static_cast<double>(report.restore_time.count()) * std::max(by_files, by_bytes)));
    }
    return std::nullopt;
}

}  // namespace

RestorePreview Backups::preview(const RestoreOptions& options, bool compare) const {
    const auto pass = impl_->enter(engine::Permission::backup_restore);
    constexpr std::size_t most_changes = 10'000, most_problems = 1000;
    constexpr Duration sample = std::chrono::milliseconds(200);
    const auto repository = repository_of(*impl_, options.snapshot);
    backup::RestoreRequest request{.target = engine::restore_target(*impl_, options), .paths = options.paths, .exclude = options.exclude,
                                   .bytes_per_second = options.limits.download_per_second.count, .overwrite = true,
                                   .delete_extra = options.delete_extra, .salvage = options.salvage};
    if (request.target == impl_->workspace.root) {
        request.exclude.push_back(std::string("/") + engine::rows_folder);
        request.may_delete = engine::restored::deletions(*impl_->engine->database, impl_->scope);
    }
    const auto said = impl_->interruptible([&](const std::stop_token& stop) {
        return backup::forecast(*repository, options.snapshot, request, compare, most_changes, sample, stop);
    });
    RestorePreview preview{.target = request.target, .files = said.files, .files_new = said.files_new, .files_replaced = said.files_replaced,
                           .files_unchanged = said.files_unchanged, .folders_new = said.folders_new, .extra = said.extra,
                           .deleted = said.deleted,
                           .written = {said.bytes_written}, .kept = {said.bytes_kept}, .fetched = {said.bytes_fetched},
                           .requests = said.requests};
    const auto measured = measured_time(*impl_, said.files_new + said.files_replaced, said.bytes_written);
    preview.measured = measured.has_value();
    preview.time = measured.value_or(said.fetch_time);
    if (request.bytes_per_second > 0)
        preview.time = std::max(preview.time, Duration(static_cast<std::int64_t>(static_cast<double>(said.bytes_fetched) /
                                                                                 static_cast<double>(request.bytes_per_second) * 1e6)));
    for (const auto& change : said.changes)
        preview.changes.push_back({.path = change.path,
                                   .change = change.is_new ? ChangeKind::added : change.is_gone ? ChangeKind::removed : ChangeKind::modified,
                                   .kind = change.kind == backup::EntryKind::file     ? FileKind::file
                                           : change.kind == backup::EntryKind::folder ? FileKind::folder
                                           : change.kind == backup::EntryKind::link   ? FileKind::link
                                                                                      : FileKind::other,
                                   .before = {change.before},
                                   .after = {change.after}});
    for (const auto& problem : said.problems) {
        if (preview.problems.size() == most_problems) {
            preview.problems.push_back("and " + std::to_string(said.problems.size() - most_problems) + " more");
            break;
        }
        preview.problems.push_back(problem.path + ": " + problem.message);
    }
    return preview;
}

TENON_END
