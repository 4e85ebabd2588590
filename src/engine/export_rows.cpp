#include "export_rows.hpp"

#include <base/text.hpp>
#include <tenon/error.hpp>

namespace tenon::engine::export_rows {
namespace {

constexpr db::TenantStmt insert_file{
    "INSERT INTO export_ (tenant_id, name, job_id, size, sha256, created_at, project_id) "
    "VALUES (:tenant, :name, :job, :size, :sha256, :created_at, :project)"};
constexpr db::TenantStmt find_file{
    "SELECT name, job_id, size, sha256, created_at, project_id FROM export WHERE tenant_id = :tenant AND name = :name"};
constexpr db::TenantStmt list_files{
    "SELECT name, job_id, size, sha256, created_at, project_id FROM export WHERE tenant_id = :tenant AND (:job IS NULL OR job_id = :job)"
    " AND (:at IS NULL OR created_at < :at OR (created_at = :at AND name > :after)) ORDER BY created_at DESC, name LIMIT :limit"};
constexpr db::TenantStmt remove_file{"DELETE FROM export_ WHERE tenant_id = :tenant AND name = :name"};
constexpr db::TenantStmt erase_files{"DELETE FROM export_ WHERE tenant_id = :tenant"};

Row from_row(const db::Rows& row, const Workspace& workspace) {
    ExportedFile file;
    file.name = row.text(0);
    file.path = workspace.exports() / file.name;
    file.job = row.id<JobId>(1);
    file.size = row.bytes(2);
    file.sha256 = row.text(3);
    file.created_at = row.time(4);
    return {std::move(file), row.maybe_id<ProjectId>(5)};
}

}  // namespace

std::vector<db::Migration> migrations() {
    return {{"engine", 2,
             db::tenant_table("export",
                              "name TEXT NOT NULL, job_id BLOB NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, "
                              "created_at INTEGER NOT NULL",
                              "PRIMARY KEY (tenant_id, name)") +
                 "CREATE INDEX export_by_time ON export_ (tenant_id, created_at);"}};
}

std::vector<db::Migration> later_migrations() { return {{"engine", 6, "ALTER TABLE export_ ADD COLUMN project_id BLOB;\n"}}; }

void insert(db::Tx& tx, const ExportedFile& file, const std::optional<ProjectId>& project) {
    tx.exec(insert_file, file.name, file.job, file.size, file.sha256, file.created_at, project);
}

std::optional<Row> find(db::Reader& reader, const std::string& name, const Workspace& workspace) {
    auto rows = reader.query(find_file, name);
    if (!rows.next()) return std::nullopt;
    return from_row(rows, workspace);
}

std::vector<Row> list(db::Reader& reader, const ExportFilter& filter, const Workspace& workspace) {
    if (filter.limit < 1 || filter.limit > 1000)
        throw InvalidArgument("a list of exports holds 1 to 1000 of them", {.subject = "limit"});
    std::optional<Time> at;
    if (!filter.after.empty()) {
        const auto last = find(reader, filter.after, workspace);
        if (!last) throw NotFound("the file that the page is to follow is not there any more: begin with the first page", {.subject = filter.after});
        at = last->file.created_at;
    }
    std::vector<Row> files;
    auto rows = reader.query(list_files, filter.job, at, filter.after, filter.limit);
    while (rows.next()) files.push_back(from_row(rows, workspace));
    return files;
}

void remove(db::Tx& tx, const std::string& name) { tx.exec(remove_file, name); }
void erase(db::Tx& tx) { tx.exec(erase_files); }

}  // namespace tenon::engine::export_rows

namespace tenon::engine {

std::string export_name(const std::string& name, const JobId& job, const std::string& ending) {
    const auto id = job.text();
    return name + "-" + id.substr(id.size() - 8) + ending;
}

void check_export_name(std::string_view field, const std::string& name) {
    base::check_name(field, name);
    if (name.find('/') != std::string::npos || name.front() == '.' || name.size() > 200)
        throw InvalidArgument("a file's name has no slash, does not begin with a point and has at most 200 bytes",
                              {.subject = std::string(field)});
}

}  // namespace tenon::engine
