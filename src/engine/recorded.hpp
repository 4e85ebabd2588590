#pragma once

#include <memory>
#include <string>

#include <base/json.hpp>

#include "core.hpp"
#include "repositories.hpp"

namespace tenon::engine {

/// Does `work` with its audit record. The record comes first: a kill right after it may leave a record without its change, never a change
/// without a record.
template <class Work>
auto recorded(const SessionImpl& session, const std::string& action, const std::string& target, Work&& work, const base::Json& details = {}) {
    const auto at = session.now();
    session.write([&](db::Tx& tx) { session.audit(tx, action, target, at, details); });
    return tenant::audit::attempt(*session.engine->refusals, session.scope, session.actor, {.time = at, .action = action, .target = target}, work);
}

inline Repositories& repositories(const std::shared_ptr<SessionImpl>& session) { return repositories_of(*session->engine); }

}  // namespace tenon::engine
