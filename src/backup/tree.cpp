#include "tree.hpp"

#include <algorithm>
#include <utility>

#include <tenon/error.hpp>

namespace tenon::backup {
namespace {

constexpr std::uint64_t tree_tag = 1, list_tag = 2;
constexpr std::size_t least_node = 2 * 1024, most_node = 256 * 1024;
constexpr std::size_t node_head = 8;  // what the head of a node is counted as, whatever it takes
constexpr std::uint64_t tree_mask = (1u << 4) - 1;
constexpr std::size_t least_refs = 1024, most_refs = 4096;
constexpr std::uint32_t list_mask = (1u << 11) - 1;
constexpr std::uint64_t max_size = std::uint64_t{1} << 62;

ChildRef read_child(cbor::Reader& reader) {
    reader.array_of(4);
    ChildRef child;
    child.last = base::text_of(reader.bytes());
    child.id = reader.fixed<32>();
    child.entries = reader.uint();
    child.bytes = reader.uint();
    return child;
}

/// A small node of many bytes in memory, or a list of a node's length, would be a bomb: writers cut far below this.
void read_items(cbor::Reader& reader, TreeNode& node, std::size_t size) {
    auto left = reader.array();
    if (left > 1 && size > most_node + 64) reader.fail();
    for (; left > 0; --left) {
        if (node.level == 0) node.entries.push_back(decode_entry(reader));
        else node.children.push_back(read_child(reader));
    }
}

cbor::Writer node_head_of(std::uint64_t tag, std::uint64_t level, std::uint64_t count) {
    cbor::Writer out;
    out.array(3).uint(tag).uint(level).array(count);
    return out;
}

}  // namespace

TreeNode decode_tree_node(ByteView bytes, const std::string& subject) {
    cbor::Reader reader(bytes, subject);
    TreeNode node;
    reader.array_of(3);
    if (reader.uint() != tree_tag) reader.fail();
    node.level = reader.uint_at_most(max_level);
    read_items(reader, node, bytes.size());
    reader.expect_done();
    return node;
}

ListNode decode_list_node(ByteView bytes, const std::string& subject) {
    cbor::Reader reader(bytes, subject);
    ListNode node;
    reader.array_of(3);
    if (reader.uint() != list_tag) reader.fail();
    node.level = reader.uint_at_most(max_level);
    const auto count = reader.array();
    if (count == 0 || count > most_refs) reader.fail();
    node.refs.reserve(count);
    for (auto left = count; left > 0; --left) {
        reader.array_of(2);
        const auto id = reader.fixed<32>();
        node.refs.push_back({id, reader.uint_at_most(node.level == 0 ? max_plain : max_size)});
        // Parts of no bytes could be any number.
        if (node.refs.back().length == 0) reader.fail();
    }
    reader.expect_done();
    return node;
}

bool TreeBuilder::is_boundary(const std::string& name) {
    const auto mac = hash_.update(base::view_of("tenon/1/tree")).update(base::view_of(name)).finish();
    return (base::load_le<std::uint64_t>(mac.data()) & tree_mask) == 0;
}

void TreeBuilder::add(const Entry& entry, NodeSink& sink) {
    cbor::Writer item;
    encode(entry, item);
    bytes_ += entry.size;
    put(0, item.data(), entry.name, 1, entry.size, sink);
}

void TreeBuilder::put(std::size_t level, ByteView item, const std::string& name, std::uint64_t entries, std::uint64_t bytes,
                      NodeSink& sink) {
    if (levels_.size() <= level) levels_.resize(level + 1);
    if (levels_[level].count > 0 && node_head + levels_[level].items.size() + item.size() > most_node) close_upward(level, sink);
    auto& open = levels_[level];
    base::append(open.items, item);
    ++open.count;
    open.entries += entries;
    open.bytes += bytes;
    open.last = name;
    if (node_head + open.items.size() >= least_node && is_boundary(name)) close_upward(level, sink);
}

Id TreeBuilder::close(std::size_t level, NodeSink& sink) {
    auto node = node_head_of(tree_tag, level, levels_[level].count);
    return sink.node(node.raw(levels_[level].items).data());
}

void TreeBuilder::close_upward(std::size_t level, NodeSink& sink) {
    const auto id = close(level, sink);
    const auto done = std::exchange(levels_[level], Open{});
    cbor::Writer item;
    item.array(4).bytes(base::view_of(done.last)).bytes(id).uint(done.entries).uint(done.bytes);
    put(level + 1, item.data(), done.last, done.entries, done.bytes, sink);
}

Id TreeBuilder::finish(NodeSink& sink) {
    if (levels_.empty()) levels_.resize(1);
    std::size_t level = 0;
    for (; level + 1 < levels_.size(); ++level)
        if (levels_[level].count > 0) close_upward(level, sink);
    // A top with a single child would only repeat it.
    if (level > 0 && levels_[level].count == 1) {
        cbor::Reader reader(levels_[level].items, "directory");
        return read_child(reader).id;
    }
    return close(level, sink);
}

void TreeBuilder::save(cbor::Writer& out) const {
    out.array(levels_.size());
    for (auto level = levels_.size(); level-- > 0;)
        out.array(2).uint(level).array(levels_[level].count).raw(levels_[level].items);
}

std::vector<TreeNode> decode_open_nodes(cbor::Reader& reader) {
    std::vector<TreeNode> nodes;
    for (auto left = reader.array(); left > 0; --left) {
        reader.array_of(2);
        TreeNode node;
        node.level = reader.uint_at_most(max_level);
        if (node.level != left - 1) reader.fail();
        read_items(reader, node, 0);
        nodes.push_back(std::move(node));
    }
    return nodes;
}

void ListBuilder::add(const ChunkRef& ref, NodeSink& sink) {
    if (levels_.empty() && few_.size() < max_inline_chunks) {
        few_.push_back(ref);
        return;
    }
    for (const auto& early : std::exchange(few_, {})) put(0, early, sink);
    put(0, ref, sink);
}

void ListBuilder::put(std::size_t level, const ChunkRef& ref, NodeSink& sink) {
    if (levels_.size() <= level) levels_.resize(level + 1);
    auto& refs = levels_[level];
    refs.push_back(ref);
    const bool cut = refs.size() >= least_refs && (base::load_le<std::uint32_t>(ref.id.data()) & list_mask) == 0;
    if (cut || refs.size() == most_refs) put(level + 1, close(level, sink), sink);
}

ChunkRef ListBuilder::close(std::size_t level, NodeSink& sink) {
    const auto refs = std::exchange(levels_[level], {});
    auto node = node_head_of(list_tag, level, refs.size());
    std::uint64_t bytes = 0;
    for (const auto& ref : refs) {
        node.array(2).bytes(ref.id).uint(ref.length);
        bytes += ref.length;
    }
    return {sink.node(node.data()), bytes};
}

void ListBuilder::finish(Entry& entry, NodeSink& sink) {
    if (levels_.empty()) {
        entry.chunks = std::exchange(few_, {});
        return;
    }
    std::size_t level = 0;
    for (; level + 1 < levels_.size(); ++level)
        if (!levels_[level].empty()) put(level + 1, close(level, sink), sink);
    entry.list_root = level > 0 && levels_[level].size() == 1 ? levels_[level].front().id : close(level, sink).id;
}

bool is_folder_path(std::string_view path) {
    return path.size() <= max_folder_path && static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) < max_folder_depth;
}

