#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <base/file.hpp>
#include <crypto/hash.hpp>

/// Files of a takeout's folder, as docs/design/takeout.md has them.
namespace tenon::engine::takeout {

inline constexpr const char* manifest_name = "manifest.txt";
inline constexpr const char* list_name = "files.jsonl";
inline constexpr const char* problems_name = "problems.jsonl";

/// A file that is written piece by piece, for its owner's eyes only, and hashed on the way.
class HashedFile {
public:
    /// `durable`: on the disk when it is finished.
    explicit HashedFile(const std::filesystem::path& path, bool durable = true);
    void write(base::ByteView bytes);
    /// The same through a buffer: for lines.
    std::string& lines() noexcept { return lines_; }
    void settle_lines();   ///< After a line: writes when there is enough.
    /// Returns the SHA-256, in hex.
    std::string finish();
    std::int64_t size() const noexcept { return size_; }

private:
    const std::string subject_;
    const bool durable_;
    base::Fd fd_;
    crypto::Sha256 hash_;
    std::string lines_;
    std::int64_t size_ = 0;
};

/// The list of all files: a line for each as it is finished.
class FileList {
public:
    explicit FileList(const std::filesystem::path& folder) : file_(folder / list_name) {}
    void add(std::string_view path, std::int64_t size, std::string_view sha256);
    std::string finish() { return file_.finish(); }
    std::int64_t count() const noexcept { return count_; }
    std::int64_t bytes() const noexcept { return bytes_; }
    std::int64_t size() const noexcept { return file_.size(); }

private:
    HashedFile file_;
    std::int64_t count_ = 0, bytes_ = 0;
};

/// Something of a workspace that is to be copied.
struct Original {
    std::string path{};          ///< Below the workspace, with slashes.
    std::int64_t size = 0;       ///< As it is on disk, or as its row says.
    std::string sha256{};        ///< What its row says, in hex. Empty: no row does.
};

/// What was wrong with one: nobody can make good for it by trying again.
struct Problem {
    std::string path{};
    std::string message{};
};

/// Copies one original into a new file, making the folders above it. Returns its size and its SHA-256 in hex. Throws NotFound: it is
/// not there. `from`: where it lies now; `advance`: is told of every piece.
struct Copied {
    std::int64_t size = 0;
    std::string sha256{};
};
Copied copy(const std::filesystem::path& from, const std::filesystem::path& to, const std::stop_token& stop,
            const std::function<void(std::int64_t)>& advance);

/// Makes the files of a folder tree durable by their names: every folder of it, deepest first.
void sync_tree(const std::filesystem::path& folder);

/// SHA-256 of a file, in hex, and its size.
Copied measure(const std::filesystem::path& file, const std::stop_token& stop);

}  // namespace tenon::engine::takeout
