#pragma once

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

namespace tenon::test {

/// The threads of this process, by what the kernel calls them.
inline std::set<std::string> threads() {
    std::set<std::string> all;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) all.insert(entry.path().filename().string());
    return all;
}

/// Whether a thread never runs a handler of that signal; also if it has ended meanwhile. `name`: what it is called.
inline bool blocks(const std::string& thread, int signal, std::string& name) {
    std::ifstream status("/proc/self/task/" + thread + "/status");
    std::uint64_t blocked = ~std::uint64_t{0};
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("Name:")) name = line.substr(6);
        if (line.starts_with("SigBlk:")) blocked = std::stoull(line.substr(8), nullptr, 16);
    }
    return (blocked >> (signal - 1) & 1) != 0;
}

}  // namespace tenon::test
