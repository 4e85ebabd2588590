#include "standings.hpp"

#include <tenon/error.hpp>

#include "plan_rows.hpp"

namespace tenon::tenant {

Standings::Standings(db::Database& database, db::SystemScope system, std::shared_ptr<const Catalogues> catalogues)
    : database_(database), system_(system), catalogues_(std::move(catalogues)) {
    seen_ = database_.read(system_, [](db::SystemReader& reader) { return newest_epoch(reader); });
}

std::shared_ptr<const Standing> Standings::find(const TenantId& id) {
    if (stale_.load(std::memory_order_acquire)) refresh();
    {
        const std::shared_lock lock(mutex_);
        if (const auto at = known_.find(id); at != known_.end()) return at->second;
    }
    return load(id);
}

void Standings::forget(const TenantId& id) noexcept {
    const std::unique_lock lock(mutex_);
    ++forgotten_;
    known_.erase(id);
    version_.fetch_add(1, std::memory_order_release);
}

void Standings::refresh() {
    const std::lock_guard alone(refreshing_);
    if (!stale_.exchange(false, std::memory_order_acq_rel)) return;
    try {
        for (const auto& id : database_.read(system_, [&](db::SystemReader& reader) { return changed_since(reader, seen_); }))
            forget(id);
    } catch (...) {
        mark_stale();
        throw;
    }
}

std::shared_ptr<const PlanTerms> Standings::terms_of(db::SystemReader& reader, const std::string& plan, std::int32_t version) {
    {
        const std::shared_lock lock(mutex_);
        if (const auto at = terms_.find({plan, version}); at != terms_.end()) return at->second;
    }
    auto terms = catalogues_->find(plan);
    if (!terms || terms->plan.version != version) {
        auto stored = read_plan(reader, plan, version);
        if (!stored) throw Corrupt("the plan of a tenant is not stored", {.subject = plan});
        terms = std::make_shared<const PlanTerms>(*std::move(stored));
    }
    const std::unique_lock lock(mutex_);
    return terms_.try_emplace({plan, version}, std::move(terms)).first->second;
}

std::shared_ptr<const Standing> Standings::load(const TenantId& id) {
    std::uint64_t before = 0;
    {
        const std::shared_lock lock(mutex_);
        before = forgotten_;
    }
    auto standing = std::make_shared<Standing>();
    const bool found = database_.read(system_, [&](db::SystemReader& reader) {
        auto row = read_row(reader, id);
        if (!row) return false;
        standing->terms = terms_of(reader, row->tenant.plan, row->tenant.plan_version);
        if (row->tenant.plan_changes_at) standing->next_terms = terms_of(reader, row->tenant.next_plan, row->tenant.next_plan_version);
        standing->tenant = std::move(row->tenant);
        standing->epoch = row->epoch;
        return true;
    });
    if (!found) return nullptr;
    const std::unique_lock lock(mutex_);
    standing->slot = slots_.try_emplace(id, static_cast<std::uint32_t>(slots_.size())).first->second;
    if (forgotten_ == before) known_[id] = standing;
    return standing;
}

}  // namespace tenon::tenant
