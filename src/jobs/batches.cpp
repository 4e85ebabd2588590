#include <algorithm>

#include <base/json.hpp>

#include "queue_state.hpp"
#include "statements.hpp"

namespace tenon::jobs {
namespace {

constexpr db::TenantStmt count{"SELECT cause, state, COUNT(*) FROM job WHERE tenant_id = :tenant AND batch = :batch GROUP BY cause, state"};
constexpr db::TenantStmt at_work{"SELECT cause, progress FROM job WHERE tenant_id = :tenant AND batch = :batch AND state = " TENON_JOB_RUNNING};
constexpr db::TenantStmt left{"SELECT cause, id FROM job WHERE tenant_id = :tenant AND batch = :batch AND state <= " TENON_JOB_RUNNING
                              " ORDER BY id"};
constexpr db::TenantStmt keyed{"SELECT id FROM job WHERE tenant_id = :tenant AND kind = :kind AND job_key = :key AND state <= " TENON_JOB_RUNNING};

}  // namespace

std::optional<JobId> Queue::find_keyed(db::Reader& reader, const std::string& kind, const std::string& key) const {
    if (key.empty()) return std::nullopt;
    auto rows = reader.query(keyed, kind, key);
    return rows.next() ? std::optional(rows.id<JobId>(0)) : std::nullopt;
}

JobBatch batch_of(db::Reader& reader, const std::string& name, const std::function<bool(const std::string&)>& fits) {
    JobBatch batch{.name = name};
    for (auto rows = reader.query(count, name); rows.next();) {
        if (!fits(rows.text(0))) continue;
        const auto state = static_cast<JobState>(rows.i64(1));
        const auto number = rows.i64(2);
        batch.total += number;
        if (state < JobState::running) batch.waiting += number;
        else if (state == JobState::running) batch.running += number;
        else if (state == JobState::succeeded) batch.succeeded += number;
        else if (state == JobState::cancelled) batch.cancelled += number;
        else batch.failed += number;
    }
    if (batch.total == 0) return batch;
    double done = 100 * static_cast<double>(batch.total - batch.waiting - batch.running);
    for (auto rows = reader.query(at_work, name); rows.next();)
        if (fits(rows.text(0))) done += progress_from(rows.text(1)).percent;
    batch.percent = std::clamp(done / static_cast<double>(batch.total), 0.0, 100.0);
    return batch;
}

std::vector<JobId> unended_of_batch(db::Reader& reader, const std::string& name, const std::function<bool(const std::string&)>& fits) {
    std::vector<JobId> ids;
    for (auto rows = reader.query(left, name); rows.next();)
        if (fits(rows.text(0))) ids.push_back(rows.id<JobId>(1));
    return ids;
}

}  // namespace tenon::jobs
