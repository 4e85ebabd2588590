#include "folder.hpp"

#include <charconv>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include <openssl/evp.h>

namespace verify {
namespace {

// ---- JSON, as far as a manifest and a list have it: objects of texts, whole numbers and such objects ----

class Json {
public:
    explicit Json(std::string_view text) : text_(text) {}

    /// The members of the one object that the text is, their values as they are written.
    std::map<std::string, std::string> object() {
        std::map<std::string, std::string> members;
        take('{');
        if (!skip('}')) {
            do {
                auto name = string();
                take(':');
                if (!members.emplace(std::move(name), value()).second) throw Refused("a name stands twice in one object");
            } while (skip(','));
            take('}');
        }
        if (at_ != text_.size()) throw Refused("something follows the object");
        return members;
    }
    std::string only_string() {
        auto text = string();
        if (at_ != text_.size()) throw Refused("something follows the text");
        return text;
    }

private:
    bool skip(char c) {
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    void take(char c) {
        if (!skip(c)) throw Refused(std::string("no ") + c + " where one must be");
    }
    char next() {
        if (at_ == text_.size()) throw Refused("the text is cut off");
        return text_[at_++];
    }
    std::string value() {
        const auto begin = at_;
        if (at_ < text_.size() && text_[at_] == '"') {
            string();
        } else if (at_ < text_.size() && text_[at_] == '{') {
            int depth = 0;
            do {
                if (text_.substr(at_, 1) == "\"") string();
                else if (const char c = next(); c == '{') ++depth;
                else if (c == '}') --depth;
            } while (depth > 0);
        } else {
            while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}') ++at_;
        }
        return std::string(text_.substr(begin, at_ - begin));
    }
    void append_point(std::string& to, unsigned code) {
        if (code < 0x80) to += static_cast<char>(code);
        else if (code < 0x800) (to += static_cast<char>(0xc0 | code >> 6)) += static_cast<char>(0x80 | (code & 63));
        else ((to += static_cast<char>(0xe0 | code >> 12)) += static_cast<char>(0x80 | (code >> 6 & 63))) += static_cast<char>(0x80 | (code & 63));
    }
    std::string string() {
        std::string text;
        take('"');
        for (char c = next(); c != '"'; c = next()) {
            if (c != '\\') {
                text += c;
                continue;
            }
            switch (c = next()) {
            case 'b': text += '\b'; break;
            case 'f': text += '\f'; break;
            case 'n': text += '\n'; break;
            case 'r': text += '\r'; break;
            case 't': text += '\t'; break;
            case '"': case '\\': case '/': text += c; break;
            case 'u': {
                unsigned code = 0;
                const auto digits = text_.substr(at_, 4);
                const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
                // What is written so are control characters.
                if (error != std::errc{} || end != digits.data() + 4 || code >= 0xd800) throw Refused("not a character's number");
                at_ += 4;
                append_point(text, code);
                break;
            }
            default: throw Refused("not a text in JSON");
            }
        }
        return text;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

using Members = std::map<std::string, std::string>;

const std::string& of(const Members& members, const std::string& name) {
    const auto found = members.find(name);
    if (found == members.end()) throw Refused("nothing is said of " + name);
    return found->second;
}

std::string text_of(const Members& members, const std::string& name) { return Json(of(members, name)).only_string(); }

std::uint64_t number_of(const Members& members, const std::string& name) {
    const auto& text = of(members, name);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) throw Refused(name + " is no number");
    return value;
}

// ---- files ----

struct Measured {
    std::uint64_t size = 0, lines = 0;
    std::string sha256{};
};

/// Throws Refused for what is no plain file, a link among them.
Measured measure(const std::filesystem::path& path, const std::string& name) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(std::filesystem::symlink_status(path, error))) throw Refused("there is no file " + name);
    std::ifstream in(path, std::ios::binary);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    bool good = in && context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
    Measured measured;
    std::vector<char> piece(1 << 20);
    while (good && in) {
        in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
        const auto n = static_cast<std::size_t>(in.gcount());
        good = EVP_DigestUpdate(context.get(), piece.data(), n) == 1;
        measured.size += n;
        for (std::size_t i = 0; i < n; ++i) measured.lines += piece[i] == '\n';
    }
    Hash hash{};
    if (!good || in.bad() || EVP_DigestFinal_ex(context.get(), hash.data(), nullptr) != 1) throw std::runtime_error("cannot read " + path.string());
    measured.sha256 = hex(view(hash));
    return measured;
}

/// Below the folder, whatever a list says.
std::filesystem::path inside(const std::filesystem::path& folder, const std::string& name) {
    const std::filesystem::path path(name);
    if (name.empty() || path.is_absolute() || name.find('\0') != std::string::npos) throw Refused("no path of a takeout: " + name);
    for (const auto& part : path)
        if (part == ".." || part == "." || part.empty()) throw Refused("no path of a takeout: " + name);
    return folder / path;
}

std::ifstream open(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + path.string());
    return in;
}

