#include <base/text.hpp>
#include <tenon/error.hpp>

#include "tree.hpp"

namespace tenon::backup {
namespace {

constexpr std::size_t max_name = 4096;

/// Counts the keys of a map whose size is known only at its end.
class MapWriter {
public:
    cbor::Writer& key(std::uint64_t number) {
        ++count_;
        return items_.uint(number);
    }
    void number(std::uint64_t at, std::uint64_t value) { key(at).uint(value); }
    void flush(cbor::Writer& out) const { out.map(count_).raw(items_.data()); }

private:
    cbor::Writer items_;
    std::uint64_t count_ = 0;
};

bool is_component(std::string_view name) {
    return !name.empty() && name.size() <= max_name && name != "." && name != ".." &&
           name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

std::string to_text(ByteView bytes) { return std::string(base::text_of(bytes)); }

std::vector<Extent> read_extents(cbor::Reader& reader) {
    std::vector<Extent> all;
    for (auto left = reader.array(); left > 0; --left) {
        reader.array_of(2);
        const auto offset = reader.uint();
        all.push_back({offset, reader.uint()});
    }
    return all;
}

}  // namespace

void encode(const Entry& entry, cbor::Writer& out) {
    MapWriter map;
    map.key(1).bytes(base::view_of(entry.name));
    map.number(2, static_cast<std::uint64_t>(entry.kind));
    map.number(3, entry.mode);
    map.number(4, entry.uid);
    map.number(5, entry.gid);
    if (!entry.user.empty()) map.key(6).text(entry.user);
    if (!entry.group.empty()) map.key(7).text(entry.group);
    if (entry.kind == EntryKind::file || entry.kind == EntryKind::folder) map.number(8, entry.size);
    map.key(9).integer(entry.mtime);
    map.key(10).integer(entry.ctime);
    if (entry.link_key) map.key(11).array(2).uint(entry.link_key->offset).uint(entry.link_key->length);
    if (!entry.xattrs.empty()) {
        auto& list = map.key(12).array(entry.xattrs.size());
        for (const auto& attribute : entry.xattrs) list.array(2).bytes(base::view_of(attribute.name)).bytes(attribute.value);
    }
    if (!entry.acl.empty() || !entry.default_acl.empty()) map.key(13).array(2).bytes(entry.acl).bytes(entry.default_acl);
    if (entry.kind == EntryKind::link) map.key(14).bytes(base::view_of(entry.target));
    if (!entry.holes.empty()) {
        auto& list = map.key(15).array(entry.holes.size());
        for (const auto& hole : entry.holes) list.array(2).uint(hole.offset).uint(hole.length);
    }
    if (!entry.chunks.empty()) {
        auto& list = map.key(16).array(entry.chunks.size());
        for (const auto& chunk : entry.chunks) list.array(2).bytes(chunk.id).uint(chunk.length);
    }
    if (entry.list_root) map.key(17).bytes(*entry.list_root);
    if (entry.subtree) map.key(18).array(2).bytes(entry.subtree_class).bytes(*entry.subtree);
    if (entry.flags != 0) map.number(19, entry.flags);
    if (entry.device != 0) map.number(22, entry.device);
    if (entry.inode != 0) map.number(23, entry.inode);
    map.flush(out);
}

Entry decode_entry(cbor::Reader& reader) {
    Entry entry;
    cbor::each_key(reader, [&](std::uint64_t key) {
        switch (key) {
            case 1: entry.name = to_text(reader.bytes()); return true;
            case 2: {
                const auto kind = reader.uint_at_most(7);
                if (kind == 0) reader.fail();
                entry.kind = static_cast<EntryKind>(kind);
                return true;
            }
            case 3: entry.mode = static_cast<std::uint32_t>(reader.uint_at_most(07777)); return true;
            case 4: entry.uid = static_cast<std::uint32_t>(reader.uint_at_most(0xffffffff)); return true;
            case 5: entry.gid = static_cast<std::uint32_t>(reader.uint_at_most(0xffffffff)); return true;
            case 6: entry.user = reader.text(); return true;
            case 7: entry.group = reader.text(); return true;
            case 8: entry.size = reader.uint_at_most(std::uint64_t{1} << 62); return true;
            case 9: entry.mtime = reader.integer(); return true;
            case 10: entry.ctime = reader.integer(); return true;
            case 11: {
                reader.array_of(2);
                const auto device = reader.uint();
                entry.link_key = Extent{device, reader.uint()};
                return true;
            }
            case 12:
                for (auto left = reader.array(); left > 0; --left) {
                    if (entry.xattrs.size() == max_xattrs) reader.fail();
                    reader.array_of(2);
                    auto name = to_text(reader.bytes());
                    const auto value = reader.bytes();
                    entry.xattrs.push_back({std::move(name), {value.begin(), value.end()}});
                }
                return true;
            case 13: {
                reader.array_of(2);
                const auto access = reader.bytes();
                entry.acl.assign(access.begin(), access.end());
                const auto inherited = reader.bytes();
                entry.default_acl.assign(inherited.begin(), inherited.end());
                return true;
            }
            case 14: entry.target = to_text(reader.bytes()); return true;
            case 15: entry.holes = read_extents(reader); return true;
            case 16:
                for (auto left = reader.array(); left > 0; --left) {
                    if (entry.chunks.size() == max_inline_chunks) reader.fail();
                    reader.array_of(2);
                    const auto id = reader.fixed<32>();
                    entry.chunks.push_back({id, reader.uint_at_most(max_plain)});
                }
                return true;
            case 17: entry.list_root = reader.fixed<32>(); return true;
            case 18:
                reader.array_of(2);
                entry.subtree_class = reader.fixed<16>();
                entry.subtree = reader.fixed<32>();
                return true;
            case 19: entry.flags = reader.uint(); return true;
            case 22: entry.device = reader.uint(); return true;
            case 23: entry.inode = reader.uint(); return true;
            default: return false;
        }
    });
    std::uint64_t end = 0;
    for (const auto& hole : entry.holes) {
        if (hole.length == 0 || hole.offset < end || hole.offset > entry.size || hole.length > entry.size - hole.offset) reader.fail();
        end = hole.offset + hole.length;
    }
    const bool is_folder = entry.kind == EntryKind::folder;
    if (!is_component(entry.name) || is_folder != entry.subtree.has_value() ||
        entry.target.find('\0') != std::string::npos || (entry.list_root && !entry.chunks.empty()))
        reader.fail();
    return entry;
}

}  // namespace tenon::backup
