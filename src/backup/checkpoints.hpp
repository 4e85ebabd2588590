#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "session.hpp"

namespace tenon::backup {

/// Makes finished packs durable beside the running backup, and keeps the session's beacon alive.
class Checkpoints {
public:
    explicit Checkpoints(WriteSession& session);
    ~Checkpoints();
    /// Returns at once, unless the one before is still under way. Throws what an earlier one threw.
    void start(std::vector<SealedPack> packs, ByteVector progress);
    /// Waits for the one under way. Throws what it threw.
    void finish();

private:
    void run(std::stop_token stop);

    WriteSession& session_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool busy_ = false;                // guarded by mutex_, as are the next three
    std::vector<SealedPack> packs_;
    ByteVector progress_;
    std::exception_ptr failure_;
    std::jthread thread_;
};

}  // namespace tenon::backup
