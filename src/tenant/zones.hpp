#pragma once

#include <string>

namespace date {
class time_zone;
}

namespace tenon::tenant {

/// UTC needs no rules, so that a machine without time zone data can serve it.
bool is_utc(const std::string& zone);

/// Throws InvalidArgument, subject "zone", unless it is an IANA time zone.
const date::time_zone& locate(const std::string& zone);

}  // namespace tenon::tenant
