#pragma once

#include <cstdint>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tenon::tests {

/// This test program again as another process, running one disabled test that plays a part. What the part writes to the
/// descriptor report_fd arrives at read(). Killed, if it still runs, when this goes out of scope.
class ChildProcess {
public:
    static constexpr int report_fd = 3;

    /// `part`: "Suite.DISABLED_name". `settings`: environment variables of the child.
    ChildProcess(const std::string& part, const std::map<std::string, std::string>& settings) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        pipe_ = ends[0];
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, ends[1], report_fd);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        std::vector<std::string> words;
        for (char** e = environ; *e; ++e) words.emplace_back(*e);
        for (const auto& [key, value] : settings) words.push_back(key + "=" + value);
        std::vector<char*> env;
        for (auto& word : words) env.push_back(word.data());
        env.push_back(nullptr);
        std::string filter = "--gtest_filter=" + part, disabled = "--gtest_also_run_disabled_tests", program = "/proc/self/exe";
        char* args[] = {program.data(), filter.data(), disabled.data(), nullptr};
        const int failed = posix_spawn(&pid_, program.c_str(), &actions, nullptr, args, env.data());
        posix_spawn_file_actions_destroy(&actions);
        ::close(ends[1]);
        if (failed) throw std::runtime_error("cannot start a child process");
    }
    ~ChildProcess() {
        kill();
        ::close(pipe_);
    }
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    /// Exactly `size` bytes, or fewer at the end of what the child had to say.
    std::string read(std::size_t size) {
        std::string text(size, '\0');
        std::size_t have = 0;
        while (have < size) {
            const auto n = ::read(pipe_, text.data() + have, size - have);
            if (n <= 0) break;
            have += static_cast<std::size_t>(n);
        }
        text.resize(have);
        return text;
    }
    /// SIGKILL; then what it had written before, to the last byte.
    std::string kill_and_drain() {
        kill();
        std::string all;
        for (auto more = read(4096); !more.empty(); more = read(4096)) all += more;
        return all;
    }
    pid_t pid() const { return pid_; }
    void kill() {
        if (pid_ > 0) ::kill(pid_, SIGKILL);
        (void)wait();
    }
    /// The child's exit code once it has ended, -1 if it was killed.
    int wait() {
        if (pid_ <= 0) return code_;
        int status = 0;
        waitpid(pid_, &status, 0);
        pid_ = 0;
        return code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    /// In the child: one report, which arrives whole.
    static void report(const void* data, std::size_t size) {
        if (::write(report_fd, data, size) != static_cast<ssize_t>(size)) _exit(3);
    }
    static std::string setting(const char* key) {
        const char* value = std::getenv(key);
        if (!value) throw std::runtime_error(std::string("the parent did not set ") + key);
        return value;
    }

private:
    pid_t pid_ = 0;
    int pipe_ = -1;
    int code_ = -1;
};

}  // namespace tenon::tests