void check_folder_path(std::string_view path) {
    if (!is_folder_path(path)) throw Corrupt("a folder lies deeper than any can", {.subject = std::string(path.substr(0, 200))});
}

HeldNode::HeldNode(NodeSource& source, std::uint64_t bytes) {
    if (bytes > most || source.held > most - bytes) throw Corrupt("folders within each other have more entries than any tree has");
    source.held += bytes_ = bytes;
    source_ = &source;
}

DirCursor::DirCursor(NodeSource& source, const Id& root) : source_(source) { open(root, std::nullopt); }

void DirCursor::open(const Id& id, std::optional<ChildRef> promised) {
    const auto bytes = source_.node(id);
    // Before they are decoded, which takes several times as much.
    HeldNode held(source_, bytes.size());
    auto node = decode_tree_node(bytes, "a directory");
    held = HeldNode(source_, bytes.size() + node.entries.size() * sizeof(Entry) + node.children.size() * sizeof(ChildRef));
    // Nodes of nothing could be any number.
    if (promised && (node.level + 1 != stack_.back().node.level || node.entries.size() + node.children.size() == 0))
        throw Corrupt("a directory's nodes do not fit together");
    stack_.push_back({.node = std::move(node), .promised = std::move(promised), .held = std::move(held)});
}

/// What is said of a node further up counts as much as what is in it: whoever looks at counts alone is not misled.
void DirCursor::close() {
    const auto done = std::move(stack_.back());
    stack_.pop_back();
    if (!done.promised) return;
    if (done.entries != done.promised->entries || done.bytes != done.promised->bytes || last_ != done.promised->last)
        throw Corrupt("a directory's nodes do not say what is below them");
    stack_.back().entries += done.entries;
    stack_.back().bytes += done.bytes;
}