constexpr const char* manifest_name = "manifest.txt";
constexpr const char* list_name = "files.jsonl";
constexpr const char* evidence_name = "audit/evidence.txt";
const std::string opening = "takeout 1\n";

}  // namespace

Result check_takeout(const std::filesystem::path& folder, const Key& key) {
    auto signed_text = open(folder / manifest_name);
    const auto body = read_signed(signed_text, key, "the manifest");
    if (!body.starts_with(opening) || !body.ends_with("}\n")) throw Refused("not the manifest of a takeout");
    const auto said = Json(std::string_view(body).substr(opening.size(), body.size() - opening.size() - 1)).object();
    if (number_of(said, "v") != 1) throw Refused("a takeout of another version");
    Result result{.kind = "takeout", .log = text_of(said, "tenant")};
    result.files = number_of(said, "files");
    result.problems = number_of(said, "problems");

    const auto list = measure(folder / list_name, list_name);
    if (list.size != number_of(said, "list_size") || list.sha256 != text_of(said, "list_sha256")) throw Refused("the list of files was changed");
    std::set<std::filesystem::path> known{folder / manifest_name, folder / list_name};
    std::map<std::string, std::uint64_t> lines;
    std::uint64_t bytes = 0;
    auto in = open(folder / list_name);
    for (std::string line; std::getline(in, line);) {
        const auto file = Json(line).object();
        const auto name = text_of(file, "path");
        const auto path = inside(folder, name);
        const auto measured = measure(path, name);
        if (measured.size != number_of(file, "size") || measured.sha256 != text_of(file, "sha256"))
            throw Refused("the file " + name + " was changed");
        if (!known.insert(path).second) throw Refused("the file " + name + " is listed twice");
        bytes += measured.size;
        if (path.parent_path() == folder / "records") lines[path.stem().string()] = measured.lines;
        if (name == "problems.jsonl" && measured.lines != result.problems) throw Refused("there are more or fewer problems than it says");
    }
    if (known.size() != result.files + 2 || bytes != number_of(said, "bytes")) throw Refused("the list of files is not what the manifest says");
    const auto counts = Json(of(said, "records")).object();
    for (const auto& [kind, count] : counts)
        if (!lines.contains(kind) || lines[kind] != number_of(counts, kind))
            throw Refused("there are more or fewer records of " + kind + " than it says");
    if (lines.size() != counts.size()) throw Refused("there are records of a kind that it does not count");
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
        if ((!entry.is_directory() || entry.is_symlink()) && !known.contains(entry.path()))
            throw Refused("a file that is not listed: " + entry.path().lexically_relative(folder).string());

    auto evidence = open(folder / evidence_name);
    const auto trail = check(evidence, key, {});
    result.records = number_of(said, "evidence_records");
    result.root = trail.root;
    result.checkpoints = trail.checkpoints;
    result.pruned = trail.pruned;
    result.note = trail.note;
    if (trail.kind != "export" || trail.log != result.log) throw Refused("the evidence is of another log");
    if (trail.records != result.records || hex(view(trail.root)) != text_of(said, "evidence_root")) throw Refused("the evidence is not what it says");
    return result;
}

}  // namespace verify
