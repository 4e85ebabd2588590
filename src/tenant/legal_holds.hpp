#pragma once

#include <vector>

#include <db/tx.hpp>
#include <tenon/operator.hpp>

namespace tenon::tenant::legal_holds {

/// Of the reader's tenant, by name.
std::vector<LegalHold> list(db::Reader& reader);
bool any(db::Reader& reader);
/// Throws Conflict, naming one, if there are any. `what`: "erased".
void refuse(db::Reader& reader, const char* what);

}  // namespace tenon::tenant::legal_holds
