#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <backup/repository.hpp>
#include <crypto/secret.hpp>

#include "repository_impl.hpp"
#include "snapshot.hpp"
#include "tree.hpp"

namespace tenon::tests {

/// A snapshot that no honest writer would make, under the repository's own keys: by whoever holds them.
class Crafted {
public:
    explicit Crafted(backup::Repository& repository)
        : impl_(repository.inside()),
          meter_(backup::free_ledger()),
          throttle_(0, impl_.options.clock),
          session_(impl_.keys, impl_.super, *impl_.objects, meter_, throttle_, impl_.collections, random_writer(), impl_.options.clock, chain_, {}) {
        session_.begin([] { return false; });
        session_.use_index(impl_.load_index({}));
        lane_.emplace(session_, data_class());
    }
    ~Crafted() {
        if (!is_ended_) session_.end();
    }
    Crafted(const Crafted&) = delete;
    Crafted& operator=(const Crafted&) = delete;

    backup::Id16 data_class() const { return impl_.keys.ring.data_class(); }
    backup::Lane& lane() { return *lane_; }
    backup::ChunkRef chunk(std::string_view bytes) { return lane_->chunk(base::view_of(bytes)); }
    backup::Id node(base::ByteView bytes) { return lane_->node(bytes); }

    static base::ByteVector tree_bytes(const std::vector<backup::Entry>& entries) {
        backup::cbor::Writer out;
        out.array(3).uint(1).uint(0).array(entries.size());
        for (const auto& entry : entries) backup::encode(entry, out);
        return out.take();
    }
    static base::ByteVector inner_bytes(std::uint64_t level, const std::vector<backup::ChildRef>& children) {
        backup::cbor::Writer out;
        out.array(3).uint(1).uint(level).array(children.size());
        for (const auto& child : children) out.array(4).bytes(base::view_of(child.last)).bytes(child.id).uint(child.entries).uint(child.bytes);
        return out.take();
    }
    static base::ByteVector list_bytes(std::uint64_t level, const std::vector<backup::ChunkRef>& refs) {
        backup::cbor::Writer out;
        out.array(3).uint(2).uint(level).array(refs.size());
        for (const auto& ref : refs) out.array(2).bytes(ref.id).uint(ref.length);
        return out.take();
    }
    backup::Id tree(const std::vector<backup::Entry>& entries) { return node(tree_bytes(entries)); }

    static backup::Entry file(std::string name, std::vector<backup::ChunkRef> chunks = {}) {
        backup::Entry entry;
        entry.name = std::move(name);
        entry.mode = 0600;
        for (const auto& ref : chunks) entry.size += ref.length;
        entry.chunks = std::move(chunks);
        return entry;
    }
    backup::Entry folder(std::string name, const backup::Id& root, std::uint64_t bytes = 0) const {
        backup::Entry entry;
        entry.name = std::move(name);
        entry.kind = backup::EntryKind::folder;
        entry.mode = 0700;
        entry.size = bytes;
        entry.subtree = root;
        entry.subtree_class = data_class();
        return entry;
    }

    /// The commit point; nothing can be added behind it.
    backup::SnapshotRecord commit(backup::SnapshotRecord made) {
        lane_->flush();
        session_.commit_packs(session_.close_packs(), {});
        session_.commit_snapshot(made, [](const backup::SnapshotRecord&) { return true; });
        session_.end();
        is_ended_ = true;
        return made;
    }
    SnapshotId commit(const backup::Id& root, std::int64_t files, std::int64_t folders) {
        backup::SnapshotRecord made;
        made.root = root;
        made.root_class = data_class();
        made.files = files;
        made.folders = folders;
        return commit(std::move(made)).id;
    }

private:
    static backup::Id16 random_writer() {
        backup::Id16 writer{};
        crypto::fill_random(writer);
        return writer;
    }

    backup::Repository::Impl& impl_;
    backup::Meter meter_;
    backup::LogChain chain_;
    backup::Throttle throttle_;
    backup::WriteSession session_;
    std::optional<backup::Lane> lane_;
    bool is_ended_ = false;
};

}  // namespace tenon::tests
