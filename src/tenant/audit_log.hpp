#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <crypto/merkle.hpp>
#include <db/tx.hpp>

#include "audit_store.hpp"

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

/// What the thread that writes keeps of a log, so that a record costs no reading and several share a row. Dropped when anything
/// was undone or another process wrote.
struct Known {
    Log log{};
    std::string name{};         ///< As log_name() has it.
    std::map<std::string, crypto::Digest, std::less<>> actors{};  ///< Commitments by id: of some.
    std::vector<Pack> packs{};  ///< What this transaction has added and is not stored yet.
    std::vector<Node> nodes{};
    bool broken = false;        ///< Something failed half-way: this transaction must not be committed.
};
/// Valid until the next call.
Known& known_log(db::Tx& tx);
/// Adds a record that was checked. What is to be stored of it is stored at the end of the transaction.
void add(Known& known, const NewRecord& record, const Erasable& hidden);
/// Stores what was added so far.
void store_records(db::Tx& tx, Known& known);
/// Stores, once per transaction, what was added and where the log ends.
void store_at_end(db::Tx& tx);
/// After actors were forgotten by another way.
void forget_actors(const TenantId& log) noexcept;
/// After all that is erasable of the log was erased: what is not stored yet follows.
void forget_erasable(const TenantId& log);

}  // namespace tenon::tenant::audit
