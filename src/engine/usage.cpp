#include <tenon/usage.hpp>

#include <tenant/projects.hpp>
#include <tenant/usage.hpp>
#include <tenon/session.hpp>

#include "core.hpp"

TENON_BEGIN

Usage::Usage(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

UsageReport Usage::current() const {
    const auto pass = impl_->enter(engine::Permission::usage_read);
    return impl_->read([at = impl_->now()](db::Reader& reader) { return tenant::usage::report(reader, at); });
}

std::vector<UsageMonth> Usage::months(std::int32_t count) const {
    const auto pass = impl_->enter(engine::Permission::usage_read);
    // One more than asked for: advice looks at the last whole month too.
    auto months = impl_->read([&, at = impl_->now()](db::Reader& reader) {
        return tenant::usage::months(reader, count == 1 ? 2 : count, at);
    });
    const auto standing = impl_->engine->registry->standing(impl_->scope.tenant());
    months.front().advice = tenant::usage::advise(months, *standing->terms_at(impl_->now()), impl_->engine->registry->catalogues());
    if (months.size() > static_cast<std::size_t>(count)) months.resize(static_cast<std::size_t>(count));
    return months;
}

std::vector<UsagePoint> Usage::series(const UsageSeriesOptions& options) const {
    const auto pass = impl_->enter(engine::Permission::usage_read);
    return impl_->read([&](db::Reader& reader) { return tenant::usage::series(reader, options); });
}

std::vector<UsageReceipt> Usage::record(const std::vector<UsageEvent>& events) {
    const auto pass = impl_->enter(engine::Permission::usage_write);
    return impl_->change("usage.record", "", [&, at = impl_->now()](db::Tx& tx) { return tenant::usage::record(tx, events, at); });
}

UsagePage Usage::events(const UsageFilter& filter) const {
    const auto pass = impl_->enter(engine::Permission::usage_read);
    return impl_->read([&](db::Reader& reader) { return tenant::usage::events(reader, filter); });
}

UsageExport Usage::export_file(const UsageExportOptions& options) const {
    const auto pass = impl_->enter(engine::Permission::usage_read);
    impl_->check_outside(options.path, "path", true);
    return tenant::usage::export_file(*impl_->engine->database, impl_->scope, options);
}

std::vector<UsageShare> Usage::breakdown(const BreakdownOptions& options) const {
    const auto pass = impl_->enter(engine::Permission::usage_read);
    return impl_->read([&](db::Reader& reader) { return tenant::usage::breakdown(reader, options); });
}

void Usage::set_cost_tags(const CostTags& cost) {
    const auto pass = impl_->enter(engine::Permission::usage_write);
    impl_->change("usage.cost_tags", cost.project ? cost.project->text() : cost.site, [&, at = impl_->now()](db::Tx& tx) {
        // Of a project that was removed they can still be taken away.
        if (cost.project && !cost.tags.empty()) tenant::projects::get(tx, *cost.project);
        tenant::usage::set_cost_tags(tx, cost, at);
        auto given = base::Json::object();
        for (const auto& tag : cost.tags) given.set(tag.key, tag.value);
        auto details = base::Json::object();
        details.set("tags", std::move(given));
        impl_->audit(tx, "usage.cost_tags", cost.project ? cost.project->text() : cost.site, at, std::move(details));
    });
}

std::vector<CostTags> Usage::all_cost_tags() const {
    const auto pass = impl_->enter(engine::Permission::usage_read);
    return impl_->read([](db::Reader& reader) { return tenant::usage::cost_tags(reader); });
}

UsageCheck Usage::verify() const {
    const auto pass = impl_->enter(engine::Permission::usage_read);
    return impl_->interruptible([&](const std::stop_token& stop) {
        tenant::usage::Verifier verifier(*impl_->engine->database, impl_->scope);
        while (verifier.step())
            if (stop.stop_requested()) throw Cancelled("stopped");
        return std::move(verifier).result();
    });
}

TENON_END
