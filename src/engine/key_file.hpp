#pragma once

#include <filesystem>

#include <backup/repository.hpp>

namespace tenon::engine {

/// A key to a repository in a file of the host's, outside of the home.
class KeyFile {
public:
    /// Throws InvalidArgument.
    static void check_path(const std::filesystem::path& path);
    /// Throws InvalidArgument (no key file, or others may read it), Corrupt, NotFound, PermissionDenied.
    static KeyFile read(const std::filesystem::path& path);
    /// A new key in a new file, durable before anything is sealed to it; it goes again unless keep() says that something was.
    /// Throws Conflict: there is something of that name.
    static KeyFile make(const std::filesystem::path& path);

    KeyFile(KeyFile&& other) noexcept;
    KeyFile& operator=(KeyFile&&) = delete;
    ~KeyFile();

    const backup::KeySource& key() const noexcept { return key_; }
    void keep() noexcept { made_.clear(); }

private:
    explicit KeyFile(backup::KeySource key) : key_(std::move(key)) {}

    backup::KeySource key_;
    std::filesystem::path made_;  ///< Empty: the file stays.
};

}  // namespace tenon::engine
