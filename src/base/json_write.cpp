#include <base/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <base/text.hpp>
#include <tenon/error.hpp>

namespace tenon::base {
namespace {

// What other readers, whose numbers are all doubles, still tell apart.
constexpr std::int64_t largest_safe_int = (std::int64_t{1} << 53) - 1;

void write_escaped(std::string& out, char c) {
    static constexpr char digits[] = "0123456789abcdef";
    switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\b': out += "\\b"; break;
        case '\f': out += "\\f"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
            out += "\\u00";
            out += digits[c >> 4];
            out += digits[c & 15];
    }
}

// ECMAScript's Number::toString, which RFC 8785 prescribes: the shortest digits that read back as the same number.
void write_double(std::string& out, double value) {
    if (!std::isfinite(value)) throw InvalidArgument("JSON has no infinity and no NaN", {.subject = "json"});
    if (value == 0) {
        out += '0';  // also for -0
        return;
    }
    if (value < 0) out += '-';
    std::array<char, 32> buffer;
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(value), std::chars_format::scientific).ptr;
    const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
    const auto e = text.find('e');
    int exponent = 0;
    const auto from = e + (text[e + 1] == '+' ? 2 : 1);
    std::from_chars(text.data() + from, text.data() + text.size(), exponent);
    std::string mantissa(text.substr(0, e));
    std::erase(mantissa, '.');

    const int count = static_cast<int>(mantissa.size());
    const int point = exponent + 1;  // where the decimal point stands, counted from the first digit
    if (point >= count && point <= 21) {
        out += mantissa + std::string(static_cast<std::size_t>(point - count), '0');
    } else if (point > 0 && point <= 21) {
        out += mantissa.insert(static_cast<std::size_t>(point), 1, '.');
    } else if (point > -6 && point <= 0) {
        out += "0." + std::string(static_cast<std::size_t>(-point), '0') + mantissa;
    } else {
        if (count > 1) mantissa.insert(1, 1, '.');
        out += mantissa + (exponent < 0 ? "e-" : "e+") + std::to_string(std::abs(exponent));
    }
}

// Compares as UTF-16 code units do. That differs from the order of UTF-8 only where one side lies above the basic
// plane: its surrogates (D800–DFFF) sort below U+E000–U+FFFF.
bool utf16_less(std::string_view a, std::string_view b) {
    const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    if (x == a.end() || y == b.end()) return x == a.end() && y != b.end();
    const auto left = static_cast<unsigned char>(*x), right = static_cast<unsigned char>(*y);
    const auto rank = [](unsigned char byte) { return byte >= 0xf0 ? 0xee - 1 : byte; };
    // Between two code points that both lie above, or in the middle of a sequence, bytes decide as usual.
    if ((left >= 0xf0) != (right >= 0xf0) && left >= 0xee && right >= 0xee) return rank(left) < rank(right);
    return left < right;
}

class Writer {
public:
    explicit Writer(bool canonical) : canonical_(canonical) {}

    void write(const Json& value) {
        if (value.is_null()) out += "null";
        else if (value.is_bool()) out += value.as_bool() ? "true" : "false";
        else if (value.is_int()) write_int(value.as_int());
        else if (value.is_double()) write_double(out, value.as_double());
        else if (value.is_string()) append_json_string(out, value.as_string());
        else if (value.is_array()) write_array(value.as_array());
        else write_object(value.as_object());
    }

    std::string out;

private:
    void write_int(std::int64_t value) {
        if (canonical_ && (value > largest_safe_int || value < -largest_safe_int))
            throw InvalidArgument("an integer beyond 2^53 has no canonical form; write it as a string",
                                  {.subject = "json"});
        out += std::to_string(value);
    }

    void write_array(const Json::Array& elements) {
        out += '[';
        for (const auto& element : elements) {
            if (&element != elements.data()) out += ',';
            write(element);
        }
        out += ']';
    }

    void write_object(const Json::Object& members) {
        std::vector<const Json::Object::value_type*> order;
        order.reserve(members.size());
        for (const auto& member : members) order.push_back(&member);
        if (canonical_) std::ranges::sort(order, utf16_less, [](const auto* member) { return std::string_view(member->first); });
        out += '{';
        for (const auto* const member : order) {
            if (member != order.front()) out += ',';
            append_json_string(out, member->first);
            out += ':';
            write(member->second);
        }
        out += '}';
    }

    bool canonical_;
};

std::string written(const Json& value, bool canonical) {
    Writer writer(canonical);
    writer.write(value);
    return std::move(writer.out);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    std::size_t plain = 0;  // where the run begins that is copied as it stands
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\') continue;
        if (byte >= 0x80) {
            if (const auto step = utf8_step(text.substr(i)); step > 0) {
                i += step - 1;
                continue;
            }
        }
        out.append(text, plain, i - plain);
        if (byte >= 0x80) out += "\xef\xbf\xbd";
        else write_escaped(out, c);
        plain = i + 1;
    }
    out.append(text, plain);
    out += '"';
}

std::string to_json(const Json& value) { return written(value, false); }
std::string to_canonical_json(const Json& value) { return written(value, true); }

}  // namespace tenon::base
