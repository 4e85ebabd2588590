#include "meter.hpp"

#include <tenon/error.hpp>

namespace tenon::backup {
namespace {

constexpr std::int64_t step = std::int64_t{8} << 20;

class FreeLedger final : public Ledger {
public:
    void reserve(std::int64_t) override {}
    void commit(std::int64_t) noexcept override {}
    void release(std::int64_t) noexcept override {}
};

}  // namespace

Ledger& free_ledger() {
    static FreeLedger ledger;
    return ledger;
}

Meter::~Meter() {
    if (ahead_ + held_ > 0) ledger_.release(ahead_ + held_);
}

void Meter::hold(std::int64_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto missing = bytes - ahead_;
    if (missing > 0) {
        auto more = missing;
        if (missing < step) {
            try {
                ledger_.reserve(step);
                more = step;
            } catch (const QuotaExceeded&) {
                ledger_.reserve(missing);  // near the limit: exactly what is needed
            }
        } else {
            ledger_.reserve(missing);
        }
        ahead_ += more;
    }
    ahead_ -= bytes;
    held_ += bytes;
}

void Meter::landed(std::int64_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    held_ -= bytes;
    landed_ += bytes;
    ledger_.commit(bytes);
}

std::int64_t Meter::total_landed() const {
    const std::lock_guard lock(mutex_);
    return landed_;
}

}  // namespace tenon::backup
