#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include <blob/store.hpp>

#include "container.hpp"

namespace tenon::backup {

/// What the control class's keys vouch for: with it a store knows which names are dead. Goes on with copies of these keys.
std::shared_ptr<const blob::Seal> seal_of(const Keys& keys);

/// Whether this is such an object, whole and of this repository. False for names that are none of its objects'.
[[nodiscard]] bool is_ours(const Keys& keys, const std::string& name, ByteView bytes);

}  // namespace tenon::backup
