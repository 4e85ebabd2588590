#pragma once

#include <cstdint>
#include <string_view>

#include <tenon/job.hpp>

namespace tenon::exec {

/// Where long work says how far it is. Any thread; cheap enough to call for every frame or chunk.
///
/// Work announces its stages in order; each has a share of the whole, so that percent never runs backwards.
class ProgressSink {
public:
    virtual ~ProgressSink() = default;
    /// Begins a stage that is `share` (0 to 1) of all the work. total 0: not known yet.
    virtual void stage(std::string_view name, double share, std::int64_t total, std::string_view unit) = 0;
    virtual void total(std::int64_t value) = 0;   ///< The stage's total became known.
    virtual void advance(std::int64_t by) = 0;    ///< More of this stage is done.
    /// An earlier run had done this much of the stage: it counts, but says nothing of the speed.
    virtual void found(std::int64_t by) { advance(by); }
    /// So many files more of this stage are done, whatever its unit is.
    virtual void files(std::int64_t) {}
};

/// For work nobody watches.
ProgressSink& no_progress();

}  // namespace tenon::exec
