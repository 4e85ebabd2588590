#pragma once

#include <functional>
#include <map>
#include <string>

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

/// As it is stored, which is up to date outside of a transaction that writes. Throws Corrupt.
Log read_log(db::Reader& reader);

/// What the thread that writes keeps of a log, so that a record costs no reading. Dropped when anything was undone or another
/// process wrote.
struct Known {
    Log log{};
    std::map<std::string, crypto::Digest, std::less<>> actors{};  ///< Commitments by id: of some.
};
/// Valid until the next call.
Known& known_log(db::Tx& tx);
/// After a write that failed half-way, or that changed what is known by another way.
void forget_log(const TenantId& log) noexcept;
/// Stores where the log ends, once per transaction.
void store_log(db::Tx& tx);

}  // namespace tenon::tenant::audit
