#pragma once

#include <sstream>
#include <string>

#include <file_tree.hpp>
#include <tenon/tenon.hpp>

namespace tenon::tests {

/// All of a tenant that a refused call must leave as it was, as text. Not its audit trail: refusals are in it.
inline std::string state_of(Session& session) {
    std::ostringstream text;
    for (const auto& quota : session.quotas().snapshot())
        text << to_string(quota.resource) << ' ' << quota.used << ' ' << quota.reserved << '\n';
    for (const auto& project : session.projects().list()) text << project.id.text() << ' ' << project.name << '\n';
    for (const auto& asset : session.assets().list()) text << asset.id.text() << ' ' << asset.name << '\n';
    for (const auto& file : session.exports().list()) text << file.name << ' ' << file.sha256 << '\n';
    for (const auto& job : session.jobs().list()) text << job.id.text() << ' ' << to_string(job.state) << '\n';
    for (const auto& camera : session.cameras().list())
        text << camera.id.text() << ' ' << camera.name << ' ' << to_string(camera.recording) << '\n';
    for (const auto& snapshot : session.backups().list()) text << snapshot.id.text() << ' ' << snapshot.name << '\n';
    for (const auto& slot : session.backups().keys().list()) text << slot.number << ' ' << slot.label << '\n';
    // A folder's time changes when a file in it is made and removed again.
    for (const auto& [name, line] : describe_tree(session.workspace()))
        text << name << ": " << (std::filesystem::is_directory(session.workspace() / name) ? "" : line) << '\n';
    return text.str();
}

}  // namespace tenon::tests
