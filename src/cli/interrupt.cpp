#include "interrupt.hpp"

#include <array>
#include <cerrno>
#include <csignal>

#include <poll.h>

namespace tenon::cli {
namespace {

constexpr std::array signals{SIGINT, SIGTERM};
volatile std::sig_atomic_t seen = 0;
std::array<struct sigaction, signals.size()> before{};

void note(int signal) {
    if (seen != 0) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);
        return;
    }
    seen = 1;
}

}  // namespace

Interrupt::Interrupt() {
    seen = 0;
    struct sigaction action {};
    action.sa_handler = note;  // no SA_RESTART: a prompt that is waiting returns
    for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &action, &before[i]);
}

Interrupt::~Interrupt() {
    for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &before[i], nullptr);
}

bool Interrupt::came() noexcept { return seen != 0; }

bool readable(int fd) noexcept {
    // The signals are blocked while `seen` is looked at: one that comes between the look and the wait ends the wait.
    sigset_t ours, others;
    sigemptyset(&ours);
    for (const int signal : signals) sigaddset(&ours, signal);
    pthread_sigmask(SIG_BLOCK, &ours, &others);
    pollfd waiting{fd, POLLIN, 0};
    int ready = -1;
    do {
        if (seen != 0) break;
        ready = ppoll(&waiting, 1, nullptr, &others);
    } while (ready < 0 && errno == EINTR);
    pthread_sigmask(SIG_SETMASK, &others, nullptr);
    return ready == 1;
}

void pause(int milliseconds) { poll(nullptr, 0, milliseconds); }

}  // namespace tenon::cli
