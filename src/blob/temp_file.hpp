#pragma once

#include <string>

#include <base/file.hpp>

namespace tenon::blob {

/// A file that gets its name only once it is complete. Nameless where the file system can (nothing stays after a kill),
/// else under a hidden name that sweep() removes once its maker is gone.
class TempFile {
public:
    /// `folder` is the store's root and outlives this.
    explicit TempFile(const base::Fd& folder);
    TempFile(TempFile&&) noexcept;
    TempFile& operator=(TempFile&&) = delete;
    ~TempFile();

    const base::Fd& fd() const noexcept { return fd_; }
    base::Fd release_fd() noexcept { return std::move(fd_); }
    /// Gives it the path below the root. False: create_only and the name is taken.
    [[nodiscard]] bool publish(const std::string& path, bool create_only);

    /// Removes what killed writers left. Only needed once a process.
    static void sweep(const base::Fd& folder);

private:
    void make_named();

    const base::Fd* folder_;
    base::Fd fd_;
    std::string name_;  ///< Empty: nameless.
};

/// Takes the whole-file lock of this open file description. False: another one holds it.
bool try_lock(const base::Fd& fd);
/// Whether some other open file description holds it.
bool locked_elsewhere(const base::Fd& fd);

}  // namespace tenon::blob
