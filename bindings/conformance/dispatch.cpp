#include "dispatch.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace conformance {
namespace {

constexpr std::array<std::uint32_t, 256> crc_table = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t c = i;
        for (int bit = 0; bit < 8; ++bit) c = c & 1 ? 0xEDB88320U ^ (c >> 1) : c >> 1;
        table[i] = c;
    }
    return table;
}();

}  // namespace

std::string time_text(tenon::Time time) {
    using namespace std::chrono;
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(time - day);
    char text[48];
    std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
    return text;
}

tenon::Time parse_time(const std::string& text) {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, micro = 0;
    if (std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%d.%6dZ", &year, &month, &day, &hour, &minute, &second, &micro) != 7)
        throw Difference("no time: " + text);
    using namespace std::chrono;
    return sys_days(std::chrono::year(year) / month / day) + hours(hour) + minutes(minute) + seconds(second) + microseconds(micro);
}

tenon::Duration parse_duration(const std::string& text) {
    if (!text.ends_with("us")) throw Difference("no duration: " + text);
    return tenon::Duration(std::stoll(text));
}

bool is_default(const json::value& form) {
    if (form.is_null()) return true;
    if (form.is_bool()) return !form.as_bool();
    if (form.is_number()) return form.to_number<double>() == 0;
    if (form.is_array()) return form.as_array().empty();
    if (form.is_object()) {
        const auto& fields = form.as_object();
        if (fields.contains("handle") || fields.contains("$held")) return false;
        return std::ranges::all_of(fields, [](const auto& field) { return is_default(field.value()); });
    }
    const std::string text(form.as_string());
    return text.empty() || text == "0us" || text == "1970-01-01T00:00:00.000000Z" ||
           (text.size() == 30 && text.ends_with("_00000000000000000000000000"));
}

json::value plane_rows(const tenon::Plane& plane) {
    const auto row = static_cast<std::size_t>(plane.width() * plane.channels() * plane.bytes_per_sample());
    std::uint32_t crc = 0xFFFFFFFFU;
    for (std::int32_t y = 0; y < plane.height(); ++y) {
        const std::uint8_t* at = plane.data() + plane.stride() * y;
        for (std::size_t x = 0; x < row; ++x) crc = crc_table[(crc ^ at[x]) & 0xFF] ^ (crc >> 8);
    }
    return json::object{{"size", row * static_cast<std::size_t>(plane.height())}, {"crc32", crc ^ 0xFFFFFFFFU}};
}

json::string text_of(const tenon::Buffer& bytes) {
    json::string text;
    for (const auto each : bytes) {
        if (each >= 0x80) text.push_back(static_cast<char>(0xC0 | each >> 6));
        text.push_back(static_cast<char>(each >= 0x80 ? 0x80 | (each & 0x3F) : each));
    }
    return text;
}

tenon::Buffer bytes_of(const json::string& text) {
    tenon::Buffer bytes;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto each = static_cast<std::uint8_t>(text[at]);
        if (each < 0x80) bytes.push_back(each);
        else if ((each == 0xC2 || each == 0xC3) && at + 1 < text.size())
            bytes.push_back(static_cast<std::uint8_t>((each & 3) << 6 | (static_cast<std::uint8_t>(text[++at]) & 0x3F)));
        else throw Difference("no bytes: " + std::string(text));
    }
    return bytes;
}

Result id_part(const Saved& id, const std::string& name) {
    // All kinds of ids have the same bytes; only the prefix differs.
    const auto same = tenon::JobId::parse(tenon::JobId::prefix() + std::string(id.form.as_string()).substr(4));
    return {json::value(name == "high" ? same.high : same.low)};
}

const Saved& held(const json::value& form, World& world) {
    if (!form.is_object() || !form.as_object().contains("$held")) throw Difference("no handle: " + json::serialize(form));
    return world.saved.at(std::string(form.at("$held").as_string()));
}

}  // namespace conformance
