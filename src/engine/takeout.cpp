// The job that takes everything of a tenant out: what it reads, what it writes, how it ends.
#include "takeout.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include <base/text.hpp>
#include <crypto/encoding.hpp>
#include <tenant/audit_seal.hpp>

#include "record_files.hpp"
#include "repositories.hpp"
#include "takeout_writer.hpp"

namespace tenon::engine::takeout {
namespace {

using base::Json;
using Folder = std::filesystem::path;

constexpr std::string_view opening = "takeout 1\n";
constexpr int most_tries = 3;
constexpr std::size_t longest_name = 150;     // what is added to it for the unfinished folder is short enough, then
constexpr std::size_t largest_manifest = 1 << 20;
constexpr const char* place_name = "place";

constexpr const char* others[] = {"audit", "plan", "render", "snapshot"};

/// Where a takeout is made before it gets its name.
Folder unfinished(const Folder& target, const JobId& job) {
    return target.parent_path() / ("." + target.filename().string() + "." + job.text() + ".partial");
}

using record_files::Told;

/// An original as it stands ready to be copied.
struct Ready {
    Original original{};
    Folder from{};
};

class Run {
public:
    Run(EngineImpl& engine, const jobs::Attempt& attempt, Folder target)
        : engine_(engine), attempt_(attempt), workspace_(engine.workspace(attempt.scope.tenant())), target_(std::move(target)),
          folder_(unfinished(target_, attempt.job.id)), temp_(workspace_.temp() / attempt.job.id.text()) {}

    /// Writes all of it and gives it its name. The manifest's text.
    std::string make() {
        workspace_.make();
        make_private_folder(temp_);
        // Written down before the folder is made: who finds this after a kill knows what to remove.
        base::write_file_atomically(temp_ / place_name, base::view_of(folder_.string()));
        attempt_.progress.stage("records", 0.2, 0, "records");
        const auto ready = gather();
        copy_originals(ready);
        attempt_.progress.stage("sealing", 0.05, 0, "files");
        tell_snapshots();
        add_evidence();
        write_problems();
        auto text = write_manifest();
        sync_tree(folder_);
        if (const int error = base::rename_new(AT_FDCWD, folder_.c_str(), target_.c_str()); error == EEXIST || error == ENOTEMPTY)
            throw Conflict("the folder exists", {.subject = target_.string()});
        else if (error != 0)
            base::throw_errno("cannot give the takeout its name", target_.string(), error);
        base::sync_folder(target_.parent_path());
        return text;
    }

private:
    void look() const {
        if (attempt_.stop.stop_requested()) throw Cancelled("the takeout was stopped");
    }

    // ---- records ----

    /// A file that a row names and that is not there was removed since the rows were read, or is lost: rows are read anew, and what is
    /// still named then is lost.
    std::vector<Ready> gather() {
        for (int tries = 1;; ++tries) {
            look();
            begin();
            told_ = engine_.database->read_at_length(attempt_.scope, record_files::longest_read, [&](db::Reader& reader) { return tell(reader); });
            auto ready = link();
            if (lost_.empty() || tries == most_tries) {
                for (const auto& path : lost_) problems_.push_back({path, "the file is not there"});
                for (const auto& path : open_footage()) problems_.push_back({path, "is still being written"});
                return ready;
            }
        }
    }

    void begin() {
        std::error_code ignored;
        list_.reset();
        std::filesystem::remove_all(folder_, ignored);
        std::filesystem::remove_all(temp_ / "originals", ignored);
        make_private_folder(folder_ / "records");
        make_private_folder(folder_ / "files");
        make_private_folder(temp_ / "originals");
        list_.emplace(folder_);
        lost_.clear();
    }

    /// `write` appends lines and says how many.
    template <class Write> void record_file(Told& told, const std::string& name, const Write& write) {
        const auto path = "records/" + name + ".jsonl";
        HashedFile file(folder_ / path);
        told.counts[name] = write(file);
        const auto sha256 = file.finish();
        list_->add(path, file.size(), sha256);
    }

    Told tell(db::Reader& reader) {
        return record_files::tell(reader, engine_.now(),
                                  {.folder = folder_ / "records",
                                   .durable = true,
                                   .on_file = [this](const std::string& name, std::int64_t size,
                                                     const std::string& sha256) { list_->add("records/" + name, size, sha256); },
                                   .look = [this] { look(); },
                                   .advance = [this](std::int64_t count) { attempt_.progress.advance(count); }});
    }

