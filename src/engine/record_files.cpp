#include "record_files.hpp"

#include <algorithm>

#include <engine/all_migrations.hpp>
#include <nvr/camera_rows.hpp>
#include <tenant/audit.hpp>

#include "records.hpp"
#include "repositories.hpp"
#include "tenant_tables.hpp"

namespace tenon::engine::record_files {
namespace {

constexpr std::int32_t audit_page = 10'000;
constexpr std::int64_t rows_between_looks = 4096;

constexpr db::TenantStmt plans_of{"SELECT plan, plan_version, next_plan, next_plan_version FROM tenant WHERE tenant_id = :tenant"};
constexpr db::TenantStmt asset_files{"SELECT path, thumbnail, size, sha256 FROM asset WHERE tenant_id = :tenant ORDER BY id"};
constexpr db::TenantStmt export_files{"SELECT name, size, sha256 FROM export WHERE tenant_id = :tenant ORDER BY name"};
constexpr db::TenantStmt restored_paths{"SELECT path, bytes FROM restored WHERE tenant_id = :tenant ORDER BY path"};
constexpr db::TenantStmt doomed_paths{"SELECT path FROM doomed WHERE tenant_id = :tenant"};

/// `write` appends lines and says how many.
template <class Write> void write_kind(Told& told, const Teller& teller, const std::string& name, const Write& write) {
    takeout::HashedFile file(teller.folder / (name + ".jsonl"), teller.durable);
    told.counts[name] = write(file);
    const auto sha256 = file.finish();
    if (teller.on_file) teller.on_file(name + ".jsonl", file.size(), sha256);
}

void tell_rows(Told& told, db::Reader& reader, const Teller& teller, const records::Kind& kind) {
    write_kind(told, teller, kind.name, [&](takeout::HashedFile& file) {
        std::int64_t count = 0;
        for (auto rows = reader.query(kind.query); rows.next();) {
            records::append_line(file.lines(), kind, rows);
            file.settle_lines();
            if (++count % rows_between_looks == 0) {
                teller.look();
                teller.advance(rows_between_looks);
            }
        }
        teller.advance(count % rows_between_looks);
        return count;
    });
}

void tell_plans(Told& told, db::Reader& reader, const Teller& teller) {
    write_kind(told, teller, "plan", [&](takeout::HashedFile& file) {
        std::set<std::pair<std::string, std::int64_t>> plans;
        if (auto rows = reader.query(plans_of); rows.next()) {
            plans.emplace(rows.text(0), rows.i64(1));
            if (!rows.is_null(2)) plans.emplace(rows.text(2), rows.i64(3));
        }
        for (const auto& [name, version] : plans) records::append_plan(file.lines(), name, static_cast<std::int32_t>(version), reader);
        return std::ssize(plans);
    });
}

void tell_audit(Told& told, db::Reader& reader, const Teller& teller) {
    write_kind(told, teller, "audit", [&](takeout::HashedFile& file) {
        std::int64_t count = 0;
        AuditFilter filter{.limit = audit_page};
        for (auto page = tenant::audit::list(reader, filter); !page.empty(); page = tenant::audit::list(reader, filter)) {
            teller.look();
            for (const auto& record : page) {
                tenant::audit::append_json_line(file.lines(), record);
                file.settle_lines();
            }
            count += std::ssize(page);
            teller.advance(std::ssize(page));
            filter.after = page.back().seq;
        }
        told.audit_records = filter.after + 1;
        return count;
    });
}

void name_files(Told& told, db::Reader& reader) {
    for (auto rows = reader.query(asset_files); rows.next();) {
        told.named.push_back({rows.text(0), rows.i64(2), rows.text(3)});
        if (!rows.text_view(1).empty()) told.named.push_back({rows.text(1), 0, ""});
    }
    for (auto rows = reader.query(export_files); rows.next();) told.named.push_back({"exports/" + rows.text(0), rows.i64(1), rows.text(2)});
    for (const auto& row : nvr::rows::closed_segments(reader))
        told.named.push_back({path_in_workspace(row), static_cast<std::int64_t>(row.segment.bytes), ""});
    for (auto rows = reader.query(restored_paths); rows.next();) told.restored.push_back({rows.text(0), rows.i64(1), ""});
    for (auto rows = reader.query(doomed_paths); rows.next();) told.doomed.insert(rows.text(0));
}

}  // namespace

Told tell(db::Reader& reader, Time at, const Teller& teller) {
    Told told;
    told.at = at;
    for (const auto& table : tenant_tables())
        if (table.told) tell_rows(told, reader, teller, *table.told);
    tell_rows(told, reader, teller, records::renders);
    tell_plans(told, reader, teller);
    tell_audit(told, reader, teller);
    name_files(told, reader);
    return told;
}

base::Json schema() {
    auto said = base::Json::object();
    std::map<std::string, int> newest;
    for (const auto& step : all_migrations()) newest[step.room] = std::max(newest[step.room], static_cast<int>(step.number));
    for (const auto& [room, number] : newest) said.set(room, std::int64_t{number});
    return said;
}

}  // namespace tenon::engine::record_files
