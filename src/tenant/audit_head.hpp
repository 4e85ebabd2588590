#pragma once

#include <string>

#include <crypto/merkle.hpp>
#include <tenon/id.hpp>

namespace tenon::tenant::audit {

/// A stored tree end. Throws Corrupt.
crypto::MerkleTree read_tree(std::int64_t size, base::ByteView edge);

/// A leaf of the tree over all logs: what a checkpoint says of one log.
std::string head_text(const TenantId& log, std::int64_t size, const crypto::Digest& root);

}  // namespace tenon::tenant::audit
