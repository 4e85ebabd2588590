#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace tenon::tests {

/// All that a restore must bring back, of every name below a folder, as text: kind, mode, owner, modification time, size,
/// content, link target, extended attributes, which names are one file, whether it is sparse.
inline std::map<std::string, std::string> describe_tree(const std::filesystem::path& root) {
    std::map<std::string, std::string> lines;
    std::map<std::pair<dev_t, ino_t>, std::string> first_names;
    std::vector<std::filesystem::path> names{root};
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) names.push_back(entry.path());
    std::sort(names.begin(), names.end());
    for (const auto& path : names) {
        const auto name = path.lexically_relative(root).string();
        struct stat st {};
        lstat(path.c_str(), &st);
        std::string line = std::to_string(st.st_mode) + " " + std::to_string(st.st_uid) + ":" + std::to_string(st.st_gid) + " " +
                           std::to_string(st.st_mtim.tv_sec) + "." + std::to_string(st.st_mtim.tv_nsec);
        if (S_ISREG(st.st_mode)) {
            std::ifstream file(path, std::ios::binary);
            const std::string content{std::istreambuf_iterator<char>(file), {}};
            line += " size " + std::to_string(st.st_size) + " content " + std::to_string(std::hash<std::string>{}(content));
            if (st.st_blocks * 512 + 65536 < st.st_size) line += " sparse";
        }
        if (S_ISLNK(st.st_mode)) line += " -> " + std::filesystem::read_symlink(path).string();
        if (!S_ISDIR(st.st_mode) && st.st_nlink > 1)
            line += " same as " + first_names.emplace(std::pair(st.st_dev, st.st_ino), name).first->second;
        std::string attributes(4096, '\0');
        attributes.resize(std::max<ssize_t>(0, llistxattr(path.c_str(), attributes.data(), attributes.size())));
        std::vector<std::string> keys;  // file systems list them in the order they came
        for (std::size_t at = 0; at < attributes.size(); at += keys.back().size() + 1) keys.emplace_back(attributes.c_str() + at);
        std::sort(keys.begin(), keys.end());
        for (const auto& key : keys) {
            std::string value(4096, '\0');
            value.resize(std::max<ssize_t>(0, lgetxattr(path.c_str(), key.c_str(), value.data(), value.size())));
            line += " " + key + "=" + value;
        }
        lines[name] = line;
    }
    return lines;
}

/// What differs between two folders, a line each; empty when they are alike. The folders' own names do not count.
inline std::vector<std::string> differences(const std::filesystem::path& expected, const std::filesystem::path& found) {
    const auto a = describe_tree(expected), b = describe_tree(found);
    std::vector<std::string> lines;
    for (const auto& [name, line] : a) {
        const auto other = b.find(name);
        if (other == b.end()) lines.push_back(name + ": is missing");
        else if (other->second != line) lines.push_back(name + ": was " + line + "\n  is " + other->second);
    }
    for (const auto& [name, line] : b)
        if (!a.contains(name)) lines.push_back(name + ": is extra");
    return lines;
}

}  // namespace tenon::tests
