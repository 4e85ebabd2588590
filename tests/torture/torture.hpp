#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <child_process.hpp>
#include <temp_folder.hpp>
#include <test_home.hpp>
#include <tenon/tenon.hpp>

namespace tenon::torture {

inline const std::filesystem::path footage = TENON_FOOTAGE;
inline const std::filesystem::path small_clip = footage / "clapper.mp4";
inline const std::filesystem::path clip = footage / "balle-jbart.mp4";

/// One thing that a victim was told by the library before it died: a word and what belongs to it.
using Told = std::vector<std::string>;

/// In the victim: one line that arrives whole or not at all.
void tell(const std::string& word, const std::vector<std::string>& rest = {});

/// In the victim: an engine on the home under torture and what it is to do with it.
class Victim {
public:
    Victim();
    Session acme() { return session("TORTURE_ACME"); }
    Session other() { return session("TORTURE_OTHER"); }
    static std::string setting(const std::string& key) { return tests::ChildProcess::setting(key.c_str()); }
    Engine& engine() { return engine_; }

    /// Plays a part; says on stderr what went wrong and ends the process so that nobody takes it for a success.
    static void play(const std::function<void(Victim&)>& part);

private:
    Session session(const char* key);
    Engine engine_;
};

/// A home with two tenants whose processes are killed at random moments. TENON_KILLS says how often, TENON_SEED from which
/// random numbers; both are printed.
class Torture : public ::testing::Test {
protected:
    Torture();

    Session acme() { return session(acme_.id); }
    Session other() { return session(other_.id); }
    Session session(const TenantId& id) { return engine->open_session({.tenant = id, .actor = "driver", .role = Role::owner}); }
    void open() { engine.emplace(tests::placed({.home = home(), .camera_networks = {"127.0.0.0/8"}})); }
    std::filesystem::path home() const { return folder.path() / "home"; }

    /// Lets the part run to its end the first time, which measures it; from then on kills it at some moment of its work,
    /// and sometimes whoever picks up the pieces, too. Then reopens the home here. What the part was told by the library.
    /// `within`: the kill comes so long after the part's first word at most, and not before it.
    std::vector<Told> round(const std::string& part, std::optional<Duration> within = {});

    /// Everything that must hold of every home whose work has ended. `both`: the second tenant works here, too. `restored`:
    /// so many bytes may be charged for files that no row names.
    void expect_sound(bool both = false, std::int64_t restored = 0);
    /// Waits for each job to end, and expects that it ended well.
    void expect_jobs_succeed(Session& session);

    std::mt19937_64 random;
    int kills = 3;
    std::map<std::string, std::string> settings;  // environment of the victims
    tests::TempFolder folder;
    std::optional<Engine> engine;
    Tenant acme_, other_;

private:
    std::vector<Told> let_run(const std::string& part);
    std::vector<Told> kill(const std::string& part, std::optional<Duration> within = {});
    void furnish_other();
    std::string untouched();

    std::map<std::string, Duration> durations_;
    std::string other_before_;
};

/// What must hold of one tenant's home when nothing runs: the audit trail verifies, nothing is reserved, what counts as
/// used is there, each file has its row and each row its file.
void expect_sound_tenant(Session& session, std::int64_t restored = 0);

/// Until `condition` holds, at most `limit`.
bool eventually(const std::function<bool()>& condition, Duration limit = std::chrono::seconds(60));

/// What ffmpeg has to say about a file when it decodes all of it; empty: nothing is wrong with it.
std::string decoding_problems(const std::filesystem::path& file);

}  // namespace tenon::torture
