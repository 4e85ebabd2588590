#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.hpp"

extern char** environ;

namespace conformance {

/// The camera program ends when its standard input does.
void Case::start_camera(const std::string& name) {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    std::string program = places_.camera, film = places_.footage / "camera.mp4";
    char* argv[] = {program.data(), film.data(), nullptr};
    Camera camera{.input = in[1], .output = out[0]};
    const int failed = posix_spawn(&camera.pid, program.c_str(), &actions, nullptr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    if (failed) throw std::runtime_error("cannot start " + program);
    cameras_.push_back(camera);
    std::string line;
    for (char c = 0; read(camera.output, &c, 1) == 1 && c != '\n';) line += c;
    save(name, {.form = json::string(line)});
}

void Case::end_cameras() {
    for (const auto& camera : cameras_) {
        close(camera.input);
        close(camera.output);
        waitpid(camera.pid, nullptr, 0);
    }
}

}  // namespace conformance
