#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <temp_folder.hpp>
#include <test_home.hpp>
#include <tenon/tenon.hpp>

namespace tenon::tests {

inline const std::filesystem::path footage = TENON_FOOTAGE;
inline const std::filesystem::path clip_with_sound = footage / "balle-jbart.mp4";

/// An engine on a home of its own with two tenants.
class EngineTest : public ::testing::Test {
protected:
    EngineTest() {
        open();
        auto setup = engine->open_operator({.actor = "setup", .reason = "test"});
        acme = setup.tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/basic"});
        other = setup.tenants().create({.name = "Other", .slug = "other", .plan = "studio/basic"});
    }
    EngineOptions options() const { return placed({.home = folder.path() / "home", .camera_networks = {"127.0.0.0/8"}}); }
    void open() { engine.emplace(options()); }
    /// An engine that only looks: nothing happens behind a test's back.
    void open_looking() {
        auto looking = options();
        looking.background = false;
        engine.emplace(looking);
    }
    Session session(const Tenant& tenant, Role role = Role::owner) {
        return engine->open_session({.tenant = tenant.id, .actor = "tester", .role = role});
    }
    OperatorSession operators() { return engine->open_operator({.actor = "operator", .reason = "test"}); }

    /// What a resource counts as used now.
    std::int64_t used(const Session& s, Resource resource) { return s.quotas().get(resource).used; }
    std::int64_t reserved(const Session& s, Resource resource) { return s.quotas().get(resource).reserved; }

    TempFolder folder;
    std::optional<Engine> engine;
    Tenant acme, other;
};

}  // namespace tenon::tests
