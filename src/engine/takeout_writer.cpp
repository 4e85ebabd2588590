#include "takeout_writer.hpp"

#include <fcntl.h>

#include <algorithm>

#include <base/json.hpp>
#include <crypto/encoding.hpp>
#include <tenon/error.hpp>

#include "workspace.hpp"

namespace tenon::engine::takeout {
namespace {

constexpr std::size_t lines_at_once = 256 * 1024;
constexpr std::size_t copied_at_once = 1024 * 1024;

/// Reads a file in pieces. Throws NotFound, Cancelled.
template <class Take> Copied each_piece(const std::filesystem::path& path, const std::stop_token& stop, Take&& take) {
    const auto fd = base::open_file(path, O_RDONLY | O_NOFOLLOW);
    Copied read;
    crypto::Sha256 hash;
    base::ByteVector piece(copied_at_once);
    for (;;) {
        if (stop.stop_requested()) throw Cancelled("the takeout was stopped");
        const auto n = base::pread_up_to(fd, piece, static_cast<std::uint64_t>(read.size), path.string());
        const auto bytes = base::ByteView(piece).first(n);
        if (n > 0) {
            take(bytes);
            hash.update(bytes);
            read.size += static_cast<std::int64_t>(n);
        }
        if (n < piece.size()) break;
    }
    read.sha256 = crypto::to_hex(hash.finish());
    return read;
}

}  // namespace

HashedFile::HashedFile(const std::filesystem::path& path, bool durable)
    : subject_(path.string()), durable_(durable), fd_(base::open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600)) {}

void HashedFile::write(base::ByteView bytes) {
    base::write_all(fd_, bytes, subject_);
    hash_.update(bytes);
    size_ += static_cast<std::int64_t>(bytes.size());
}

void HashedFile::settle_lines() {
    if (lines_.size() < lines_at_once) return;
    write(base::view_of(lines_));
    lines_.clear();
}

std::string HashedFile::finish() {
    write(base::view_of(lines_));
    lines_.clear();
    if (durable_) base::sync_data(fd_, subject_);
    fd_.reset();
    return crypto::to_hex(hash_.finish());
}

void FileList::add(std::string_view path, std::int64_t size, std::string_view sha256) {
    auto& line = file_.lines();
    line += "{\"path\":";
    base::append_json_string(line, path);
    ((line += ",\"sha256\":\"") += sha256) += "\",\"size\":" + std::to_string(size) + "}\n";
    file_.settle_lines();
    ++count_;
    bytes_ += size;
}

Copied copy(const std::filesystem::path& from, const std::filesystem::path& to, const std::stop_token& stop,
            const std::function<void(std::int64_t)>& advance) {
    std::optional<HashedFile> file;
    const auto open = [&] {
        if (file) return;
        make_private_folder(to.parent_path());
        file.emplace(to);
    };
    auto copied = each_piece(from, stop, [&](base::ByteView bytes) {
        open();
        file->write(bytes);
        advance(static_cast<std::int64_t>(bytes.size()));
    });
    open();
    file->finish();
    return copied;
}

Copied measure(const std::filesystem::path& file, const std::stop_token& stop) {
    return each_piece(file, stop, [](base::ByteView) {});
}

void sync_tree(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> folders{folder};
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
        if (entry.is_directory() && !entry.is_symlink()) folders.push_back(entry.path());
    for (auto each = folders.rbegin(); each != folders.rend(); ++each) base::sync_folder(*each);
}

}  // namespace tenon::engine::takeout