    // ---- originals ----

    /// Footage whose end no row has told of yet.
    std::vector<std::string> open_footage() const {
        std::set<std::string> named;
        for (const auto& original : told_.named) named.insert(original.path);
        std::vector<std::string> found;
        std::error_code error;
        for (std::filesystem::recursive_directory_iterator at(workspace_.recordings(), error), end; !error && at != end; at.increment(error)) {
            if (at->path().extension() != ".mp4") continue;
            auto path = at->path().lexically_relative(workspace_.root).string();
            if (!named.contains(path)) found.push_back(std::move(path));
        }
        return found;
    }

    /// Whether it is a file that an import, under way or killed, has put there: no row names it.
    static bool is_import(const std::string& path) {
        const Folder file(path);
        if (file.parent_path().filename() != "assets") return false;
        try {
            AssetId::parse(file.stem().string());
            return true;
        } catch (const InvalidArgument&) {
            return false;
        }
    }

    bool is_doomed(const std::string& path) const {
        for (Folder at(path); !at.empty() && at != at.parent_path(); at = at.parent_path())
            if (told_.doomed.contains(at.string())) return true;
        return false;
    }

    /// What hosts have put beside the projects' assets themselves.
    std::vector<Original> unnamed(const std::set<std::string>& named) const {
        std::vector<Original> found;
        std::error_code error;
        const auto projects = workspace_.root / "projects";
        for (std::filesystem::recursive_directory_iterator at(projects, error), end; !error && at != end; at.increment(error)) {
            look();
            if (!std::filesystem::is_regular_file(at->symlink_status())) continue;
            auto path = at->path().lexically_relative(workspace_.root).string();
            if (!named.contains(path) && !is_import(path) && !is_doomed(path)) found.push_back({std::move(path), 0, ""});
        }
        std::ranges::sort(found, {}, &Original::path);
        return found;
    }

    /// Gives every original a second name in `temp`, so that it can be copied whatever becomes of the first. Where the file system knows
    /// no such names, or another one holds the footage, it is copied from where it is.
    std::vector<Ready> link() {
        std::set<std::string> named;
        for (const auto& original : told_.named) named.insert(original.path);
        std::vector<Ready> ready;
        const auto take = [&](const Original& original, bool must_be_there) {
            look();
            const auto from = workspace_.root / original.path;
            auto second = temp_ / "originals" / std::to_string(ready.size());
            if (::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, second.c_str(), 0) == 0) {
                ready.push_back({original, std::move(second)});
            } else if (errno == ENOENT || errno == ENOTDIR) {
                if (must_be_there) lost_.push_back(original.path);
            } else if (errno == ENOSPC || errno == EDQUOT) {
                base::throw_errno("cannot keep the files that are to be copied", second.string(), errno);
            } else {
                ready.push_back({original, from});
            }
        };
        for (const auto& original : told_.named) take(original, true);
        for (const auto& original : told_.restored)
            if (named.insert(original.path).second) take(original, false);
        for (const auto& original : unnamed(named)) take(original, false);
        return ready;
    }

    void copy_originals(const std::vector<Ready>& ready) {
        std::int64_t total = 0;
        for (const auto& each : ready) {
            std::error_code error;
            if (const auto size = std::filesystem::file_size(each.from, error); !error) total += static_cast<std::int64_t>(size);
        }
        attempt_.progress.stage("files", 0.75, total, "bytes");
        std::error_code unknown;
        if (const auto space = std::filesystem::space(folder_, unknown); !unknown && space.available < static_cast<std::uintmax_t>(total))
            throw NoSpace("the takeout needs " + base::human_bytes(total) + ", and there is less room", {.subject = target_.string()});
        for (const auto& each : ready) {
            look();
            copy_one(each);
        }
    }

    void copy_one(const Ready& each) {
        // A name that is no UTF-8 could not be told in JSON.
        const auto name = base::to_utf8(each.original.path);
        const auto path = "files/" + name;
        const auto to = folder_ / path;
        try {
            const auto copied = copy(each.from, to, attempt_.stop, [&](std::int64_t bytes) { attempt_.progress.advance(bytes); });
            list_->add(path, copied.size, copied.sha256);
            ++originals_;
            if (!each.original.sha256.empty() && each.original.sha256 != copied.sha256)
                problems_.push_back({name, "the content is not what was recorded: the file is damaged"});
        } catch (const Error& error) {
            const bool readable = error.subject() != each.from.string();
            if (readable || error.code() == Errc::cancelled) throw;
            std::error_code ignored;
            std::filesystem::remove(to, ignored);
            problems_.push_back({name, std::string("cannot be read: ") + error.what()});
        }
        std::error_code ignored;
        if (each.from.parent_path() == temp_ / "originals") std::filesystem::remove(each.from, ignored);
    }

