// What this home remembers of its tenants' repositories, and what becomes of a repository that is not as remembered.
#include "backup_evidence.hpp"

#include <base/json.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <tenant/events.hpp>

#include "repositories.hpp"
#include "repository_charge.hpp"

namespace tenon::engine {

using base::Json;

namespace checkpoint_rows {
namespace {

constexpr db::TenantStmt find_known{"SELECT number, record, told FROM backup_checkpoint WHERE tenant_id = :tenant"};
constexpr db::TenantStmt insert_known{
    "INSERT INTO backup_checkpoint_ (tenant_id, number, record, told) VALUES (:tenant, :number, :record, '')"};
constexpr db::TenantStmt update_known{
    "UPDATE backup_checkpoint_ SET number = :number, record = :record, told = '' WHERE tenant_id = :tenant"};
constexpr db::TenantStmt update_told{"UPDATE backup_checkpoint_ SET told = :told WHERE tenant_id = :tenant"};
constexpr db::TenantStmt drop_known{"DELETE FROM backup_checkpoint_ WHERE tenant_id = :tenant"};

}  // namespace

std::vector<db::Migration> migrations() {
    return {{"engine", 9,
             db::tenant_table("backup_checkpoint", "number INTEGER NOT NULL, record TEXT NOT NULL, told TEXT NOT NULL", "PRIMARY KEY (tenant_id)")}};
}

std::optional<Known> find(db::Reader& reader) {
    auto rows = reader.query(find_known);
    if (!rows.next()) return std::nullopt;
    return Known{.number = rows.i64(0), .record = rows.text(1), .told = rows.text(2)};
}

void remember(db::Tx& tx, std::int64_t number, const std::string& record, bool forced) {
    const auto known = find(tx);
    if (!known) {
        tx.exec(insert_known, number, record);
        return;
    }
    if (known->number > number && !forced) return;
    if (known->number == number && known->told.empty() && known->record == record) return;
    tx.exec(update_known, number, record);
}

void tell(db::Tx& tx, const std::string& told) { tx.exec(update_told, told); }

void erase(db::Tx& tx) { tx.exec(drop_known); }

}  // namespace checkpoint_rows

namespace {

constexpr std::size_t most_told = 20, most_kept = 1000;

std::string line_of(const backup::CheckProblem& problem) { return problem.object + ": " + problem.message; }

}  // namespace

std::optional<checkpoint_rows::Known> Repositories::known_checkpoint(const db::TenantScope& scope) const {
    return engine_.database->read(scope, [](db::Reader& reader) { return checkpoint_rows::find(reader); });
}

/// Each of them once, by whichever way and with whichever others it is met again.
void Repositories::tell_tampered(const db::TenantScope& scope, const std::vector<backup::CheckProblem>& problems) {
    std::vector<std::pair<std::string, std::string>> lines;  // by what is kept of them
    for (const auto& problem : problems) {
        auto line = line_of(problem);
        auto mark = crypto::to_hex(crypto::sha256(base::view_of(line))).substr(0, 16);
        lines.emplace_back(std::move(mark), std::move(line));
    }
    const auto id = backup::Repository::id_of(*stores_of(scope.tenant()).objects);
    engine_.database->write(scope, [&](db::Tx& tx) {
        const auto known = checkpoint_rows::find(tx);
        auto told = known ? known->told : std::string();
        Json list = Json::array();
        std::int64_t count = 0;
        for (const auto& [mark, line] : lines) {
            if (told.find(mark) != std::string::npos) continue;
            told += mark + ' ';
            ++count;
            if (list.as_array().size() < most_told) list.push(line);
        }
        if (count == 0) return;
        if (told.size() > most_kept * 17) told.erase(0, told.size() - most_kept * 17);
        Json data;
        data.set("problems", std::move(list)).set("count", count);
        tenant::append_event(tx, {.kind = "backup.tampered", .at = engine_.now(), .subject = id, .data = std::move(data)});
        if (!known) checkpoint_rows::remember(tx, 0, "", false);
        checkpoint_rows::tell(tx, told);
    });
}

std::vector<backup::CheckProblem> Repositories::look_at_past(const db::TenantScope& scope, backup::Repository& repository,
                                                             const std::stop_token& stop) {
    // What is remembered first: the repository is no older than that.
    const auto known = known_checkpoint(scope);
    std::vector<std::string> records;
    if (known && !known->record.empty()) records.push_back(known->record);
    auto problems = backup::compare_past(repository, records, stop);
    const auto newest = backup::newest_checkpoint(repository, stop);
    // Who accepted that this one is lost may have died before the home remembered it.
    const bool is_accepted = newest && newest->accepted && known && newest->accepted->number == static_cast<std::uint64_t>(known->number) &&
                             !records.empty() && newest->accepted->hash == backup::read_checkpoint(known->record).hash();
    if (!problems.empty() && !is_accepted) {
        tell_tampered(scope, problems);
        return problems;
    }
    problems.clear();
    // Another process of this home may have died before it remembered its own, or the home's rows were restored from older ones.
    if (newest && (!known || static_cast<std::int64_t>(newest->number) > known->number)) {
        try {
            if (const auto firm = backup::checkpoint_to_remember(repository, stop))
                engine_.database->write(scope, [&](db::Tx& tx) {
                    checkpoint_rows::remember(tx, static_cast<std::int64_t>(firm->number), firm->record, false);
                });
        } catch (const NoSpace& error) {
            // A prune that makes room must not end here.
            engine_.log->failure("backup", "the newest checkpoint is remembered at the next look", error);
        }
    }
    return problems;
}

void Repositories::refuse_tampered(const db::TenantScope& scope, backup::Repository& repository, const std::stop_token& stop) {
    const auto problems = look_at_past(scope, repository, stop);
    if (problems.empty()) {
        // Before anything changes: now its record can still tell that there is what it saw.
        if (!backup::has_damaged_checkpoint(repository, stop)) return;
        try {
            (void)take_checkpoint_of(scope, repository, {}, false, stop);
        } catch (const NoSpace& error) {
            engine_.log->failure("backup", "a damaged checkpoint is replaced with the next backup", error);
        }
        return;
    }
    throw Corrupt("this repository is not the one that this home has written to: " + problems.front().message +
                      ". Put the right one back, or check it and then accept it as it is (Backups::accept)",
                  {.subject = problems.front().object});
}

void Repositories::try_look_at_past(const db::TenantScope& scope, backup::Repository& repository) noexcept {
    try {
        (void)look_at_past(scope, repository, engine_.stopping.get_token());
    } catch (const std::exception& error) {
        engine_.log->failure("backup", "whether the repository is as remembered is looked at again with the next backup", error);
    }
}

backup::CheckpointResult Repositories::take_checkpoint(const db::TenantScope& scope, const std::vector<std::string>& also, bool accept,
                                                       const std::stop_token& stop) {
    const auto repository = find(scope);
    if (!repository) throw NotFound("nothing was backed up yet", {.subject = scope.tenant().text()});
    const auto id = backup::Repository::id_of(*stores_of(scope.tenant()).objects);
    for (const auto& record : also)
        if (backup::read_checkpoint(record).repository != id) throw InvalidArgument("this record is of another repository", {.subject = "record"});
    (void)look_at_past(scope, *repository, stop);
    if (!accept) return take_checkpoint_of(scope, *repository, also, false, stop);
    // What went on by itself in other stores is given up as well: the checkpoint that says so lets them be caught up.
    auto known = forks_elsewhere(*repository, stop);
    known.insert(known.end(), also.begin(), also.end());
    return take_checkpoint_of(scope, *repository, known, true, stop);
}

backup::CheckpointResult Repositories::take_checkpoint_of(const db::TenantScope& scope, backup::Repository& repository,
                                                          const std::vector<std::string>& also, bool accept, const std::stop_token& stop) {
    backup::CheckpointRequest request{.known = also, .accept = accept};
    if (const auto known = known_checkpoint(scope); known && !known->record.empty()) request.known.push_back(known->record);
    request.with_keys = [&](const std::function<void()>& work) {
        const auto alone = lock(scope.tenant(), stop);
        work();
    };
    auto result = backup::take_checkpoint(repository, request, stop);
    if (!result.doubts.empty()) tell_tampered(scope, result.doubts);
    if (result.note)
        engine_.database->write(scope, [&](db::Tx& tx) {
            checkpoint_rows::remember(tx, static_cast<std::int64_t>(result.note->number), result.note->record, accept);
        });
    else
        tell_tampered(scope, result.problems);
    return result;
}

/// Behind each change of the repository. Without it the change is as good as it was, and the next one's covers both.
std::int64_t Repositories::note_state(const db::TenantScope& scope) noexcept {
    try {
        return take_checkpoint(scope, {}, false, engine_.stopping.get_token()).bytes_written;
    } catch (const Closed&) {
    } catch (const Cancelled&) {
    } catch (const std::exception& error) {
        engine_.log->failure("backup", "the next checkpoint is taken with the next backup", error);
    }
    return 0;
}

}  // namespace tenon::engine
