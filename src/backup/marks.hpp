#pragma once

#include <stop_token>
#include <vector>

#include "chunk_reader.hpp"
#include "index.hpp"

namespace tenon::backup {

/// Which chunks snapshots need: a bit for each of an index's.
class Marks {
public:
    Marks(const Index& index, const Ring& ring) : index_(index), ring_(ring), bits_(index.chunks()) {}

    /// All that is below this root and not marked already. Throws Corrupt where a folder cannot be read: nobody can tell then
    /// what lies below it.
    void add(const Id& root, ChunkReader& nodes, const std::stop_token& stop);
    bool has(const Id& id) const {
        const auto at = index_.ordinal(id);
        return at && bits_[*at];
    }
    /// Of an entry of the index.
    bool has(std::uint32_t ordinal) const { return bits_[ordinal]; }
    /// False: something that was to be marked is not in the index, or is there in packs alone that one must not rely on.
    bool is_whole() const { return missing_ == 0; }
    bool is_firm() const { return missing_ + shaky_ == 0; }

private:
    bool mark(const Id& id);
    /// `ahead`: gets the nodes below.
    void folder(const Id& root, ChunkReader& nodes, std::vector<Id>& ahead, const std::stop_token& stop);

    const Index& index_;
    const Ring& ring_;
    std::vector<bool> bits_;
    std::int64_t missing_ = 0, shaky_ = 0;
};

}  // namespace tenon::backup
