#include "tar.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include <sys/sysmacros.h>

#include <base/text.hpp>

namespace tenon::backup::tar {
namespace {

constexpr std::size_t name_size = 100, owner_size = 32;
constexpr std::uint64_t largest_id = 07777777, largest_size = 077777777777;

struct Header {
    std::array<std::uint8_t, block> bytes{};

    void text(std::size_t at, std::size_t size, std::string_view value) {
        std::copy_n(value.begin(), std::min(size, value.size()), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    }
    /// Octal digits, the last place stays NUL.
    void number(std::size_t at, std::size_t size, std::uint64_t value) {
        for (std::size_t i = size - 1; i-- > 0; value >>= 3) bytes[at + i] = static_cast<std::uint8_t>('0' + (value & 7));
    }
    void finish(char type) {
        bytes[156] = static_cast<std::uint8_t>(type);
        text(257, 8, std::string_view("ustar\00000", 8));
        std::fill_n(bytes.begin() + 148, 8, std::uint8_t{' '});
        std::uint64_t sum = 0;
        for (const auto each : bytes) sum += each;
        number(148, 7, sum);
        bytes[154] = 0;
    }
};

/// "<length> <key>=<value>\n", the length counting itself.
void record(std::string& out, const std::string& key, std::string_view value) {
    const auto rest = key.size() + value.size() + 3;
    auto length = rest + 1;
    while (rest + std::to_string(length).size() != length) length = rest + std::to_string(length).size();
    out += std::to_string(length) + ' ' + key + '=';
    out += value;
    out += '\n';
}

std::string seconds_text(std::int64_t ns) {
    constexpr std::uint64_t second = 1'000'000'000;
    const auto count = ns < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
    auto part = std::to_string(count % second);
    part.insert(0, 9 - part.size(), '0');
    return (ns < 0 ? "-" : "") + std::to_string(count / second) + (count % second == 0 ? "" : '.' + part);
}

bool is_plain(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](unsigned char each) { return each >= 0x20 && each < 0x7f; });
}

/// An access list as the kernel keeps it, in the letters of POSIX 1003.1e draft 17. Empty: nobody knows this version.
std::string acl_text(ByteView acl) {
    if (acl.size() < 4 || base::load_le<std::uint32_t>(acl.data()) != 2 || acl.size() % 8 != 4) return "";
    std::string text;
    for (std::size_t at = 4; at < acl.size(); at += 8) {
        const auto tag = base::load_le<std::uint16_t>(&acl[at]), may = base::load_le<std::uint16_t>(&acl[at + 2]);
        const auto id = std::to_string(base::load_le<std::uint32_t>(&acl[at + 4]));
        if (!text.empty()) text += ',';
        switch (tag) {
            case 0x01: text += "user::"; break;
            case 0x02: text += "user:" + id + ':'; break;
            case 0x04: text += "group::"; break;
            case 0x08: text += "group:" + id + ':'; break;
            case 0x10: text += "mask::"; break;
            case 0x20: text += "other::"; break;
            default: return "";
        }
        text += (may & 4) != 0 ? 'r' : '-';
        text += (may & 2) != 0 ? 'w' : '-';
        text += (may & 1) != 0 ? 'x' : '-';
    }
    return text;
}

/// A key's own marks are written as GNU tar writes them.
std::string key_text(const std::string& name) {
    std::string text;
    for (const auto each : name) {
        if (each == '%') text += "%25";
        else if (each == '=') text += "%3D";
        else text += each;
    }
    return text;
}

char type_of(const Entry& entry, bool is_link) {
    if (is_link) return '1';
    switch (entry.kind) {
        case EntryKind::folder: return '5';
        case EntryKind::link: return '2';
        case EntryKind::fifo: return '6';
        case EntryKind::char_device: return '3';
        case EntryKind::block_device: return '4';
        default: return '0';
    }
}

std::vector<Extent> parts_of(const Entry& entry) {
    std::vector<Extent> parts;
    std::uint64_t at = 0;
    for (const auto& hole : entry.holes) {
        if (hole.offset > at) parts.push_back({at, hole.offset - at});
        at = hole.offset + hole.length;
    }
    if (at < entry.size) parts.push_back({at, entry.size - at});
    else parts.push_back({entry.size, 0});  // how readers learn where a hole at the end stops
    return parts;
}

std::string sparse_map(const Entry& entry) {
    const auto parts = parts_of(entry);
    auto map = std::to_string(parts.size()) + '\n';
    for (const auto& part : parts) map += std::to_string(part.offset) + '\n' + std::to_string(part.length) + '\n';
    map.resize(map.size() + padding(map.size()), '\0');
    return map;
}

void append_block(ByteVector& out, const Header& header) { out.insert(out.end(), header.bytes.begin(), header.bytes.end()); }

void append_text(ByteVector& out, const std::string& text) {
    out.insert(out.end(), text.begin(), text.end());
    out.resize(out.size() + padding(text.size()));
}

}  // namespace

