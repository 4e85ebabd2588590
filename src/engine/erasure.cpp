#include "erasure.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <base/file.hpp>

namespace tenon::engine::erasure {
namespace {

constexpr Kind all[] = {
    {"account", "SELECT count(*) FROM account_ WHERE tenant_id = :id"},
    {"api_key", "SELECT count(*) FROM api_key_ WHERE tenant_id = :id"},
    {"asset", "SELECT count(*) FROM asset_ WHERE tenant_id = :id"},
    {"audit_actor", "SELECT count(*) FROM audit_actor_ WHERE tenant_id = :id"},
    {"audit_pack_private", "SELECT count(*) FROM audit_pack_private_ WHERE tenant_id = :id"},
    {"audit_policy", "SELECT count(*) FROM audit_policy_ WHERE tenant_id = :id"},
    {"audit_private", "SELECT count(*) FROM audit_private_ WHERE tenant_id = :id"},
    {"camera", "SELECT count(*) FROM camera_ WHERE tenant_id = :id"},
    {"camera_status", "SELECT count(*) FROM camera_status_ WHERE tenant_id = :id"},
    {"cost_tags", "SELECT count(*) FROM cost_tags_ WHERE tenant_id = :id"},
    {"custom_role", "SELECT count(*) FROM custom_role_ WHERE tenant_id = :id"},
    {"doomed", "SELECT count(*) FROM doomed_ WHERE tenant_id = :id"},
    {"event", "SELECT count(*) FROM event_ WHERE tenant_id = :id"},
    {"export", "SELECT count(*) FROM export_ WHERE tenant_id = :id"},
    {"hold", "SELECT count(*) FROM hold_ WHERE tenant_id = :id"},
    {"issuer", "SELECT count(*) FROM issuer_ WHERE tenant_id = :id"},
    {"job", "SELECT count(*) FROM job_ WHERE tenant_id = :id"},
    {"job_need", "SELECT count(*) FROM job_need_ WHERE tenant_id = :id"},
    {"job_pause", "SELECT count(*) FROM job_pause_ WHERE tenant_id = :id"},
    {"job_run", "SELECT count(*) FROM job_run_ WHERE tenant_id = :id"},
    {"lease", "SELECT count(*) FROM lease_ WHERE tenant_id = :id"},
    {"limit_override", "SELECT count(*) FROM limit_override_ WHERE tenant_id = :id"},
    {"login", "SELECT count(*) FROM login_ WHERE tenant_id = :id"},
    {"period", "SELECT count(*) FROM period_ WHERE tenant_id = :id"},
    {"plan_change", "SELECT count(*) FROM plan_change_ WHERE tenant_id = :id"},
    {"project", "SELECT count(*) FROM project_ WHERE tenant_id = :id"},
    {"project_grant", "SELECT count(*) FROM project_grant_ WHERE tenant_id = :id"},
    {"protection", "SELECT count(*) FROM protection_ WHERE tenant_id = :id"},
    {"quota", "SELECT count(*) FROM quota_ WHERE tenant_id = :id"},
    {"quota_grace", "SELECT count(*) FROM quota_grace_ WHERE tenant_id = :id"},
    {"quota_level", "SELECT count(*) FROM quota_level_ WHERE tenant_id = :id"},
    {"quota_shadow", "SELECT count(*) FROM quota_shadow_ WHERE tenant_id = :id"},
    {"quota_warning", "SELECT count(*) FROM quota_warning_ WHERE tenant_id = :id"},
    {"recovery_code", "SELECT count(*) FROM recovery_code_ WHERE tenant_id = :id"},
    {"recurrence", "SELECT count(*) FROM recurrence_ WHERE tenant_id = :id"},
    {"repository", "SELECT count(*) FROM repository_ WHERE tenant_id = :id"},
    {"restored", "SELECT count(*) FROM restored_ WHERE tenant_id = :id"},
    {"segment", "SELECT count(*) FROM segment_ WHERE tenant_id = :id"},
    {"settings_document", "SELECT count(*) FROM settings_document_ WHERE tenant_id = :id"},
    {"site", "SELECT count(*) FROM site_ WHERE tenant_id = :id"},
    {"ticket", "SELECT count(*) FROM ticket_ WHERE tenant_id = :id"},
    {"usage_check", "SELECT count(*) FROM usage_check_ WHERE tenant_id = :id"},
    {"usage_dims", "SELECT count(*) FROM usage_dims_ WHERE tenant_id = :id"},
    {"usage_event", "SELECT count(*) FROM usage_event_ WHERE tenant_id = :id"},
    {"usage_meter", "SELECT count(*) FROM usage_meter_ WHERE tenant_id = :id"},
    {"usage_rollup", "SELECT count(*) FROM usage_rollup_ WHERE tenant_id = :id"},
    {"usage_share", "SELECT count(*) FROM usage_share_ WHERE tenant_id = :id"},
};

}  // namespace

std::span<const Kind> kinds() { return all; }

std::vector<RemovedCount> count(db::SystemReader& reader, const TenantId& id) {
    std::vector<RemovedCount> list;
    for (const auto& kind : all) {
        auto rows = reader.query(kind.count, id);
        rows.next();
        if (rows.i64(0) > 0) list.push_back({.kind = kind.name, .count = rows.i64(0)});
    }
    return list;
}

Weight weigh(std::span<const std::filesystem::path> places) {
    Weight weight;
    const auto add = [&](const std::filesystem::path& path) {
        std::error_code error;
        if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(path, error))) return;
        ++weight.files;
        if (const auto size = std::filesystem::file_size(path, error); !error) weight.bytes += static_cast<std::int64_t>(size);
    };
    for (const auto& place : places) {
        std::error_code error;
        add(place);
        for (std::filesystem::recursive_directory_iterator at(place, error), end; !error && at != end; at.increment(error)) add(at->path());
    }
    return weight;
}

void shred(const std::filesystem::path& path) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(path, error))) return;
    const auto size = std::filesystem::file_size(path, error);
    if (error) return;
    base::Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return;  // it is removed all the same
    const std::string zeros(size, '\0');
    if (::pwrite(file.get(), zeros.data(), zeros.size(), 0) >= 0) ::fsync(file.get());
}

}  // namespace tenon::engine::erasure
