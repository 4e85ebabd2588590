// The command around evidence.hpp.
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "evidence.hpp"
#include "folder.hpp"

namespace {

using verify::Earlier;
using verify::hex;
using verify::Key;
using verify::Refused;
using verify::Result;
using verify::Usage;
using verify::view;

constexpr const char* help = R"(Usage: verify --key KEY [--since FILE] [--kept FILE] [--json] FILE

Checks an exported audit trail, the proof of one record, the receipt of a tenant's erasure, or, given
its folder, everything that a tenant took out: every file that it lists, no other, and the trail in it;
without the engine that wrote it: every record continues the one before, every checkpoint is signed,
covers these records and continues the checkpoint before. Records that retention has pruned have
their hashes alone in the file, and one that is there must say so.

  --key KEY    the public key (name+hash+base64), or the name of a file that holds it; get it by
               another way than the file
  --since FILE an export that was made earlier: fail unless it holds too and is the beginning of this
               one
  --kept FILE  a checkpoint's note that was kept: fail unless it is among those of the trail, which
               finds a trail that was rolled back or forked since
  --json       the answer as JSON
  --help       this

Exit codes: 0 it holds, 1 it does not, 2 wrong words, 3 a file cannot be read.
)";

std::string contents(const std::string& name) {
    std::ifstream in(name, std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(in)), {});
    if (!in) throw std::runtime_error("cannot read " + name);
    return text;
}

std::string json_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        char code[8];
        if (c == '"' || c == '\\') out += '\\';
        if (static_cast<unsigned char>(c) < 0x20) std::snprintf(code, sizeof code, "\\u%04x", c), out += code;
        else out += c;
    }
    return out + "\"";
}

struct Words {
    std::string key, kept, since, file;
    bool json = false;
};

Words parse(int count, char** words) {
    Words all;
    for (int i = 1; i < count; ++i) {
        const std::string word = words[i];
        const auto value = [&] {
            if (i + 1 == count) throw Usage(word + " needs a value");
            return std::string(words[++i]);
        };
        if (word == "--key") all.key = value();
        else if (word == "--kept") all.kept = contents(value());
        else if (word == "--since") all.since = value();
        else if (word == "--json") all.json = true;
        else if (word.starts_with("-") || !all.file.empty()) throw Usage("unknown word " + word);
        else all.file = word;
    }
    if (all.key.empty() || all.file.empty()) throw Usage("a key and a file are needed; --help says more");
    if (all.key.find('+') == std::string::npos) {
        all.key = contents(all.key);
        while (all.key.ends_with('\n')) all.key.pop_back();
    }
    return all;
}

int answer(const Words& words, const Result& result, const std::string& why) {
    if (words.json) {
        std::cout << "{\"ok\":" << (why.empty() ? "true" : "false") << ",\"kind\":" << json_text(result.kind) << ",\"log\":" << json_text(result.log)
                  << ",\"records\":" << result.records << ",\"files\":" << result.files << ",\"problems\":" << result.problems
                  << ",\"pruned\":" << result.pruned << ",\"checkpoints\":" << result.checkpoints
                  << ",\"root\":" << json_text(why.empty() ? hex(view(result.root)) : "") << ",\"why\":" << json_text(why) << "}\n";
    } else if (why.empty() && result.kind == "receipt") {
        std::cout << "It holds: " << result.log << " was erased; its trail has " << result.records << " record(s), root "
                  << hex(view(result.root)) << "\n";
    } else if (why.empty() && result.kind == "takeout") {
        std::cout << "It holds: " << result.files << " file(s) of " << result.log << ", as they were signed; its trail has " << result.records
                  << " record(s), root " << hex(view(result.root)) << "\n";
        if (result.problems > 0) std::cout << "It says of " << result.problems << " file(s) that they could not be taken: see problems.jsonl\n";
    } else if (why.empty()) {
        std::cout << "It holds: " << result.records << " record(s) of " << result.log << ", ";
        if (result.pruned > 0) std::cout << result.pruned << " of them pruned by its retention, ";
        std::cout << result.checkpoints << " checkpoint(s), root "
                  << hex(view(result.root)) << "\n";
    } else {
        std::cerr << "It does not hold: " << why << "\n";
    }
    return why.empty() ? 0 : 1;
}

Result checked(const std::string& file, const Key& key, const Earlier& earlier) {
    if (std::filesystem::is_directory(file)) {
        if (!earlier.note.empty() || !earlier.log.empty()) throw Usage("--since and --kept are for trails: give the file audit/evidence.txt");
        return verify::check_takeout(file, key);
    }
    std::ifstream in(file, std::ios::binary);
    if (!in || in.peek() == std::char_traits<char>::eof()) throw std::runtime_error("cannot read " + file);
    return verify::check(in, key, earlier);
}

int run(const Words& words) {
    const auto key = verify::parse_key(words.key);
    Result result;
    try {
        Earlier earlier{.note = words.kept};
        if (!words.since.empty()) {
            const auto old = checked(words.since, key, earlier);
            if (old.kind != "export") throw Refused("the earlier file is no export");
            earlier = {.note = old.note, .log = old.log, .records = old.records, .root = old.root};
        }
        result = checked(words.file, key, earlier);
    } catch (const Refused& refused) {
        return answer(words, result, refused.what());
    }
    return answer(words, result, "");
}

}  // namespace

int main(int count, char** words) try {
    for (int i = 1; i < count; ++i)
        if (std::strcmp(words[i], "--help") == 0) return std::fputs(help, stdout) < 0;
    return run(parse(count, words));
} catch (const verify::Usage& error) {
    std::cerr << "verify: " << error.what() << "\n";
    return 2;
} catch (const std::exception& error) {
    std::cerr << "verify: " << error.what() << "\n";
    return 3;
}
