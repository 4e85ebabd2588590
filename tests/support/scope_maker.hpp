#pragma once

#include <string>

#include <db/scope.hpp>

namespace tenon::db::testing {

/// The broker's stand-in for unit tests.
struct ScopeMaker {
    static TenantScope tenant(TenantId id, std::string region = "eu", std::uint32_t slot = 0, std::uint64_t epoch = 1) {
        return {id, std::move(region), slot, epoch};
    }
    static SystemScope system() { return {}; }
};

}  // namespace tenon::db::testing
