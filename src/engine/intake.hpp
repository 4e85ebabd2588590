#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>

#include <base/file.hpp>
#include <tenon/asset.hpp>

namespace tenon::engine {

/// What Asset::container says of a colour table.
inline constexpr const char* cube_container = "cube";

/// A host's file on its way into a workspace. What it wrote is gone with it unless keep() was called.
class Intake {
public:
    /// Opens the file that the host named. Throws NotFound, PermissionDenied, InvalidArgument (no regular file).
    explicit Intake(const std::filesystem::path& source);
    ~Intake();
    Intake(const Intake&) = delete;
    Intake& operator=(const Intake&) = delete;

    /// Of the source, when it was opened.
    Bytes size() const noexcept { return size_; }

    /// Copies it to `target`, hashing what is written, and makes the bytes durable. `go_on` is asked after each piece and
    /// throws what ends it. Throws Conflict if the source grew or shrank meanwhile.
    void copy_to(const std::filesystem::path& target, const std::stop_token& stop, const std::function<void()>& go_on);

    /// Probes the copy and fills in what `asset` says about its content; writes the thumbnail if there is a picture. A file
    /// that is called .cube is a colour table or nothing.
    void describe(Asset& asset, const std::filesystem::path& thumbnail, const std::stop_token& stop);

    /// What lies on disk now: copy and thumbnail.
    Bytes weight() const;

    void keep() noexcept { keep_ = true; }

private:
    void describe_media(Asset& asset, const std::filesystem::path& thumbnail, const std::stop_token& stop);

    std::filesystem::path source_;
    base::Fd file_;
    Bytes size_{};
    std::filesystem::path copy_;
    std::filesystem::path thumbnail_;
    std::string sha256_;
    bool keep_ = false;
};

}  // namespace tenon::engine
