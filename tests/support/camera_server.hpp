#pragma once

#include <csignal>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace tenon::test {

/// A live RTSP camera in a process of its own (tests/camera/camera.c), for as long as this object lives. By default it
/// sends build/footage/camera.mp4: 768x576 at 30 fps, a key frame every 2 s, AAC sound. A second file is for change():
/// camera_small.mp4 is 384x288 at 15 fps, a key frame every second, and other tools of H.264.
class CameraServer {
public:
    explicit CameraServer(std::vector<std::string> arguments = {TENON_FOOTAGE "/camera.mp4"}) {
        int in[2], out[2];
        if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, in[0], 0);
        posix_spawn_file_actions_adddup2(&actions, out[1], 1);
        arguments.insert(arguments.begin(), TENON_CAMERA);
        std::vector<char*> argv;
        for (auto& argument : arguments) argv.push_back(argument.data());
        argv.push_back(nullptr);
        const int failed = posix_spawn(&pid_, TENON_CAMERA, &actions, nullptr, argv.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        close(in[0]);
        close(out[1]);
        commands_ = in[1];
        answers_ = out[0];
        if (failed) throw std::runtime_error("cannot start " TENON_CAMERA);
        url_ = read_line();
    }
    CameraServer(const CameraServer&) = delete;
    CameraServer& operator=(const CameraServer&) = delete;
    ~CameraServer() {
        kill();
        close(commands_);
        close(answers_);
    }

    const std::string& url() const { return url_; }  ///< Without a login.
    std::string url(const std::string& user, const std::string& password) const {
        return "rtsp://" + user + ":" + password + "@" + url_.substr(7);
    }

    void stall() { say("stall"); }    ///< Connections stay, nothing is sent.
    void resume() { say("resume"); }  ///< Goes on with the present picture.
    void drop() { say("drop"); }      ///< Closes every connection; clients may come back.
    void mute() { say("mute"); }      ///< Accepts and never answers.
    void down() { say("down"); }      ///< Closes connections and port.
    void up() { say("up"); }          ///< Serves again at the same URL, after mute or down.
    void change() { say("change"); }  ///< Goes on with the other file, on the open connections.
    void kill() {                     ///< As a power cut would.
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

private:
    void say(std::string command) {
        command += '\n';
        if (write(commands_, command.data(), command.size()) != static_cast<ssize_t>(command.size()))
            throw std::runtime_error("the camera is gone");
        if (read_line() != "ok") throw std::runtime_error("the camera does not know " + command);
    }

    std::string read_line() {
        std::string line;
        for (char c;;) {
            pollfd ready{answers_, POLLIN, 0};
            if (poll(&ready, 1, 30'000) != 1 || read(answers_, &c, 1) != 1)
                throw std::runtime_error("the camera ended or does not answer: is build/footage there? (./dev setup)");
            if (c == '\n') return line;
            line += c;
        }
    }

    pid_t pid_ = -1;
    int commands_ = -1;
    int answers_ = -1;
    std::string url_;
};

}  // namespace tenon::test
