#include <tenon/exports.hpp>

#include <tenant/quota.hpp>

#include "core.hpp"
#include "doomed.hpp"
#include "export_rows.hpp"

namespace tenon {

namespace rows = engine::export_rows;
using engine::Permission;

Exports::Exports(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

std::vector<ExportedFile> Exports::list(const ExportFilter& filter) const {
    const auto pass = impl_->enter(Permission::export_read);
    return impl_->read([&](db::Reader& reader) { return rows::list(reader, filter, impl_->workspace); });
}

std::optional<ExportedFile> Exports::find(const std::string& name) const {
    const auto pass = impl_->enter(Permission::export_read);
    return impl_->read([&](db::Reader& reader) { return rows::find(reader, name, impl_->workspace); });
}

void Exports::remove(const std::string& name) {
    const auto pass = impl_->enter(Permission::export_remove);
    const auto at = impl_->now();
    impl_->change("export.remove", name, [&](db::Tx& tx) {
        const auto found = rows::find(tx, name, impl_->workspace);
        if (!found) throw NotFound("there is no such export", {.subject = name});
        rows::remove(tx, name);
        engine::doomed::add(tx, found->path, impl_->workspace);
        if (found->size.count > 0) tenant::quota::free(tx, {Resource::storage, found->size.count}, at);
        impl_->audit(tx, "export.remove", name, at);
        impl_->engine->events->append(tx, {.kind = "export.removed", .at = at, .subject = name});
    });
    impl_->engine->remove_doomed(impl_->scope.tenant());
}

}  // namespace tenon
