#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tenon/plan.hpp>
#include <tenon/units.hpp>

namespace tenon::cli {

/// Columns that `text` takes on a terminal.
std::size_t width(std::string_view text);

/// Names come from anywhere: control characters and broken UTF-8 become U+FFFD, so that a name cannot steer a terminal.
std::string clean(std::string_view text);

/// Pads with spaces to `columns`, by width.
std::string pad(std::string_view text, std::size_t columns, bool right = false);

/// Breaks at spaces; every line begins with `indent` spaces.
std::string wrap(std::string_view text, std::size_t columns, std::size_t indent);

std::string size(Bytes bytes);          // "1.4 GB"
std::string length(Duration duration);  // "1 h 02 min 03 s", "4.52 s"
std::string clock(Time time);           // "2026-05-01 12:30:07Z"
std::string clock(const std::optional<Time>& time);
std::string stamp(Time time);            // RFC 3339 with microseconds, for machines
std::string price(const Money& money);   // "499.00 USD"
std::string count(std::int64_t number);  // "1 234 567" with narrow gaps where it helps
std::string percent(double value);
std::string amount(Resource resource, std::int64_t value);  // In the resource's own unit.
Resource resource_named(const std::string& name);           // Throws UsageError.
std::int64_t amount_of(Resource resource, const std::string& text, std::string_view option);  // The other way. Throws UsageError.

std::optional<Bytes> parse_size(std::string_view text);         // "500k" "10MB" "1.5GB" "4MiB" "1000"
std::optional<Duration> parse_duration(std::string_view text);  // "1.5s" "1:30" "500ms" "2h" "90"
std::optional<Time> parse_time(std::string_view text);          // RFC 3339 in UTC, "now", "-10min"

struct Range {
    Duration start{};
    Duration end{};  // 0: to the end.
};
std::optional<Range> parse_range(std::string_view text);  // "1s-4s", "5s-"
bool is_backward_range(std::string_view text);            // "4s-1s"

}  // namespace tenon::cli
