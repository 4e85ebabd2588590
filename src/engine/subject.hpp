#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include <tenon/error.hpp>

#include "core.hpp"

namespace tenon::engine {

/// A file that pictures or sounds are taken from.
struct Subject {
    std::filesystem::path path{};
    std::string name{};
    std::optional<ProjectId> project{};
};

/// Throw NotFound, also for what he may not read.
Subject asset_subject(const SessionImpl& session, const AssetId& id);
Subject export_subject(const SessionImpl& session, const std::string& name);
/// One of the two. Throws InvalidArgument.
Subject subject_of(const SessionImpl& session, const std::optional<AssetId>& asset, const std::string& exported);

/// People know a file by its name, not by our copy's path.
template <class Work> auto named(const SessionImpl& session, const Subject& subject, Work&& work) {
    try {
        return session.interruptible(std::forward<Work>(work));
    } catch (const Error& error) {
        if (error.subject() == subject.path.string()) throw_error(error.code(), error.what(), {.subject = subject.name});
        throw;
    }
}

}  // namespace tenon::engine
