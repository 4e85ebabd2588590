#pragma once

#include <crypto/merkle.hpp>
#include <db/tx.hpp>

namespace tenon::tenant::audit {

/// A stored tree end. Throws Corrupt.
crypto::MerkleTree read_tree(std::int64_t size, base::ByteView edge);
base::ByteVector edge_bytes(const crypto::MerkleTree& tree);

/// Where a log ends: enough to add a record, and to state the tree's root at any later checkpoint.
struct Log {
    crypto::MerkleTree tree{};
    crypto::Digest head{};      ///< Leaf hash of the last record; zeros while there is none.
};

/// Read anew in every transaction, because another process may have written meanwhile. Throws Corrupt.
Log read_log(db::Reader& reader);
void write_log(db::Tx& tx, const Log& log);

}  // namespace tenon::tenant::audit