bool is_sparse(const Entry& entry) {
    if (entry.holes.empty()) return false;
    const auto parts = parts_of(entry);
    for (std::size_t i = 0; i < parts.size(); ++i)
        if (parts[i].length % block != 0 && i + 1 < parts.size()) return false;
    return true;
}

ByteVector header(const Entry& entry, const std::string& path, const std::string& link, std::uint64_t stored) {
    const bool is_link = !link.empty();
    const bool is_file = entry.kind == EntryKind::file && !is_link;
    const bool sparse = is_file && is_sparse(entry);
    const auto map = sparse ? sparse_map(entry) : std::string();
    const auto name = entry.kind == EntryKind::folder ? path + '/' : path;
    const auto& target = is_link ? link : entry.target;
    const auto size = is_file ? stored + map.size() : 0;

    std::string pax;
    if (sparse) {
        record(pax, "GNU.sparse.major", "1");
        record(pax, "GNU.sparse.minor", "0");
        record(pax, "GNU.sparse.name", name);
        record(pax, "GNU.sparse.realsize", std::to_string(entry.size));
    } else if (name.size() > name_size || !is_plain(name)) {
        record(pax, "path", name);
    }
    if (target.size() > name_size || !is_plain(target)) record(pax, "linkpath", target);
    if (size > largest_size) record(pax, "size", std::to_string(size));
    if (entry.mtime % 1'000'000'000 != 0 || entry.mtime < 0 || static_cast<std::uint64_t>(entry.mtime) / 1'000'000'000 > largest_size)
        record(pax, "mtime", seconds_text(entry.mtime));
    if (entry.uid > largest_id) record(pax, "uid", std::to_string(entry.uid));
    if (entry.gid > largest_id) record(pax, "gid", std::to_string(entry.gid));
    if (entry.user.size() > owner_size || !is_plain(entry.user)) record(pax, "uname", entry.user);
    if (entry.group.size() > owner_size || !is_plain(entry.group)) record(pax, "gname", entry.group);
    if (!is_link) {
        for (const auto& xattr : entry.xattrs)
            record(pax, "SCHILY.xattr." + key_text(xattr.name),
                   std::string_view(reinterpret_cast<const char*>(xattr.value.data()), xattr.value.size()));
        if (const auto text = acl_text(entry.acl); !text.empty()) record(pax, "SCHILY.acl.access", text);
        if (const auto text = acl_text(entry.default_acl); !text.empty()) record(pax, "SCHILY.acl.default", text);
    }
    // Names that are no UTF-8 are bytes; who reads that takes all of them so.
    if (!pax.empty() && !(base::is_utf8(name) && base::is_utf8(target) && base::is_utf8(entry.user) && base::is_utf8(entry.group))) {
        std::string charset;
        record(charset, "hdrcharset", "BINARY");
        pax.insert(0, charset);
    }

    ByteVector out;
    const auto slash = path.rfind('/');
    const auto folder = slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
    const auto last = path.substr(folder.size());
    if (!pax.empty()) {
        Header extra;
        extra.text(0, name_size, folder + "PaxHeaders/" + last);
        extra.number(100, 8, 0644);
        extra.number(108, 8, 0);
        extra.number(116, 8, 0);
        extra.number(124, 12, pax.size());
        extra.number(136, 12, 0);
        extra.finish('x');
        append_block(out, extra);
        append_text(out, pax);
    }
    Header plain;
    plain.text(0, name_size, sparse ? folder + "GNUSparseFile.0/" + last : name);
    plain.number(100, 8, entry.mode & 07777);
    plain.number(108, 8, std::min<std::uint64_t>(entry.uid, largest_id));
    plain.number(116, 8, std::min<std::uint64_t>(entry.gid, largest_id));
    plain.number(124, 12, std::min(size, largest_size));
    plain.number(136, 12, entry.mtime < 0 ? 0 : std::min(static_cast<std::uint64_t>(entry.mtime) / 1'000'000'000, largest_size));
    plain.text(157, name_size, target);
    plain.text(265, owner_size, entry.user);
    plain.text(297, owner_size, entry.group);
    plain.number(329, 8, major(entry.device));
    plain.number(337, 8, minor(entry.device));
    plain.finish(type_of(entry, is_link));
    append_block(out, plain);
    out.insert(out.end(), map.begin(), map.end());
    return out;
}

ByteVector end() { return ByteVector(2 * block); }

}  // namespace tenon::backup::tar