    // ---- what is no row ----

    /// They lie in the repository, which may be away or open with a password only.
    void tell_snapshots() {
        std::vector<backup::SnapshotInfo> snapshots;
        try {
            if (const auto repository = repositories_of(engine_).find(attempt_.scope)) snapshots = repository->list(attempt_.stop);
        } catch (const Cancelled&) {
            throw;
        } catch (const Closed&) {
            throw;
        } catch (const Error& error) {
            problems_.push_back({"backups", std::string("snapshots cannot be listed: ") + error.what()});
        }
        record_file(told_, "snapshot", [&](HashedFile& file) {
            for (const auto& info : snapshots) {
                const auto snapshot = to_public(info);
                auto tags = Json::object();
                for (const auto& tag : snapshot.tags) tags.set(tag.key, tag.value);
                auto line = Json::object();
                line.set("id", snapshot.id.text())
                    .set("name", snapshot.name)
                    .set("taken_at", base::to_rfc3339(snapshot.taken_at))
                    .set("tags", std::move(tags))
                    .set("files", snapshot.files)
                    .set("size", snapshot.size.count)
                    .set("stored", snapshot.stored ? Json(snapshot.stored->count) : Json());
                file.lines() += base::to_json(line) + "\n";
                file.settle_lines();
            }
            return std::ssize(snapshots);
        });
    }

    void add_evidence() {
        make_private_folder(folder_ / "audit");
        engine_.seal_audit();
        const auto path = std::string("audit/evidence.txt");
        checkpoint_ = tenant::audit::export_file(*engine_.database, engine_.system, attempt_.scope, folder_ / path);
        std::filesystem::permissions(folder_ / path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
        const auto measured = measure(folder_ / path, attempt_.stop);
        list_->add(path, measured.size, measured.sha256);
    }

    void write_problems() {
        HashedFile file(folder_ / problems_name);
        for (const auto& problem : problems_) {
            auto line = Json::object();
            line.set("path", problem.path).set("problem", problem.message);
            file.lines() += base::to_json(line) + "\n";
            file.settle_lines();
        }
        const auto sha256 = file.finish();
        list_->add(problems_name, file.size(), sha256);
    }

    // ---- the manifest ----

    std::string write_manifest() {
        const auto list_sha256 = list_->finish();
        auto counts = Json::object();
        for (const auto& [name, count] : told_.counts) counts.set(name, count);
        const auto seed = engine_.master->derive("audit checkpoints");
        const auto key = crypto::SigningKey::from_seed(seed.bytes());
        auto said = Json::object();
        said.set("at", base::to_rfc3339(told_.at))
            .set("audit_records", told_.audit_records)
            .set("bytes", list_->bytes())
            .set("engine", TENON_VERSION)
            .set("evidence_records", checkpoint_.size)
            .set("evidence_root", checkpoint_.root)
            .set("files", list_->count())
            .set("job", attempt_.job.id.text())
            .set("key", tenant::audit::key_text(key.public_key()))
            .set("list_sha256", list_sha256)
            .set("list_size", list_->size())
            .set("originals", originals_)
            .set("problems", std::ssize(problems_))
            .set("records", std::move(counts))
            .set("schema", record_files::schema())
            .set("tenant", attempt_.scope.tenant().text())
            .set("time", told_.at.time_since_epoch().count())
            .set("v", 1);
        auto text = tenant::audit::signed_text(std::string(opening) + base::to_canonical_json(said) + "\n", key);
        HashedFile file(folder_ / manifest_name);
        file.write(base::view_of(text));
        file.finish();
        return text;
    }

    EngineImpl& engine_;
    const jobs::Attempt& attempt_;
    const Workspace workspace_;
    const Folder target_, folder_, temp_;
    std::optional<FileList> list_;
    Told told_;
    std::vector<std::string> lost_;
    std::vector<Problem> problems_;
    std::int64_t originals_ = 0;
    AuditCheckpoint checkpoint_;
};

/// What a manifest says. Throws Corrupt.
Json said_in(const std::string& manifest) {
    const auto end = manifest.find('\n', opening.size());
    if (!manifest.starts_with(opening) || end == std::string::npos) throw Corrupt("the manifest cannot be read", {.subject = manifest_name});
    return base::parse_json(std::string_view(manifest).substr(opening.size(), end - opening.size()));
}

/// The manifest of a takeout that this job has finished, but could not say so before it died. Empty: it has not.
std::string finished(const Folder& target, const jobs::JobRow& job) {
    try {
        const auto bytes = base::read_file(target / manifest_name, largest_manifest);
        std::string text(bytes.begin(), bytes.end());
        return said_in(text).get_string("job") == job.id.text() ? text : "";
    } catch (const Error&) {
        return "";
    }
}

jobs::Outcome outcome_of(EngineImpl& engine, const jobs::JobRow& job, const Folder& target, const std::string& manifest) {
    auto said = said_in(manifest);
    const auto sha256 = crypto::to_hex(crypto::sha256(base::view_of(manifest)));
    auto details = Json::object();
    details.set("manifest_sha256", sha256).set("files", said.get_int("files")).set("bytes", said.get_int("bytes"));
    details.set("problems", said.get_int("problems"));
    said.set("target", target.string()).set("manifest_sha256", sha256);
    return {.result = base::to_json(said), .settle = [&engine, id = job.id.text(), details](db::Tx& tx) {
                const auto at = engine.now();
                tenant::audit::append(tx, tenant::engine_actor("jobs"), {.time = at, .action = "takeout.made", .target = id, .details = details});
                engine.events->append(tx, {.kind = "takeout.made", .at = at, .subject = id, .data = details});
            }};
}

/// Makes nothing of its own while the engine is open: all state is the job's.
class TakeoutPart final : public Part {
public:
    explicit TakeoutPart(EngineImpl& engine) : engine_(engine) {}