DirCursor::DirCursor(NodeSource& source, std::vector<TreeNode> open) : source_(source) {
    // The highest level comes first in the directory, so it lies on top.
    for (auto node = open.rbegin(); node != open.rend(); ++node) stack_.push_back({std::move(*node)});
}

void DirCursor::descend() {
    while (!stack_.empty()) {
        auto& top = stack_.back();
        if (top.node.level == 0 ? top.at < top.node.entries.size() : top.at < top.node.children.size()) {
            if (top.node.level == 0) return;
            auto child = std::move(top.node.children[top.at++]);
            const auto id = child.id;
            open(id, std::move(child));
        } else {
            close();
        }
    }
}

const Entry* DirCursor::peek() {
    descend();
    if (stack_.empty()) return nullptr;
    const auto& entry = stack_.back().node.entries[stack_.back().at];
    if (any_ && entry.name <= last_) throw Corrupt("a directory's names are not in order");
    return &entry;
}

Entry DirCursor::take() {
    if (!peek()) throw InternalError("no entry is left to take");
    auto& top = stack_.back();
    auto entry = std::move(top.node.entries[top.at++]);
    last_ = entry.name;
    any_ = true;
    ++top.entries;
    top.bytes += entry.size;
    bytes_ += entry.size;
    return entry;
}

const Entry* DirCursor::seek(const std::string& name) {
    for (const Entry* entry = peek(); entry; entry = peek()) {
        if (entry->name == name) return entry;
        if (entry->name > name) return nullptr;
        take();
    }
    return nullptr;
}

std::uint64_t bytes_of_chunks(const Entry& entry) {
    // Holes lie apart and within the size: an entry is not decoded else.
    auto bytes = entry.size;
    for (const auto& hole : entry.holes) bytes -= hole.length;
    return bytes;
}

void check_sum(const std::vector<ChunkRef>& refs, std::uint64_t bytes) {
    const auto fail = [] { throw Corrupt("a file's parts do not add up to its size"); };
    for (const auto& ref : refs) {
        if (ref.length > bytes) fail();
        bytes -= ref.length;
    }
    if (bytes != 0) fail();
}

void walk_list(NodeSource& source, const Id& root, std::uint64_t bytes, const std::function<void(const ChunkRef&)>& on_chunk,
               const std::function<bool(const Id&, std::uint64_t)>& on_node) {
    struct Position {
        ListNode node;
        std::size_t at = 0;
    };
    const auto open = [&](const Id& id, std::uint64_t promised) {
        auto node = decode_list_node(source.node(id), "a chunk list");
        check_sum(node.refs, promised);
        return node;
    };
    if (!on_node(root, bytes)) return;
    std::vector<Position> stack;
    stack.push_back({open(root, bytes)});
    while (!stack.empty()) {
        auto& top = stack.back();
        if (top.at == top.node.refs.size()) {
            stack.pop_back();
            continue;
        }
        const auto ref = top.node.refs[top.at++];
        if (top.node.level == 0) {
            on_chunk(ref);
            continue;
        }
        if (!on_node(ref.id, ref.length)) continue;
        const auto level = top.node.level;
        auto below = open(ref.id, ref.length);
        if (below.level + 1 != level) throw Corrupt("a chunk list's nodes do not fit together");
        stack.push_back({std::move(below)});
    }
}

}  // namespace tenon::backup
