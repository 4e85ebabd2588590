#include <exec/thread.hpp>

#include <pthread.h>

namespace tenon::exec {

SignalsBlocked::SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    // Faults belong to the thread that commits them.
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) sigdelset(&all, fault);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

void name_this_thread(const std::string& name) noexcept {
    char text[16] = {};
    name.copy(text, sizeof text - 1);
    pthread_setname_np(pthread_self(), text);
}

}  // namespace tenon::exec
