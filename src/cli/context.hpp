#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <tenon/tenon.hpp>

#include "command.hpp"
#include "output.hpp"

namespace tenon::cli {

class Secret;

/// The program under the name it was started by: a partner who renames the file has renamed everything it says.
struct Program {
    explicit Program(std::string_view argv0);

    std::string name;    // "tenon"
    std::string prefix;  // "TENON_": of environment variables
    Brand brand;         // From <prefix>PRODUCT, <prefix>VENDOR, <prefix>URL.
};

/// What every verb works with. The engine opens at the first need.
class Context {
public:
    Context(const Program& program, const Args& args, const Command& command);

    const Output& out() const { return out_; }
    const Program& program() const { return program_; }
    const std::string& actor() const { return actor_; }

    std::string variable(std::string_view name) const { return program_.prefix + std::string(name); }

    /// A verb as one would type it, in quotes.
    std::string command(std::string_view words) const { return "“" + program_.name + " " + std::string(words) + "”"; }

    Engine& engine();
    std::filesystem::path home() const { return from("--home", "HOME", "studio"); }
    /// The connection string of the home's database; empty: its metadata are in its own file.
    Secret postgres() const;
    /// The tenant of --tenant, or the only one there is.
    Session session();
    /// With --as-partner that partner's.
    OperatorSession operators();
    TenantId tenant();
    TenantId tenant(const std::string& id_or_slug);
    PartnerId partner(const std::string& id_or_slug);

    /// Closes the engine, joining its threads.
    void close();

private:
    std::string from(std::string_view option, std::string_view variable, std::string_view otherwise) const;

    const Program& program_;
    const Args& args_;
    const Command& command_;
    Output out_;
    std::string actor_;
    std::optional<Engine> engine_;
};

/// Names are for people, ids for programs; both are understood. Several of one name: Conflict, telling the ids.
ProjectId project_named(const Session& session, const std::string& id_or_name);
AssetId asset_named(const Session& session, const std::string& id_or_name, const std::optional<ProjectId>& project = {});
CameraId camera_named(const Session& session, const std::string& id_or_name);
/// A name stands for its newest snapshot, "latest" for the newest of all.
SnapshotId snapshot_named(const Session& session, const std::string& id_or_name);

/// Follows pages to the end, or until `limit` things were seen. `page(after, n)` gives what follows `after`.
template <class T, class Page>
std::vector<T> every(std::int64_t limit, Page page) {
    std::vector<T> all;
    while (true) {
        const auto n = static_cast<std::int32_t>(std::min<std::int64_t>(1000, limit - static_cast<std::int64_t>(all.size())));
        if (n <= 0) return all;
        std::vector<T> next = page(all.empty() ? nullptr : &all.back(), n);
        const bool last = static_cast<std::int32_t>(next.size()) < n;
        for (auto& one : next) all.push_back(std::move(one));
        if (last) return all;
    }
}

inline constexpr Option after_option{"--after", "LAST", "those that follow this one in the list: an id, or a file's name"};
inline constexpr Option limit_option{"--limit", "N", "show at most N"};

inline std::int64_t limit_of(const Args& args) { return args.integer("--limit", 1'000'000'000, 1, 1'000'000'000); }

}  // namespace tenon::cli
