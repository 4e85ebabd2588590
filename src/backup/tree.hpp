#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <backup/repository.hpp>
#include <crypto/hash.hpp>

#include "cbor.hpp"
#include "wire.hpp"

namespace tenon::backup {

/// A path in a snapshot; the root is empty.
inline std::string join(const std::string& folder, const std::string& name) { return folder.empty() ? name : folder + '/' + name; }

/// How deep folders go in a snapshot: what a kernel takes in one call, so that each can be restored.
inline constexpr std::size_t max_folder_path = 4095, max_folder_depth = 1024;
bool is_folder_path(std::string_view path);
/// Throws Corrupt for a folder that lies deeper than that.
void check_folder_path(std::string_view path);

struct ChunkRef {
    Id id{};
    std::uint64_t length = 0;
    friend bool operator==(const ChunkRef&, const ChunkRef&) = default;
};

struct Extent {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    friend bool operator==(const Extent&, const Extent&) = default;
};

struct Xattr {
    std::string name;
    ByteVector value;
    friend bool operator==(const Xattr&, const Xattr&) = default;
};

/// One name in a directory.
struct Entry {
    static constexpr std::uint64_t unstable = 1, damaged = 2, erased = 4;

    std::string name{};               ///< Bytes, not text.
    EntryKind kind = EntryKind::file;
    std::uint32_t mode = 0;           ///< Permission bits.
    std::uint32_t uid = 0, gid = 0;
    std::string user{}, group{};
    std::uint64_t size = 0;           ///< A folder's: all files below it.
    std::int64_t mtime = 0, ctime = 0;  ///< ns
    std::optional<Extent> link_key{}; ///< [device, inode] when it has several names.
    std::uint64_t inode = 0;          ///< When it has one.
    std::vector<Xattr> xattrs{};
    ByteVector acl{}, default_acl{};
    std::string target{};             ///< Of a symbolic link.
    std::vector<Extent> holes{};      ///< What the chunks leave out; ascending.
    std::vector<ChunkRef> chunks{};   ///< The bytes outside of holes, if few chunks.
    std::optional<Id> list_root{};    ///< Else here.
    std::optional<Id> subtree{};
    Id16 subtree_class{};
    std::uint64_t flags = 0;
    std::uint64_t device = 0;
};

void encode(const Entry& entry, cbor::Writer& out);
/// Throws Corrupt, also for a name that is not a single component.
Entry decode_entry(cbor::Reader& reader);

struct ChildRef {
    std::string last;          ///< The last name below.
    Id id{};
    std::uint64_t entries = 0, bytes = 0;
};

/// Of a directory. Level 0 holds entries, others children.
struct TreeNode {
    std::uint64_t level = 0;
    std::vector<Entry> entries;
    std::vector<ChildRef> children;
};

/// Of a long file's chunk list. Above level 0 the refs are nodes and the bytes below them.
struct ListNode {
    std::uint64_t level = 0;
    std::vector<ChunkRef> refs;
};

TreeNode decode_tree_node(ByteView bytes, const std::string& subject);
ListNode decode_list_node(ByteView bytes, const std::string& subject);

/// Takes nodes as they are completed.
class NodeSink {
public:
    virtual ~NodeSink() = default;
    virtual Id node(ByteView bytes) = 0;
};

/// Gives them back. Throws Corrupt for a node that is missing or is not the one its id names. One thread at a time.
class NodeSource {
public:
    virtual ~NodeSource() = default;
    virtual ByteVector node(const Id& id) = 0;

