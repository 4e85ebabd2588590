#include "evidence.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

#include <openssl/evp.h>

namespace verify {
namespace {

// ---- hashes ----

Hash sha256(std::initializer_list<std::string_view> parts) {
    static EVP_MD_CTX* const context = EVP_MD_CTX_new();
    static const EVP_MD* const sha = EVP_sha256();
    Hash hash;
    bool good = context && EVP_DigestInit_ex(context, sha, nullptr) == 1;
    for (const auto part : parts) good = good && EVP_DigestUpdate(context, part.data(), part.size()) == 1;
    if (!good || EVP_DigestFinal_ex(context, hash.data(), nullptr) != 1) throw std::runtime_error("cannot hash");
    return hash;
}

}  // namespace

std::string_view view(const Hash& hash) { return {reinterpret_cast<const char*>(hash.data()), hash.size()}; }

namespace {

Hash leaf(std::string_view text) { return sha256({std::string_view("\0", 1), text}); }
Hash node(const Hash& left, const Hash& right) { return sha256({"\1", view(left), view(right)}); }

/// The right edge of a growing tree.
struct Tree {
    std::uint64_t size = 0;
    std::vector<Hash> edge{};

    void add(Hash hash) {
        for (auto rest = size++; rest & 1; rest >>= 1) {
            hash = node(edge.back(), hash);
            edge.pop_back();
        }
        edge.push_back(hash);
    }
    Hash root() const {
        if (edge.empty()) return sha256({});
        auto hash = edge.back();
        for (auto left = edge.rbegin() + 1; left != edge.rend(); ++left) hash = node(*left, hash);
        return hash;
    }
};

/// RFC 9162, 2.1.3.2.
bool included(const Hash& of, std::uint64_t index, std::uint64_t size, const std::vector<Hash>& path, const Hash& root) {
    if (index >= size) return false;
    auto hash = of;
    auto last = size - 1;
    for (const auto& other : path) {
        if (last == 0) return false;
        if ((index & 1) || index == last) {
            hash = node(other, hash);
            while (!(index & 1) && index != 0) {
                index >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(hash, other);
        }
        index >>= 1;
        last >>= 1;
    }
    return last == 0 && hash == root;
}

/// RFC 9162, 2.1.4.2.
bool grown(std::uint64_t before, const Hash& old_root, std::uint64_t size, const Hash& root, std::vector<Hash> path) {
    if (before == 0) return path.empty();
    if (before > size) return false;
    if (before == size) return path.empty() && old_root == root;
    if ((before & (before - 1)) == 0) path.insert(path.begin(), old_root);
    if (path.empty()) return false;
    auto index = before - 1, last = size - 1;
    for (; index & 1; index >>= 1) last >>= 1;
    auto older = path[0], newer = path[0];
    for (std::size_t i = 1; i < path.size(); ++i) {
        if (last == 0) return false;
        if ((index & 1) || index == last) {
            older = node(path[i], older);
            newer = node(path[i], newer);
            while (!(index & 1) && index != 0) {
                index >>= 1;
                last >>= 1;
            }
        } else {
            newer = node(newer, path[i]);
        }
        index >>= 1;
        last >>= 1;
    }
    return last == 0 && older == old_root && newer == root;
}

// ---- texts ----

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || (text.size() > 1 && text[0] == '0')) throw Refused("not a number");
    return value;
}

Hash from_hex(std::string_view text) {
    const auto digit = [](char c) -> int {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        throw Refused("not a hash");
    };
    if (text.size() != 64) throw Refused("not a hash");
    Hash hash;
    for (std::size_t i = 0; i < 32; ++i) hash[i] = static_cast<unsigned char>(digit(text[2 * i]) * 16 + digit(text[2 * i + 1]));
    return hash;
}

}  // namespace

std::string hex(std::string_view bytes) {
    std::string text;
    for (const unsigned char byte : bytes)
        for (const auto half : {byte >> 4, byte & 15}) text += "0123456789abcdef"[half];
    return text;
}

namespace {

std::string base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    text.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                                         reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()))));
    return text;
}

