#pragma once

#include <mutex>

#include <backup/repository.hpp>

namespace tenon::backup {

/// A session's account with its Ledger: reserves some way ahead of the writing, so that a frame does not cost a call.
class Meter {
public:
    explicit Meter(Ledger& ledger) : ledger_(ledger) {}
    Meter(const Meter&) = delete;
    ~Meter();

    void hold(std::int64_t bytes);             ///< Before they are written. Throws QuotaExceeded.
    void landed(std::int64_t bytes) noexcept;  ///< They are durable.
    std::int64_t total_landed() const;

private:
    mutable std::mutex mutex_;
    Ledger& ledger_;
    std::int64_t ahead_ = 0;    // guarded by mutex_: reserved, not held yet
    std::int64_t held_ = 0;     // guarded by mutex_: held, not landed yet
    std::int64_t landed_ = 0;   // guarded by mutex_
};

}  // namespace tenon::backup
