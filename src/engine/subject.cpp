#include "subject.hpp"

#include "asset_rows.hpp"
#include "export_rows.hpp"

namespace tenon::engine {

Subject asset_subject(const SessionImpl& session, const AssetId& id) {
    const auto asset = session.read([&](db::Reader& reader) { return asset_rows::find(reader, id, session.workspace); });
    if (!asset || !session.may(Permission::asset_read, asset->project)) throw NotFound("there is no such asset", {.subject = id.text()});
    return {asset->path, asset->name, asset->project};
}

Subject export_subject(const SessionImpl& session, const std::string& name) {
    const auto found = session.read([&](db::Reader& reader) { return export_rows::find(reader, name, session.workspace); });
    if (!found || !session.may(Permission::export_read, found->project)) throw NotFound("there is no such export", {.subject = name});
    return {found->file.path, found->file.name, found->project};
}

Subject subject_of(const SessionImpl& session, const std::optional<AssetId>& asset, const std::string& exported) {
    if (asset.has_value() == !exported.empty())
        throw InvalidArgument("name an asset or an export, one of the two", {.subject = "asset"});
    return asset ? asset_subject(session, *asset) : export_subject(session, exported);
}

}  // namespace tenon::engine
