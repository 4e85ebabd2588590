#pragma once

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <postgres_home.hpp>

namespace tenon::tests {

inline std::filesystem::path postgres_folder() {
    const auto server = *postgres_server();  // "host=FOLDER user=app"
    const auto begin = server.find("host=") + 5;
    return server.substr(begin, server.find(' ', begin) - begin);
}

/// SIGKILL for all processes of the server that tests/support/postgres.py --mortal watches over, which starts it again.
inline void kill_postgres() {
    pid_t server = 0;
    std::ifstream(postgres_folder() / "pid") >> server;
    if (server <= 1) throw std::runtime_error("no server to kill");
    ::kill(server, SIGSTOP);  // it would start others in the place of those that die
    std::vector<pid_t> children;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        std::string text;
        std::getline(std::ifstream(entry.path() / "stat"), text);
        const auto end = text.rfind(')');
        if (end == std::string::npos || text.size() < end + 5) continue;
        if (std::atoi(text.c_str() + end + 4) == server) children.push_back(std::stoi(name));  // ") S PPID"
    }
    for (const auto child : children) ::kill(child, SIGKILL);
    ::kill(server, SIGKILL);
}

/// Until it answers again.
inline void await_postgres() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    while (PQping((*postgres_server() + " dbname=postgres").c_str()) != PQPING_OK) {
        if (std::chrono::steady_clock::now() > until) throw std::runtime_error("the server does not come back");
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

}  // namespace tenon::tests
