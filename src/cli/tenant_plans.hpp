#pragma once

#include <string>
#include <vector>

#include "context.hpp"

namespace tenon::cli {

inline constexpr Operand tenant_operand{"TENANT", "id or slug; default: the tenant of --tenant", false};

/// The first operand, or the tenant of --tenant.
TenantId chosen(Context& context, const Args& args);
/// Throws UsageError: the trail keeps why something was done.
std::string reason_of(const Args& args);

/// "a, b, c"
std::string joined(const std::vector<std::string>& words);

/// The verbs of a tenant's plan and limits.
std::vector<Command> tenant_plan_commands();

}  // namespace tenon::cli
