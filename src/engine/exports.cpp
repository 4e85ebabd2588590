#include <tenon/exports.hpp>

#include <tenant/quota.hpp>

#include "core.hpp"
#include "doomed.hpp"
#include "export_rows.hpp"

namespace tenon {

namespace export_rows = engine::export_rows;
using engine::Permission;

Exports::Exports(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

std::vector<ExportedFile> Exports::list(const ExportFilter& filter) const {
    const auto pass = impl_->enter_somewhere(Permission::export_read);
    return impl_->read([&, granted = impl_->granted()](db::Reader& reader) {
        auto next = filter;
        const auto page = [&](const export_rows::Row* last) {
            if (last) next.after = last->file.name;
            return export_rows::list(reader, next, impl_->workspace);
        };
        std::vector<ExportedFile> files;
        for (auto& row : engine::sifted<export_rows::Row>(filter.limit, page, [&](const export_rows::Row& row) {
                 return granted->may(Permission::export_read, row.project);
             }))
            files.push_back(std::move(row.file));
        return files;
    });
}

std::optional<ExportedFile> Exports::find(const std::string& name) const {
    const auto pass = impl_->enter_somewhere(Permission::export_read);
    auto found = impl_->read([&](db::Reader& reader) { return export_rows::find(reader, name, impl_->workspace); });
    if (!found || !impl_->may(Permission::export_read, found->project)) return std::nullopt;
    return std::move(found->file);
}

void Exports::remove(const std::string& name) {
    const auto pass = impl_->enter_somewhere(Permission::export_remove);
    const auto at = impl_->now();
    const auto granted = impl_->granted();
    impl_->change("export.remove", name, [&](db::Tx& tx) {
        const auto found = export_rows::find(tx, name, impl_->workspace);
        if (!found || !granted->may(Permission::export_remove, found->project)) throw NotFound("there is no such export", {.subject = name});
        const auto& file = found->file;
        export_rows::remove(tx, name);
        engine::doomed::add(tx, file.path, impl_->workspace);
        if (file.size.count > 0) tenant::quota::free(tx, {Resource::storage, file.size.count}, at);
        impl_->audit(tx, "export.remove", name, at);
        impl_->engine->events->append(tx, {.kind = "export.removed", .at = at, .subject = name});
    });
    impl_->engine->remove_doomed(impl_->scope.tenant());
}

}  // namespace tenon
