#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tenon::tenant::audit {

/// The record that says up to where was pruned; its target is that number. A part of the format: the verifier looks for it.
inline constexpr std::string_view prune_action = "audit.prune";

/// Empty: not such a target.
std::optional<std::int64_t> pruned_until(std::string_view target);

/// Of what destroys something for ever. Throws InvalidArgument.
void check_erasure_reason(const std::string& reason);

}  // namespace tenon::tenant::audit