std::string from_base64(std::string_view text) {
    std::string bytes(text.size(), '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    if (size < 0 || text.size() < 4) throw Refused("not base64");
    bytes.resize(static_cast<std::size_t>(size) - (text.ends_with("==") ? 2 : text.ends_with('=') ? 1
                                                                                                  : 0));
    if (base64(bytes) != text) throw Refused("not base64 in its one form");
    return bytes;
}

// ---- the key ----

}  // namespace

Key parse_key(const std::string& text) {
    const auto first = text.find('+'), second = first == std::string::npos ? first : text.find('+', first + 1);
    if (second == std::string::npos) throw Usage("the key is not of the form name+hash+base64");
    Key key{.name = text.substr(0, first), .hash = {}, .bytes = {}};
    std::string typed;
    try {
        typed = from_base64(text.substr(second + 1));
    } catch (const Refused&) {
        throw Usage("the key is not of the form name+hash+base64");
    }
    key.hash = std::string(view(sha256({key.name, "\n", typed})).substr(0, 4));
    if (typed.size() != 33 || typed[0] != 1 || hex(key.hash) != text.substr(first + 1, second - first - 1))
        throw Usage("the key does not have its hash: it was copied wrongly");
    key.bytes = typed.substr(1);
    return key;
}

namespace {

bool signed_by(const Key& key, std::string_view text, const std::string& signature) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(key.bytes.data());
    EVP_PKEY* const handle = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes, key.bytes.size());
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    const bool good = handle && context && EVP_DigestVerifyInit(context, nullptr, nullptr, nullptr, handle) == 1 &&
                      EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(handle);
    return good;
}

// ---- the file ----

class Lines {
public:
    explicit Lines(std::istream& in) : in_(in) {}
    std::string next() {
        std::string line;
        ++at_;
        if (!std::getline(in_, line) || in_.eof()) throw Refused("the file is cut off");
        return line;
    }
    /// The rest of a line that begins with `word` and a blank.
    std::string after(const std::string& word) {
        const auto line = next();
        if (line == word) return "";
        if (!line.starts_with(word + " ")) throw Refused("not the line that begins with " + word);
        return line.substr(word.size() + 1);
    }
    std::vector<Hash> hashes(const std::string& word) {
        const auto rest = after(word);
        std::vector<Hash> list;
        for (std::size_t i = 0; i < rest.size(); i += 65) {
            if (i + 64 < rest.size() && (rest[i + 64] != ' ' || i + 65 == rest.size())) throw Refused("not a list of hashes");
            list.push_back(from_hex(std::string_view(rest).substr(i, 64)));
        }
        return list;
    }
    void end() {
        if (next() != "end") throw Refused("the end is missing");
        end_here();
    }
    void end_here() {
        if (in_.peek() != std::char_traits<char>::eof()) throw Refused("something follows the end");
    }
    std::uint64_t at() const { return at_; }

private:
    std::istream& in_;
    std::uint64_t at_ = 0;
};

struct Note {
    std::uint64_t size = 0;
    Hash root{};
    std::string text;
};

/// Reads the rest of a signed text and checks its signature, which is left in `line`. `body`: what of it was read.
void read_signed(Lines& lines, const Key& key, std::string& body, std::string& line, const std::string& what) {
    while (!(line = lines.next()).empty()) body += line + "\n";
    line = lines.next();
    const auto opening = "\u2014 " + key.name + " ";
    if (!line.starts_with(opening)) throw Refused(what + " is signed by another key");
    const auto signature = from_base64(std::string_view(line).substr(opening.size()));
    if (signature.size() != 68 || !signature.starts_with(key.hash)) throw Refused(what + " is signed by another key");
    if (!signed_by(key, body, signature.substr(4))) throw Refused("the signature of " + what + " is false");
}

/// Reads a note up to its signature and checks that.
Note read_note(Lines& lines, const Key& key) {
    Note note;
    std::string body, line;
    read_signed(lines, key, body, line, "the checkpoint");
    note.text = body + "\n" + line + "\n";
    const auto a = body.find('\n'), b = body.find('\n', a + 1), c = body.find('\n', b + 1);
    if (c == std::string::npos || body.substr(0, a) != key.name) throw Refused("the checkpoint is of another origin");
    note.size = number(std::string_view(body).substr(a + 1, b - a - 1));
    const auto root = from_base64(std::string_view(body).substr(b + 1, c - b - 1));
    if (root.size() != 32) throw Refused("the checkpoint has no root");
    std::memcpy(note.root.data(), root.data(), 32);
    return note;
}