    void prepare() override {
        engine_.queue->add_kind(kind, {.run = [this](const jobs::Attempt& attempt) { return run(attempt); },
                                       .give_up = [this](db::Tx& tx, const jobs::JobRow& job) { give_up(tx, job); }});
    }

private:
    jobs::Outcome run(const jobs::Attempt& attempt) {
        const auto& job = attempt.job;
        const Folder target = base::parse_json(job.payload).get_string("target");
        const auto temp = engine_.workspace(attempt.scope.tenant()).temp() / job.id.text();
        clear(temp, job.id);  // of an attempt before
        if (const auto manifest = finished(target, job); !manifest.empty()) return outcome_of(engine_, job, target, manifest);
        engine_.check_outside(target, "target", nullptr);
        std::error_code error;
        if (std::filesystem::exists(std::filesystem::symlink_status(target, error)))
            throw Conflict("the folder exists", {.subject = target.string()});
        try {
            const auto manifest = Run(engine_, attempt, target).make();
            clear(temp, job.id);
            return outcome_of(engine_, job, target, manifest);
        } catch (...) {
            clear(temp, job.id);
            throw;
        }
    }

    /// It may have been cancelled before a second attempt began: what a killed first one left goes.
    void give_up(db::Tx& tx, const jobs::JobRow& job) {
        tx.on_commit([this, job = job.id, temp = engine_.workspace(tx.scope().tenant()).temp() / job.id.text()] {
            try {
                engine_.timers->after(Duration::zero(), [temp, job] { clear(temp, job); });
            } catch (const Closed&) {
                // Cleared when the home is opened again.
            }
        });
    }

