#pragma once

#include "command.hpp"
#include "context.hpp"

namespace tenon::cli {

// The verbs of a repository's keys.
int list_keys(Context& context, const Args& args);
int add_password(Context& context, const Args& args);
int remove_key(Context& context, const Args& args);
int unlock(Context& context, const Args& args);

}  // namespace tenon::cli
