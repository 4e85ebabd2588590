#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/frame.hpp>
#include <tenon/id.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct Internal;
struct SessionImpl;

/// A file that a job made below the workspace's exports: a rendered reel, a camera clip. It counts as storage until it is
/// removed.
struct ExportedFile {
    std::string name{};                  ///< Unique within the tenant.
    std::filesystem::path path{};
    JobId job{};                         ///< Which job made it.
    Bytes size{};
    std::string sha256{};                ///< Hex.
    Time created_at{};
};

struct ExportFilter {
    std::optional<JobId> job{};          ///< Unset: every job.
    std::string after{};                 ///< The name of the last one of the page before. Empty: the first page.
    std::int32_t limit = 100;            ///< 1 to 1000, newest first.
};

class TENON_API Exports {
public:
    /// Throws InvalidArgument, NotFound (the file that the page is to follow was removed).
    std::vector<ExportedFile> list(const ExportFilter& filter = {}) const;
    [[nodiscard]] std::optional<ExportedFile> find(const std::string& name) const;
    /// Throws NotFound.
    void remove(const std::string& name);

    /// The frame shown at a time; see Assets::frame().
    Frame frame(const std::string& name, const FrameOptions& options = {}) const;
    /// Its frames, one after the other.
    FrameStream frames(const std::string& name, const FramesOptions& options = {}) const;

private:
    friend struct Internal;
    explicit Exports(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
