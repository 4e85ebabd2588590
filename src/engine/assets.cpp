#include <tenon/asset.hpp>

#include <algorithm>
#include <cctype>

#include <base/file.hpp>
#include <base/id.hpp>
#include <base/text.hpp>
#include <tenant/projects.hpp>
#include <tenant/quota.hpp>
#include <tenant/usage.hpp>

#include "asset_rows.hpp"
#include "core.hpp"
#include "doomed.hpp"
#include "import_recovery.hpp"
#include "intake.hpp"

namespace tenon {

namespace asset_rows = engine::asset_rows;
namespace quota = tenant::quota;
using engine::Permission;

namespace {

/// The ending of a file's name if it is harmless, for people who look into the folder.
std::string extension_of(const std::filesystem::path& path) {
    const auto text = path.extension().string();
    const bool plain = text.size() >= 2 && text.size() <= 8 &&
                       std::all_of(text.begin() + 1, text.end(), [](unsigned char c) { return std::isalnum(c) && c < 128; });
    return plain ? text : ".media";
}

/// Storage held for an import until its row exists; given back on every other way out. The lock shows other processes
/// that the import lives, so that what a killed one left is found and removed.
class StorageHold {
public:
    StorageHold(const SessionImpl& session, std::int64_t bytes, const Asset& asset)
        : session_(session), mark_(engine::import_mark(session.workspace, asset.id)), lock_(engine::lock_import_mark(mark_)),
          id_(base::new_id<HoldId>(session.now())) {
        try {
            session.change("asset.import", asset.id.text(), [&](db::Tx& tx) {
                quota::reserve(tx, id_, {.asks = {{Resource::storage, bytes}}, .cause = engine::import_cause(asset.project, asset.id)},
                               session_.now());
            });
        } catch (...) {
            unmark();
            throw;
        }
    }
    ~StorageHold() {
        if (!settled_) {
            try {
                session_.write([&](db::Tx& tx) { quota::release(tx, id_, session_.now()); });
            } catch (const std::exception& error) {
                session_.engine->log->failure("engine", "a hold stays until the next sweep", error);
            }
        }
        unmark();
    }
    StorageHold(const StorageHold&) = delete;
    StorageHold& operator=(const StorageHold&) = delete;
    const HoldId& id() const noexcept { return id_; }
    void settled() noexcept { settled_ = true; }

private:
    void unmark() noexcept {
        std::error_code ignored;
        std::filesystem::remove(mark_, ignored);
    }

    const SessionImpl& session_;
    const std::filesystem::path mark_;
    const base::FileLock lock_;
    const HoldId id_;
    bool settled_ = false;
};

// A thumbnail's size is not known before it is made; this is more than any of them weighs.
constexpr std::int64_t thumbnail_allowance = 256 * 1024;

Asset bring_in(const SessionImpl& session, const ImportOptions& options, const std::stop_token& stop) {
    engine::Intake intake(options.path);
    session.check_outside(options.path, "path", true);
    Asset asset;
    asset.project = options.project;
    asset.name = options.name.empty() ? options.path.filename().string() : options.name;
    base::check_name("name", asset.name);
    session.read([&](db::Reader& reader) { tenant::projects::get(reader, options.project); });

    asset.created_at = session.now();
    asset.id = base::new_id<AssetId>(asset.created_at);
    StorageHold hold(session, intake.size().count + thumbnail_allowance, asset);
    const auto folder = session.workspace.assets(options.project);
    engine::make_private_folder(folder);
    const auto go_on = [&] { session.check_state(Permission::asset_write); };  // an erasure waits for this
    intake.copy_to(folder / (asset.id.text() + extension_of(options.path)), stop, go_on);
    intake.describe(asset, folder / (asset.id.text() + ".jpg"), stop);
    base::sync_folder(folder);

    const auto weight = std::min(intake.weight(), Bytes{intake.size().count + thumbnail_allowance});
    const auto at = session.now();
    session.change("asset.import", asset.id.text(), [&](db::Tx& tx) {
        asset_rows::insert(tx, asset, weight, session.workspace);
        quota::commit(tx, hold.id(), {{Resource::storage, weight.count}}, at);
        tenant::usage::record(tx,
                              {.source = "import",
                               .id = asset.id.text(),
                               .meter = "imported_bytes",
                               .quantity = asset.size.count,
                               .occurred_at = at,
                               .project = asset.project},
                              at);
        base::Json details;
        details.set("sha256", asset.sha256).set("bytes", asset.size.count).set("project", asset.project.text());
        session.audit(tx, "asset.import", asset.id.text(), at, std::move(details));
        session.engine->events->append(tx, {.kind = "asset.imported", .at = at, .subject = asset.id.text()});
    });
    hold.settled();
    intake.keep();
    return asset;
}

}  // namespace

Assets::Assets(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

Asset Assets::import_file(const ImportOptions& options) {
    const auto pass = impl_->enter(Permission::asset_write, options.project);
    return impl_->interruptible([&](const std::stop_token& stop) { return bring_in(*impl_, options, stop); });
}

Asset Assets::get(const AssetId& id) const {
    if (auto asset = find(id)) return *std::move(asset);
    throw NotFound("there is no such asset", {.subject = id.text()});
}

std::optional<Asset> Assets::find(const AssetId& id) const {
    const auto pass = impl_->enter_somewhere(Permission::asset_read);
    auto asset = impl_->read([&](db::Reader& reader) { return asset_rows::find(reader, id, impl_->workspace); });
    if (asset && !impl_->may(Permission::asset_read, asset->project)) asset.reset();  // in a project that is none of his
    return asset;
}

std::vector<Asset> Assets::list(const AssetFilter& filter) const {
    const auto pass = filter.project ? impl_->enter(Permission::asset_read, *filter.project) : impl_->enter(Permission::asset_read);
    if (filter.limit < 1 || filter.limit > 1000)
        throw InvalidArgument("a list of assets holds 1 to 1000 of them", {.subject = "limit"});
    return impl_->read([&](db::Reader& reader) { return asset_rows::list(reader, filter, impl_->workspace); });
}

void Assets::remove(const AssetId& id) {
    const auto pass = impl_->enter_somewhere(Permission::asset_write);
    const auto at = impl_->now();
    const auto granted = impl_->granted();
    impl_->change("asset.remove", id.text(), [&](db::Tx& tx) {
        const auto found = asset_rows::find(tx, id, impl_->workspace);
        if (!found || !granted->in(found->project).has(Permission::asset_write)) throw NotFound("there is no such asset", {.subject = id.text()});
        if (jobs::is_cause_of_unended(tx, found->project.text()))
            throw Conflict("a job still uses the asset's project: wait for it or cancel it", {.subject = id.text()});
        const auto weight = asset_rows::charged(tx, id);
        asset_rows::remove(tx, id);
        engine::doomed::add(tx, found->path, impl_->workspace);
        if (!found->thumbnail.empty()) engine::doomed::add(tx, found->thumbnail, impl_->workspace);
        if (weight.count > 0) quota::free(tx, {Resource::storage, weight.count}, at);
        impl_->audit(tx, "asset.remove", id.text(), at);
        impl_->engine->events->append(tx, {.kind = "asset.removed", .at = at, .subject = id.text()});
    });
    impl_->engine->remove_doomed(impl_->scope.tenant());
}

}  // namespace tenon