    std::uint64_t held = 0;  ///< Memory that the nodes take which cursors are in.
};

/// A node that a cursor is in: what an honest writer made takes some KiB for each folder on the way, so that no depth of them adds up to this.
class HeldNode {
public:
    static constexpr std::uint64_t most = std::uint64_t{64} << 20;
    HeldNode() = default;
    /// Throws Corrupt.
    HeldNode(NodeSource& source, std::uint64_t bytes);
    HeldNode(HeldNode&& other) noexcept : source_(std::exchange(other.source_, nullptr)), bytes_(other.bytes_) {}
    HeldNode& operator=(HeldNode&& other) noexcept {
        std::swap(source_, other.source_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~HeldNode() {
        if (source_) source_->held -= bytes_;
    }

private:
    NodeSource* source_ = nullptr;
    std::uint64_t bytes_ = 0;
};

inline constexpr std::size_t max_inline_chunks = 64;
inline constexpr std::uint64_t max_level = 16;
inline constexpr std::size_t max_xattrs = 16'384;  // names of 64 KiB, which is what Linux lists, are fewer

/// Cuts a directory's entries, given in name order, into nodes. Where, depends on names and keys alone.
class TreeBuilder {
public:
    explicit TreeBuilder(ByteView k_cdc) : hash_(k_cdc) {}
    void add(const Entry& entry, NodeSink& sink);
    /// The root.
    Id finish(NodeSink& sink);
    std::uint64_t bytes() const { return bytes_; }

    /// The nodes still open, highest level first: [[level, items]…].
    void save(cbor::Writer& out) const;

private:
    struct Open {
        ByteVector items;
        std::uint64_t count = 0, entries = 0, bytes = 0;
        std::string last;
    };
    void put(std::size_t level, ByteView item, const std::string& name, std::uint64_t entries, std::uint64_t bytes, NodeSink& sink);
    Id close(std::size_t level, NodeSink& sink);
    void close_upward(std::size_t level, NodeSink& sink);
    bool is_boundary(const std::string& name);

    crypto::HmacSha256 hash_;
    std::vector<Open> levels_;
    std::uint64_t bytes_ = 0;
};

/// What save() wrote, lowest level last.
std::vector<TreeNode> decode_open_nodes(cbor::Reader& reader);

/// A file's chunks as they come: few are kept as they are, more become a tree of lists.
class ListBuilder {
public:
    void add(const ChunkRef& ref, NodeSink& sink);
    /// Fills the entry's chunks or its list root.
    void finish(Entry& entry, NodeSink& sink);

private:
    void put(std::size_t level, const ChunkRef& ref, NodeSink& sink);
    ChunkRef close(std::size_t level, NodeSink& sink);

    std::vector<ChunkRef> few_;
    std::vector<std::vector<ChunkRef>> levels_;
};

/// The entries of a directory in order.
class DirCursor {
public:
    DirCursor(NodeSource& source, const Id& root);
    /// Of a directory that was not finished.
    DirCursor(NodeSource& source, std::vector<TreeNode> open);
    const Entry* peek();   ///< Null at the end.
    Entry take();
    /// The entry of that name, if it is ahead; moves past smaller names.
    const Entry* seek(const std::string& name);
    /// Of all entries that were taken.
    std::uint64_t bytes() const { return bytes_; }

private:
    struct Position {
        TreeNode node;
        std::optional<ChildRef> promised{};     ///< What is said of it further up.
        HeldNode held{};
        std::size_t at = 0;
        std::uint64_t entries = 0, bytes = 0;  ///< Taken.
    };
    void open(const Id& id, std::optional<ChildRef> promised);
    void close();
    void descend();
    NodeSource& source_;
    std::vector<Position> stack_;
    std::string last_;
    bool any_ = false;
    std::uint64_t bytes_ = 0;
};

/// The bytes that an entry's chunks hold together.
std::uint64_t bytes_of_chunks(const Entry& entry);

/// Every chunk of a file, whichever way its entry holds them. `on_node` hears the list nodes' ids, and the bytes below each; where it says
/// false the node is passed over. Throws Corrupt before a part that does not add up is heard.
template <class OnChunk, class OnNode>
void each_chunk(const Entry& entry, NodeSource& source, OnChunk on_chunk, OnNode on_node);

/// `bytes`: what is in the list.
void walk_list(NodeSource& source, const Id& root, std::uint64_t bytes, const std::function<void(const ChunkRef&)>& on_chunk,
               const std::function<bool(const Id&, std::uint64_t)>& on_node);
/// Throws Corrupt unless they add up to that.
void check_sum(const std::vector<ChunkRef>& refs, std::uint64_t bytes);

template <class OnChunk, class OnNode>
void each_chunk(const Entry& entry, NodeSource& source, OnChunk on_chunk, OnNode on_node) {
    const auto bytes = bytes_of_chunks(entry);
    if (entry.list_root) return walk_list(source, *entry.list_root, bytes, on_chunk, on_node);
    check_sum(entry.chunks, bytes);
    for (const auto& ref : entry.chunks) on_chunk(ref);
}

}  // namespace tenon::backup
