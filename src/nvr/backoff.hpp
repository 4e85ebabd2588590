#pragma once

#include <nvr/segment.hpp>
#include <tenon/units.hpp>

namespace tenon::nvr {

/// How long to leave a camera alone after so many failures in a row, which began so long ago. Uneven, so that many do not come at
/// once.
///
/// A camera that is away is looked for often enough to be found within the five seconds that a return may take, however long it
/// was away. One that answers with what is of no use is left alone for longer.
Duration backoff(int failures, Duration failing_for, GapReason reason);

}  // namespace tenon::nvr
