#include <array>

#include <tenant/catalogues.hpp>

namespace tenon::tenant {
namespace {

struct Fact {
    Resource resource;
    const char* name;
    const char* unit;
    bool periodic;
};

constexpr std::array facts{
    Fact{Resource::projects, "projects", "count", false},
    Fact{Resource::storage, "storage", "bytes", false},
    Fact{Resource::render_time, "render_time", "ms", true},
    Fact{Resource::concurrent_jobs, "concurrent_jobs", "count", false},
    Fact{Resource::seats, "seats", "count", false},
    Fact{Resource::cameras, "cameras", "count", false},
    Fact{Resource::sites, "sites", "count", false},
    Fact{Resource::agents, "agents", "count", false},
    Fact{Resource::api_calls, "api_calls", "count", true},
    Fact{Resource::model_tokens, "model_tokens", "count", true},
    Fact{Resource::bandwidth, "bandwidth", "bytes", true},
};

const Fact* fact_of(Resource resource) noexcept {
    for (const auto& fact : facts)
        if (fact.resource == resource) return &fact;
    return nullptr;
}

}  // namespace

const std::vector<Resource>& all_resources() {
    static const auto all = [] {
        std::vector<Resource> list;
        for (const auto& fact : facts) list.push_back(fact.resource);
        return list;
    }();
    return all;
}

bool is_periodic(Resource resource) noexcept {
    const auto* fact = fact_of(resource);
    return fact && fact->periodic;
}

std::string_view unit_of(Resource resource) noexcept {
    const auto* fact = fact_of(resource);
    return fact ? fact->unit : "count";
}

std::optional<Resource> resource_of(std::string_view name) noexcept {
    for (const auto& fact : facts)
        if (fact.name == name) return fact.resource;
    return std::nullopt;
}

}  // namespace tenon::tenant

TENON_BEGIN

const char* to_string(Resource resource) noexcept {
    const auto* fact = tenant::fact_of(resource);
    return fact ? fact->name : "unknown";
}

const char* to_string(OverageRule rule) noexcept {
    switch (rule) {
        case OverageRule::block: return "block";
        case OverageRule::charge: return "charge";
        case OverageRule::grace: return "grace";
        case OverageRule::shadow: return "shadow";
    }
    return "unknown";
}

TENON_END
