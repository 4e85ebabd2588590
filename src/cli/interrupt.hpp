#pragma once

namespace tenon::cli {

/// While one lives, Ctrl-C and SIGTERM are noted instead of ending the process. A second one ends it at once, for a user
/// who has waited long enough; what was durable stays so.
class Interrupt {
public:
    Interrupt();
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;

    static bool came() noexcept;
};

/// Waits until there is something to read. False: an interrupt came first, or had come already.
bool readable(int fd) noexcept;

/// Waits up to `milliseconds`, or until an interrupt comes.
void pause(int milliseconds);

}  // namespace tenon::cli
