#pragma once

#include <csignal>
#include <string>
#include <thread>
#include <utility>

namespace tenon::exec {

/// Blocks the signals that a host handles, for as long as it lives: threads started meanwhile never run its handlers.
class SignalsBlocked {
public:
    SignalsBlocked() noexcept;
    ~SignalsBlocked();
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t before_;
};

/// Shown by debuggers and top; at most 15 bytes count.
void name_this_thread(const std::string& name) noexcept;

/// How every thread of the library begins. `body` may take a std::stop_token and must not throw.
template <class F> std::jthread start_thread(std::string name, F body) {
    const SignalsBlocked blocked;
    return std::jthread([name = std::move(name), body = std::move(body)](std::stop_token stop) mutable {
        name_this_thread(name);
        if constexpr (std::is_invocable_v<F&, std::stop_token>)
            body(std::move(stop));
        else
            body();
    });
}

}  // namespace tenon::exec
