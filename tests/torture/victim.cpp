#include <cstdio>

#include <unistd.h>

#include "torture.hpp"

namespace tenon::torture {

void tell(const std::string& word, const std::vector<std::string>& rest) {
    std::string line = word;
    for (const auto& each : rest) line += ' ' + each;
    line += '\n';
    tests::ChildProcess::report(line.data(), line.size());
}

Victim::Victim() : engine_(tests::placed({.home = setting("TORTURE_HOME"), .camera_networks = {"127.0.0.0/8"}})) {}

Session Victim::session(const char* key) {
    return engine_.open_session({.tenant = TenantId::parse(setting(key)), .actor = "victim", .role = Role::owner});
}

void Victim::play(const std::function<void(Victim&)>& part) {
    try {
        Victim victim;
        part(victim);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "the victim failed by itself: %s\n", error.what());
        _exit(1);
    }
}

namespace {

// Picks up what a killed process left, as the next start of a host would.
TEST(Victim, DISABLED_resume) {
    Victim::play([](Victim& victim) {
        for (auto session : {victim.acme(), victim.other()})
            for (const auto& job : session.jobs().list({.limit = 1000}))
                while (!session.jobs().get(job.id).join_for(std::chrono::seconds(1))) {
                }
    });
}

}  // namespace
}  // namespace tenon::torture
