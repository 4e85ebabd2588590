#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/id.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct Internal;
struct SessionImpl;

struct Project {
    ProjectId id{};
    std::string name{};
    Time created_at{};
};

struct ProjectOptions {
    std::string name{};            ///< Required. Need not be unique.
};

struct ProjectFilter {
    std::optional<ProjectId> after{};  ///< The last one of the page before.
    std::int32_t limit = 100;          ///< 1 to 1000, oldest first.
};

class TENON_API Projects {
public:
    /// Throws InvalidArgument, QuotaExceeded.
    Project create(const ProjectOptions& options);
    Project get(const ProjectId& id) const;
    [[nodiscard]] std::optional<Project> find(const ProjectId& id) const;
    std::vector<Project> list(const ProjectFilter& filter = {}) const;
    Project rename(const ProjectId& id, const std::string& name);
    /// Removes the project with its assets. Exports stay. Throws NotFound, Conflict while a job uses it.
    void remove(const ProjectId& id);

private:
    friend struct Internal;
    explicit Projects(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