struct Head {
    std::uint64_t size = 0;
    Hash root{};
};

/// What a signed tree over all logs says of this one.
Head read_block(Lines& lines, const Key& key, const std::string& log, Note& before, const Earlier& earlier, bool& seen) {
    const auto said = lines.after("head");
    const auto a = said.find(' '), b = a == std::string::npos ? a : said.find(' ', a + 1);
    if (b == std::string::npos) throw Refused("not a head");
    const Head head{number(said.substr(0, a)), from_hex(said.substr(a + 1, b - a - 1))};
    const auto index = number(said.substr(b + 1));
    const auto path = lines.hashes("path");
    const auto growth = lines.hashes("grown");
    if (lines.next() != "note") throw Refused("not the line note");
    auto note = read_note(lines, key);
    const auto text = "audit-head 1\n" + log + "\n" + std::to_string(head.size) + "\n" + hex(view(head.root)) + "\n";
    if (!included(leaf(text), index, note.size, path, note.root)) throw Refused("the checkpoint does not cover this head");
    if (!grown(before.size, before.root, note.size, note.root, growth))
        throw Refused("the checkpoint does not continue the one before: the log of all logs was forked");
    seen = seen || note.text == earlier.note;
    before = std::move(note);
    return head;
}

/// The value of a member of a record, as it is written. Records are canonical JSON: names are sorted, strings escaped, so that
/// `,"name":` cannot occur inside of a value.
std::string_view member(std::string_view record, const std::string& name) {
    const auto key = ",\"" + name + "\":";
    const auto at = record.find(key);
    if (at == std::string_view::npos || record.find(key, at + 1) != std::string_view::npos) throw Refused("a record without " + name);
    const auto rest = record.substr(at + key.size());
    const bool quoted = rest.starts_with('"');
    const auto end = quoted ? rest.find('"', 1) : rest.find_first_of(",}");
    if (end == std::string_view::npos) throw Refused("a record without " + name);
    return quoted ? rest.substr(1, end - 1) : rest.substr(0, end);
}

void check_record(std::string_view record, const std::string& log, std::uint64_t seq) {
    if (number(member(record, "seq")) != seq) throw Refused("record " + std::to_string(seq) + " has another number");
    if (member(record, "tenant") != log) throw Refused("record " + std::to_string(seq) + " belongs to another log");
    if (!record.ends_with(",\"v\":1}")) throw Refused("record " + std::to_string(seq) + " is of another version");
}

/// Up to where a record says that records were pruned; 0 for any other record.
std::uint64_t announced_by(std::string_view record) {
    if (!record.starts_with("{\"action\":\"audit.prune\",") || record.find(",\"kind\":\"engine\"}") == std::string_view::npos) return 0;
    return number(member(record, "target"));
}

