// What jobs on backups came to, read from the text that the queue keeps.
#include <tenon/backup.hpp>

#include <base/json.hpp>

#include "backup_json.hpp"
#include "core.hpp"
#include "repositories.hpp"

namespace tenon {

BackupJob::BackupJob(std::shared_ptr<JobImpl> impl) : Job(std::move(impl)) {}
BackupResult BackupJob::result() {
    const auto json = base::parse_json(engine::job_result(*impl_), {.max_size = engine::largest_backup_result}, "result");
    return {
        .snapshot = engine::snapshot_from(json.at("snapshot")),
        .files_new = json.get_int("files_new"),
        .files_unchanged = json.get_int("files_unchanged"),
        .read = {json.get_int("read")},
        .deduplicated = {json.get_int("deduplicated")},
        .stored = {json.get_int("stored")},
        .problems = engine::texts_from(json, "problems"),
    };
}

RestoreJob::RestoreJob(std::shared_ptr<JobImpl> impl) : Job(std::move(impl)) {}
RestoreResult RestoreJob::result() {
    const auto json = base::parse_json(engine::job_result(*impl_), {.max_size = engine::largest_backup_result}, "result");
    const auto target = json.get_string("target");
    return {
        .target = target.empty() ? impl_->session->workspace.root : std::filesystem::path(target),
        .files = json.get_int("files"),
        .written = {json.get_int("written")},
        .files_unchanged = json.get_int("files_unchanged"),
        .problems = engine::texts_from(json, "problems"),
        .damaged = engine::damaged_from(json),
        .deleted = json.int_or("deleted", 0),
    };
}

CheckJob::CheckJob(std::shared_ptr<JobImpl> impl) : Job(std::move(impl)) {}
CheckReport CheckJob::result() {
    const auto json = base::parse_json(engine::job_result(*impl_), {.max_size = engine::largest_backup_result}, "result");
    return {
        .snapshots = json.get_int("snapshots"),
        .objects = json.get_int("objects"),
        .chunks = json.get_int("chunks"),
        .read = {json.get_int("read")},
        .problems = engine::texts_from(json, "problems"),
        .unused = {json.int_or("unused", 0)},
        .under_old_keys = {json.int_or("under_old_keys", 0)},
        .tampered = json.int_or("tampered", 0),
        .repairable = json.int_or("repairable", 0),
        .unprotected = json.int_or("unprotected", 0),
        .read_since = json.find("read_since") ? std::optional(Time(Duration(json.get_int("read_since")))) : std::nullopt,
    };
}

RepairJob::RepairJob(std::shared_ptr<JobImpl> impl) : Job(std::move(impl)) {}
RepairResult RepairJob::result() {
    const auto json = base::parse_json(engine::job_result(*impl_), {.max_size = engine::largest_backup_result}, "result");
    return {
        .objects = json.get_int("objects"),
        .read = {json.get_int("read")},
        .repaired = json.get_int("repaired"),
        .protected_again = json.get_int("protected_again"),
        .reread = {json.get_int("reread")},
        .damaged = engine::damaged_from(json),
        .problems = engine::texts_from(json, "problems"),
    };
}

PruneJob::PruneJob(std::shared_ptr<JobImpl> impl) : Job(std::move(impl)) {}
PruneResult PruneJob::result() {
    const auto json = base::parse_json(engine::job_result(*impl_), {.max_size = engine::largest_backup_result}, "result");
    return {
        .snapshots = json.get_int("snapshots"),
        .packs_removed = json.get_int("packs_removed"),
        .packs_rewritten = json.get_int("packs_rewritten"),
        .freed = {json.get_int("freed")},
        .rewritten = {json.get_int("rewritten")},
        .unused = {json.get_int("unused")},
        .problems = engine::texts_from(json, "problems"),
    };
}

RekeyJob::RekeyJob(std::shared_ptr<JobImpl> impl) : Job(std::move(impl)) {}
RekeyResult RekeyJob::result() {
    const auto json = base::parse_json(engine::job_result(*impl_), {.max_size = engine::largest_backup_result}, "result");
    return {
        .packs = json.get_int("packs"),
        .objects = json.get_int("objects"),
        .rewritten = {json.get_int("rewritten")},
        .left = {json.get_int("left")},
        .revoked = json.get_bool("revoked"),
        .problems = engine::texts_from(json, "problems"),
    };
}

}  // namespace tenon
