#include <tenon/project.hpp>

#include <base/id.hpp>
#include <tenant/projects.hpp>
#include <tenant/quota.hpp>

#include "asset_rows.hpp"
#include "core.hpp"
#include "doomed.hpp"

namespace tenon {

namespace project_rows = tenant::projects;
using engine::Permission;

Projects::Projects(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

Project Projects::create(const ProjectOptions& options) {
    const auto pass = impl_->enter(Permission::project_write);
    project_rows::check(options);
    const auto at = impl_->now();
    const auto id = base::new_id<ProjectId>(at);
    engine::make_private_folder(impl_->workspace.project(id));
    try {
        return impl_->change("project.create", id.text(), [&](db::Tx& tx) {
            auto project = project_rows::create(tx, impl_->actor, id, options, at);
            impl_->engine->events->append(tx, {.kind = "project.created", .at = at, .subject = id.text()});
            return project;
        });
    } catch (...) {
        std::error_code ignored;
        std::filesystem::remove(impl_->workspace.project(id), ignored);
        throw;
    }
}

Project Projects::get(const ProjectId& id) const {
    const auto pass = impl_->enter(Permission::project_read, id);
    return impl_->read([&](db::Reader& reader) { return project_rows::get(reader, id); });
}

std::optional<Project> Projects::find(const ProjectId& id) const {
    const auto pass = impl_->enter(Permission::project_read, id);
    return impl_->read([&](db::Reader& reader) { return project_rows::find(reader, id); });
}

std::vector<Project> Projects::list(const ProjectFilter& filter) const {
    const auto pass = impl_->enter_somewhere(Permission::project_read);
    if (impl_->may(Permission::project_read)) return impl_->read([&](db::Reader& reader) { return project_rows::list(reader, filter); });
    project_rows::check_page(filter);
    return impl_->read([&, granted = impl_->granted()](db::Reader& reader) {
        std::vector<Project> list;
        for (const auto& [id, set] : granted->rights.projects) {  // in the order of ids
            if (std::ssize(list) == filter.limit) break;
            if ((filter.after && id <= *filter.after) || !granted->in(id).has(Permission::project_read)) continue;
            if (auto project = project_rows::find(reader, id)) list.push_back(*std::move(project));
        }
        return list;
    });
}

Project Projects::rename(const ProjectId& id, const std::string& name) {
    const auto pass = impl_->enter(Permission::project_write, id);
    project_rows::check({.name = name});
    const auto at = impl_->now();
    return impl_->change("project.rename", id.text(), [&](db::Tx& tx) { return project_rows::rename(tx, impl_->actor, id, name, at); });
}

void Projects::remove(const ProjectId& id) {
    const auto pass = impl_->enter(Permission::project_write, id);
    const auto at = impl_->now();
    impl_->change("project.remove", id.text(), [&](db::Tx& tx) {
        project_rows::get(tx, id);
        if (jobs::is_cause_of_unended(tx, id.text()))
            throw Conflict("a job still uses the project: wait for it or cancel it", {.subject = id.text()});
        const auto weight = engine::asset_rows::weigh(tx, id);
        engine::asset_rows::remove_all(tx, id);
        if (weight.size.count > 0) tenant::quota::free(tx, {Resource::storage, weight.size.count}, at);
        project_rows::remove(tx, impl_->actor, id, at);
        engine::doomed::add(tx, impl_->workspace.project(id), impl_->workspace);
        impl_->engine->events->append(tx, {.kind = "project.removed", .at = at, .subject = id.text()});
    });
    impl_->engine->remove_doomed(impl_->scope.tenant());
}

}  // namespace tenon
