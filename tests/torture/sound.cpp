// What must hold of a tenant whose work has ended, however it was interrupted.

#include <array>
#include <cstdio>
#include <memory>
#include <set>
#include <sstream>

#include "torture.hpp"

namespace tenon::torture {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_below(const fs::path& root) {
    std::vector<fs::path> files;
    std::error_code none;
    for (const auto& entry : fs::recursive_directory_iterator(root, none))
        if (!entry.is_directory()) files.push_back(entry.path());
    return files;
}

std::int64_t size_of(const fs::path& file) { return static_cast<std::int64_t>(fs::file_size(file)); }

/// Every file that a row names is there with its size, and no other is. What the rows' files weigh.
std::int64_t expect_files_match_rows(Session& session) {
    std::set<fs::path> named;
    std::int64_t weight = 0;
    for (const auto& asset : session.assets().list({.limit = 1000})) {
        EXPECT_TRUE(fs::exists(asset.path)) << asset.path;
        named.insert(asset.path);
        weight += size_of(asset.path);
        EXPECT_EQ(size_of(asset.path), asset.size.count) << asset.path;
        if (asset.thumbnail.empty()) continue;
        named.insert(asset.thumbnail);
        weight += size_of(asset.thumbnail);
    }
    for (const auto& file : session.exports().list({.limit = 1000})) {
        EXPECT_TRUE(fs::exists(file.path)) << file.path;
        named.insert(file.path);
        weight += size_of(file.path);
        EXPECT_EQ(size_of(file.path), file.size.count) << file.path;
    }
    const auto strays = [&] {
        std::vector<fs::path> found;
        for (const auto& file : files_below(session.workspace() / "exports"))
            if (!named.contains(file)) found.push_back(file);
        for (const auto& file : files_below(session.workspace() / "projects"))
            if (file.parent_path().filename() == "assets" && !named.contains(file)) found.push_back(file);
        for (const auto& file : fs::directory_iterator(session.workspace() / "temp")) found.push_back(file.path());
        return found;
    };
    eventually([&] { return strays().empty(); });
    for (const auto& stray : strays()) ADD_FAILURE() << "no row names " << stray;
    return weight;
}

std::string reservations(Session& session) {
    std::ostringstream text;
    for (const auto& quota : session.quotas().snapshot())
        if (quota.reserved != 0) text << to_string(quota.resource) << ' ' << quota.reserved << '\n';
    return text.str();
}

}  // namespace

void expect_sound_tenant(Session& session, std::int64_t restored) {
    EXPECT_NO_THROW(session.audit().verify());
    eventually([&] { return reservations(session).empty(); });
    EXPECT_EQ(reservations(session), "") << "holds were leaked";
    auto weight = expect_files_match_rows(session);
    for (const auto& file : files_below(session.workspace() / "recordings"))
        if (file.extension() == ".mp4") weight += size_of(file);
    const auto home = session.workspace().parent_path().parent_path();
    for (const auto& file : files_below(home / "backups" / session.tenant().text())) weight += size_of(file);
    const auto used = [&](Resource resource) { return session.quotas().get(resource).used; };
    EXPECT_GE(used(Resource::storage), weight) << "storage is what lies on disk";
    EXPECT_LE(used(Resource::storage), weight + restored) << "storage is what lies on disk";
    EXPECT_EQ(used(Resource::projects), static_cast<std::int64_t>(session.projects().list({.limit = 1000}).size()));
    EXPECT_EQ(used(Resource::cameras), static_cast<std::int64_t>(session.cameras().list().size()));
    EXPECT_EQ(used(Resource::concurrent_jobs), 0);
}

std::string decoding_problems(const std::filesystem::path& file) {
    const std::string command = "ffmpeg -nostdin -v warning -i '" + file.string() + "' -f null - 2>&1";
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
    if (!pipe) return "cannot start ffmpeg";
    std::string said;
    std::array<char, 4096> part{};
    while (const auto size = fread(part.data(), 1, part.size(), pipe.get())) said.append(part.data(), size);
    return said;
}

}  // namespace tenon::torture