    EngineImpl& engine_;
};

}  // namespace

void clear(const Folder& temp, const JobId& job) noexcept {
    try {
        std::error_code ignored;
        if (std::filesystem::exists(temp / place_name, ignored)) {
            const auto bytes = base::read_file(temp / place_name, 64 * 1024);
            const Folder place(std::string(bytes.begin(), bytes.end()));
            const auto name = place.filename().string();
            // Nothing but what unfinished() makes.
            if (place.is_absolute() && name.starts_with('.') && name.ends_with("." + job.text() + ".partial"))
                std::filesystem::remove_all(place, ignored);
        }
        std::filesystem::remove_all(temp, ignored);
    } catch (const std::exception&) {
        // The next opening looks again.
    }
}

void clear_all(const Folder& temp) noexcept {
    std::error_code error;
    for (std::filesystem::directory_iterator at(temp, error), end; !error && at != end; at.increment(error)) {
        std::error_code missing;
        if (!std::filesystem::exists(at->path() / place_name, missing)) continue;
        try {
            clear(at->path(), JobId::parse(at->path().filename().string()));
        } catch (const std::exception&) {
            // Not a job's.
        }
    }
}

std::span<const char* const> other_kinds() { return others; }

std::shared_ptr<JobImpl> start(const std::shared_ptr<SessionImpl>& session, const TakeoutOptions& options) {
    const auto pass = session->enter(Permission::tenant_export);
    if (options.target.empty()) throw InvalidArgument("say where everything goes", {.subject = "target"});
    if (!base::is_utf8(options.target.native()))
        throw InvalidArgument("is not valid UTF-8, and is kept with the job as text", {.subject = "target"});
    auto target = std::filesystem::absolute(options.target).lexically_normal();
    if (!target.has_filename()) target = target.parent_path();
    if (target.native().find('\0') != std::string::npos || target.filename().empty() || target.filename().native().size() > longest_name)
        throw InvalidArgument("a takeout's folder has a name of at most 150 bytes", {.subject = "target"});
    jobs::check_schedule(options.schedule, session->now());
    session->check_outside(target, "target", false);
    std::error_code error;
    if (!std::filesystem::is_directory(target.parent_path(), error))
        throw NotFound("there is no folder for the takeout to lie in", {.subject = target.parent_path().string()});
    if (std::filesystem::exists(std::filesystem::symlink_status(target, error))) throw Conflict("the folder exists", {.subject = target.string()});
    Json payload;
    payload.set("target", target.string());
    jobs::NewJob request{.kind = kind, .payload = base::to_json(payload)};
    jobs::schedule(request, options.schedule);
    const auto at = session->now();
    const auto granted = session->granted();
    const auto enqueued = session->change("takeout.start", "", [&](db::Tx& tx) {
        auto job = engine::enqueue(*session, *granted, tx, request);
        if (!job.is_new) return job;
        Json details;
        details.set("job", job.job.text());
        session->audit(tx, "takeout.start", job.job.text(), at, std::move(details));
        return job;
    });
    return handle_of(session, enqueued, kind);
}

Takeout result(const JobImpl& job) {
    const auto said = base::parse_json(job_result(job));
    Takeout takeout{.path = said.get_string("target"), .at = {}, .originals = said.get_int("originals"), .files = said.get_int("files"),
                    .size = {said.get_int("bytes")}, .problems = said.get_int("problems"), .manifest_sha256 = said.get_string("manifest_sha256"),
                    .key = said.get_string("key")};
    takeout.at = Time{Duration{said.get_int("time")}};
    for (const auto& [name, count] : said.at("records").as_object()) takeout.records.push_back({.kind = name, .count = count.as_int(name)});
    return takeout;
}

}  // namespace tenon::engine::takeout

namespace tenon::engine {

std::unique_ptr<Part> make_takeouts(EngineImpl& engine) { return std::make_unique<takeout::TakeoutPart>(engine); }

}  // namespace tenon::engine

namespace tenon {

using engine::Permission;

Takeouts::Takeouts(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

TakeoutJob Takeouts::start(const TakeoutOptions& options) { return Internal::make<TakeoutJob>(engine::takeout::start(impl_, options)); }

std::optional<TakeoutJob> Takeouts::find(const JobId& id) const {
    const auto pass = impl_->enter(Permission::job_read);
    if (!engine::find_job(*impl_, id, engine::takeout::kind)) return std::nullopt;
    return Internal::make<TakeoutJob>(std::make_shared<JobImpl>(JobImpl{impl_, id, engine::takeout::kind}));
}

TakeoutJob::TakeoutJob(std::shared_ptr<JobImpl> impl) : Job(std::move(impl)) {}
Takeout TakeoutJob::result() { return engine::takeout::result(*impl_); }

TakeoutJob Tenants::take_out(const TenantTakeoutOptions& options) {
    const auto pass = impl_->enter();
    auto& engine = *impl_->engine;
    const auto tenant = engine.registry->find(impl_->actor, options.tenant);  // a partner's operator finds his own alone
    if (!tenant) throw NotFound("there is no such tenant", {.subject = options.tenant.text()});
    engine.registry->note(impl_->actor, "tenant.take_out", options.tenant.text());
    auto session = make_session(impl_->engine, engine.scope_of(options.tenant), impl_->actor, Role::owner);
    return Internal::make<TakeoutJob>(engine::takeout::start(session, {.target = options.target, .schedule = options.schedule}));
}

}  // namespace tenon
