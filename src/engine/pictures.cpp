#include <tenon/picture.hpp>

#include <base/file.hpp>
#include <media/contact_sheet.hpp>

#include "asset_rows.hpp"
#include "core.hpp"
#include "export_rows.hpp"

namespace tenon {

using engine::Permission;

Pictures::Pictures(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

void Pictures::contact_sheet(const ContactSheetOptions& options) const {
    const auto pass = impl_->enter(options.asset ? Permission::asset_read : Permission::export_read);
    if (options.asset.has_value() == !options.exported.empty())
        throw InvalidArgument("name an asset or an export, one of the two", {.subject = "asset"});
    if (options.target.empty()) throw InvalidArgument("say where the picture goes", {.subject = "target"});
    for (const auto& [field, value, least, most] :
         {std::tuple("columns", options.columns, 1, 16), std::tuple("rows", options.rows, 1, 16),
          std::tuple("cell_width", options.cell_width, 16, 4096)})
        if (value < least || value > most)
            throw InvalidArgument(std::string(field) + " is " + std::to_string(least) + " to " + std::to_string(most), {.subject = field});
    const auto source = impl_->read([&](db::Reader& reader) {
        if (options.asset) {
            const auto asset = engine::asset_rows::find(reader, *options.asset, impl_->workspace);
            if (!asset) throw NotFound("there is no such asset", {.subject = options.asset->text()});
            return asset->path;
        }
        const auto file = engine::export_rows::find(reader, options.exported, impl_->workspace);
        if (!file) throw NotFound("there is no such export", {.subject = options.exported});
        return file->path;
    });
    impl_->check_outside(options.target, "target", false);
    const auto png = impl_->interruptible([&](const std::stop_token& stop) {
        return media::contact_sheet(source, {.columns = options.columns, .rows = options.rows, .cell_width = options.cell_width}, stop);
    });
    base::write_file_atomically(options.target, png, 0644);
}

}  // namespace tenon
