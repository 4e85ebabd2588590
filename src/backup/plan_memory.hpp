#pragma once

#include <algorithm>
#include <string>
#include <unordered_set>

#include <tenon/error.hpp>

#include "index.hpp"
#include "tree.hpp"

namespace tenon::backup {

/// What a restore's plan, or the list of a folder, may take of memory: 96 MiB, and 256 bytes for each byte that is stored of the nodes it
/// was made from. Whoever has many files has many nodes, and pays for them; folders that share what is in them, lists that repeat a part,
/// and what shrinks to nothing when it is compressed can make any number of names out of some KiB.
class PlanMemory final : public NodeSource {
public:
    /// `refusal`: what is said to whoever asked for too much.
    PlanMemory(NodeSource& nodes, const Index& index, const char* refusal) : nodes_(nodes), index_(index), refusal_(refusal) {}

    ByteVector node(const Id& id) override {
        auto bytes = nodes_.node(id);
        if (!seen_.insert(id).second) return bytes;
        const auto found = index_.find(id);
        if (!found) {
            stored_ += bytes.size() / 4;  // a collection has put it elsewhere
            return bytes;
        }
        const auto& at = found->place;
        const auto frame = index_.packs()[at.pack].frames[at.frame];
        stored_ += std::min<std::uint64_t>(bytes.size(), frame.stored() * at.length / std::max<std::uint64_t>(frame.plain_len, 1));
        return bytes;
    }

    /// Throws Unsupported.
    void spend(std::uint64_t bytes, const std::string& path) {
        taken_ += bytes;
        const auto most = at_least + 256 * stored_;
        if (taken_ > most)
            throw Unsupported(refusal_, {.subject = path.substr(0, 200), .resource = "memory", .limit = static_cast<std::int64_t>(most)});
    }

    static std::uint64_t of(const Entry& entry) {
        auto bytes = entry.name.size() + entry.user.size() + entry.group.size() + entry.target.size() + entry.acl.size() + entry.default_acl.size() +
                     entry.holes.size() * sizeof(Extent) + entry.chunks.size() * sizeof(ChunkRef);
        for (const auto& attribute : entry.xattrs) bytes += sizeof(attribute) + attribute.name.size() + attribute.value.size();
        return bytes;
    }

private:
    static constexpr std::uint64_t at_least = std::uint64_t{96} << 20;
    NodeSource& nodes_;
    const Index& index_;
    const char* const refusal_;
    std::unordered_set<Id, IdHash> seen_;
    std::uint64_t stored_ = 0, taken_ = 0;
};

}  // namespace tenon::backup
