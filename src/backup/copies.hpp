#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include <blob/store.hpp>

#include "container.hpp"

namespace tenon::backup {

/// What the control class's keys vouch for: with it a store knows which names are dead. Goes by the newest keys each time, as somebody may
/// rotate them meanwhile, and by a copy of `keys` where nobody can be asked any more (null).
std::shared_ptr<const blob::Seal> seal_of(const Keys& keys, std::function<std::shared_ptr<const Keys>()> newest);

/// Whether this is such an object, whole and of this repository. False for names that are none of its objects'.
[[nodiscard]] bool is_ours(const Keys& keys, const std::string& name, ByteView bytes);

}  // namespace tenon::backup
