#include "erasure.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <base/file.hpp>

#include "tenant_tables.hpp"

namespace tenon::engine::erasure {

std::vector<RemovedCount> count(db::SystemReader& reader, const TenantId& id) {
    std::vector<RemovedCount> list;
    for (const auto& table : tenant_tables()) {
        if (table.fate != Fate::goes) continue;
        auto rows = reader.query(table.count, id);
        rows.next();
        if (rows.i64(0) > 0) list.push_back({.kind = table.name, .count = rows.i64(0)});
    }
    return list;
}

Weight weigh(std::span<const std::filesystem::path> places) {
    Weight weight;
    const auto add = [&](const std::filesystem::path& path) {
        std::error_code error;
        if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(path, error))) return;
        ++weight.files;
        if (const auto size = std::filesystem::file_size(path, error); !error) weight.bytes += static_cast<std::int64_t>(size);
    };
    for (const auto& place : places) {
        std::error_code error;
        add(place);
        for (std::filesystem::recursive_directory_iterator at(place, error), end; !error && at != end; at.increment(error)) add(at->path());
    }
    return weight;
}

void shred(const std::filesystem::path& path) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(path, error))) return;
    const auto size = std::filesystem::file_size(path, error);
    if (error) return;
    base::Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return;  // it is removed all the same
    const std::string zeros(size, '\0');
    if (::pwrite(file.get(), zeros.data(), zeros.size(), 0) >= 0) ::fsync(file.get());
}

}  // namespace tenon::engine::erasure
