#pragma once

#include <memory>

#include <base/clock.hpp>
#include <exec/progress.hpp>

namespace tenon::exec {

/// A sink that can be asked. Percent never runs backwards, whatever the work says.
///
/// Threads   any member, from any thread, at once.
class ProgressState final : public ProgressSink {
public:
    explicit ProgressState(std::shared_ptr<const base::Clock> clock);
    ~ProgressState() override;

    void stage(std::string_view name, double share, std::int64_t total, std::string_view unit) override;
    void total(std::int64_t value) override;
    void advance(std::int64_t by) override;
    void found(std::int64_t by) override;
    void files(std::int64_t by) override;
    void finish();  ///< All is done: 100 %.

    /// The estimate comes from the rate of the last ten seconds, what is done in a second is an average of the last few.
    tenon::Progress snapshot() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace tenon::exec
