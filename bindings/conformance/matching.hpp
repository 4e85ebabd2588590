#pragma once

#include <boost/json.hpp>

namespace conformance {

/// Whether a result fits what a case expects of it; see "What a result must be" in README.md.
bool fits(const boost::json::value& value, const boost::json::value& wanted);

}  // namespace conformance