/// Of pruned records the file has hashes alone. That they went must be said by one that is there.
Result check_export(Lines& lines, const Key& key, const Earlier& earlier, bool& seen, bool pruned) {
    Result result{.kind = "export", .log = lines.after("log")};
    if (!earlier.log.empty() && earlier.log != result.log) throw Refused("the earlier export is of another log");
    result.records = number(lines.after("records"));
    if (result.records < earlier.records) throw Refused("it is shorter than the earlier export: it was rolled back");
    Tree tree;
    Hash last{};
    std::vector<Hash> leaves;
    if (pruned) result.pruned = number(lines.after("pruned"));
    if (pruned && (result.pruned == 0 || result.pruned >= result.records)) throw Refused("not so many records can be pruned");
    for (std::uint64_t seq = 0; seq < result.pruned; ++seq) leaves.push_back(last = from_hex(lines.next()));
    std::uint64_t announced = 0;
    for (auto seq = result.pruned; seq < result.records; ++seq) {
        const auto record = lines.next();
        check_record(record, result.log, seq);
        if (member(record, "prev") != hex(view(last))) throw Refused("record " + std::to_string(seq) + " does not continue the one before");
        announced = std::max(announced, announced_by(record));
        last = leaf(record);
        leaves.push_back(last);
    }
    if (announced < result.pruned) throw Refused("records were removed, and no record says that they were pruned");
    result.checkpoints = number(lines.after("checkpoints"));
    if (result.checkpoints == 0) throw Refused("there is no checkpoint: nothing is signed");
    Note before;
    for (std::uint64_t i = 0; i < result.checkpoints; ++i) {
        const auto head = read_block(lines, key, result.log, before, earlier, seen);
        if (head.size < tree.size || head.size > result.records) throw Refused("a checkpoint covers records that are not there");
        while (tree.size < head.size) {
            tree.add(leaves[tree.size]);
            if (tree.size == earlier.records && tree.root() != earlier.root)
                throw Refused("its first " + std::to_string(tree.size) + " records are not those of the earlier export: it was forked");
        }
        if (tree.root() != head.root) throw Refused("the first " + std::to_string(head.size) + " records are not those that were signed");
    }
    if (tree.size != result.records) throw Refused("records behind the last checkpoint are not signed");
    result.root = tree.root();
    result.note = before.text;
    lines.end();
    return result;
}

Result check_proof(Lines& lines, const Key& key, const Earlier& earlier, bool& seen) {
    Result result{.kind = "proof", .log = lines.after("log"), .records = 1, .checkpoints = 1};
    const auto seq = number(lines.after("record"));
    const auto record = lines.next();
    check_record(record, result.log, seq);
    const auto path = lines.hashes("path");
    if (lines.after("checkpoints") != "1") throw Refused("a proof has one checkpoint");
    Note before;
    const auto head = read_block(lines, key, result.log, before, earlier, seen);
    if (!included(leaf(record), seq, head.size, path, head.root)) throw Refused("the record is not in the log that was signed");
    result.root = head.root;
    result.note = before.text;
    lines.end();
    return result;
}

/// That a tenant was erased: one line of canonical JSON, signed with the line before it.
Result check_receipt(Lines& lines, const Key& key, const std::string& first) {
    Result result{.kind = "receipt"};
    std::string body = first + "\n", line;
    read_signed(lines, key, body, line, "the receipt");
    const auto said = "," + body.substr(first.size() + 2);
    if (std::count(body.begin(), body.end(), '\n') != 2 || !said.ends_with(",\"v\":1}\n")) throw Refused("a receipt of another version");
    result.log = member(said, "tenant");
    result.records = number(member(said, "audit_records"));
    result.root = from_hex(member(said, "audit_root"));
    number(member(said, "time"));
    lines.end_here();
    return result;
}

}  // namespace

std::string read_signed(std::istream& in, const Key& key, const std::string& what) {
    Lines lines(in);
    std::string body, line;
    read_signed(lines, key, body, line, what);
    lines.end_here();
    return body;
}

Result check(std::istream& in, const Key& key, const Earlier& earlier) {
    Lines lines(in);
    try {
        bool seen = earlier.note.empty();
        const auto first = lines.next();
        Result result;
        if (first == "audit-export 1") result = check_export(lines, key, earlier, seen, false);
        else if (first == "audit-export 2") result = check_export(lines, key, earlier, seen, true);
        else if (first == "audit-proof 1" && earlier.log.empty()) result = check_proof(lines, key, earlier, seen);
        else if (first == "erasure-receipt 1" && earlier.log.empty() && earlier.note.empty()) result = check_receipt(lines, key, first);
        else if (first == "takeout 1") throw Refused("the manifest of a takeout: give the folder that it lies in");
        else throw Refused(earlier.log.empty() ? "neither an export nor a proof nor a receipt" : "not an export");
        if (!seen) throw Refused("the checkpoint that was kept is not among its checkpoints: it was rolled back or forked");
        return result;
    } catch (const Refused& refused) {
        throw Refused(std::string(refused.what()) + " (line " + std::to_string(lines.at()) + ")");
    }
}

}  // namespace verify
