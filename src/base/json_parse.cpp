#include <base/json.hpp>

#include <limits>
#include <unordered_set>

#include <boost/json/basic_parser_impl.hpp>
#include <tenon/error.hpp>

namespace tenon::base {
namespace {

namespace bj = boost::json;

// Names beyond this many are looked up in a set: a list alone would make a hostile object quadratic.
constexpr std::size_t many_members = 16;

// Builds our values from the parser's events. Its own value type would keep the last of two equal names, and which one
// counts is what an attacker lets two readers disagree on.
class Builder {
public:
    static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_array_size = max_object_size;
    static constexpr std::size_t max_key_size = max_object_size;
    static constexpr std::size_t max_string_size = max_object_size;

    Json root;
    std::string why;  // set when we stopped the parser

    bool on_document_begin(bj::error_code&) { return true; }
    bool on_document_end(bj::error_code&) { return true; }
    bool on_object_begin(bj::error_code&) {
        open_.push_back({Json::object(), {}, {}});
        return true;
    }
    bool on_array_begin(bj::error_code&) {
        open_.push_back({Json::array(), {}, {}});
        return true;
    }
    bool on_object_end(std::size_t, bj::error_code& error) { return close(error); }
    bool on_array_end(std::size_t, bj::error_code& error) { return close(error); }
    bool on_key_part(bj::string_view part, std::size_t, bj::error_code&) {
        text_.append(part.data(), part.size());
        return true;
    }
    bool on_key(bj::string_view part, std::size_t, bj::error_code& error) {
        text_.append(part.data(), part.size());
        auto& level = open_.back();
        level.name = std::exchange(text_, {});
        return is_new(level) || stop("the name \"" + level.name + "\" occurs twice", error);
    }
    bool on_string_part(bj::string_view part, std::size_t, bj::error_code&) {
        text_.append(part.data(), part.size());
        return true;
    }
    bool on_string(bj::string_view part, std::size_t, bj::error_code&) {
        text_.append(part.data(), part.size());
        return add(Json(std::exchange(text_, {})));
    }
    bool on_number_part(bj::string_view, bj::error_code&) { return true; }
    bool on_int64(std::int64_t value, bj::string_view, bj::error_code&) { return add(Json(value)); }
    bool on_uint64(std::uint64_t value, bj::string_view, bj::error_code& error) {
        if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
            return stop("an integer does not fit 64 bits", error);
        return add(Json(static_cast<std::int64_t>(value)));
    }
    bool on_double(double value, bj::string_view, bj::error_code& error) {
        if (!(value >= std::numeric_limits<double>::lowest() && value <= std::numeric_limits<double>::max()))
            return stop("a number is out of range", error);
        return add(Json(value));
    }
    bool on_bool(bool value, bj::error_code&) { return add(Json(value)); }
    bool on_null(bj::error_code&) { return add(Json()); }
    bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
    bool on_comment(bj::string_view, bj::error_code&) { return true; }

private:
    struct Level {
        Json value;
        std::string name;  // of the member whose value comes next
        std::unordered_set<std::string> names;
    };

    bool stop(std::string reason, bj::error_code& error) {
        why = std::move(reason);
        error = bj::error::syntax;
        return false;
    }

    bool is_new(Level& level) {
        const auto& members = level.value.as_object();
        if (members.size() < many_members) return !level.value.find(level.name);
        if (level.names.empty())
            for (const auto& member : members) level.names.insert(member.first);
        return level.names.insert(level.name).second;
    }

    bool add(Json value) {
        if (open_.empty()) {
            root = std::move(value);
        } else if (auto& level = open_.back(); level.value.is_object()) {
            level.value.as_object().emplace_back(std::move(level.name), std::move(value));
        } else {
            level.value.as_array().push_back(std::move(value));
        }
        return true;
    }

    bool close(bj::error_code&) {
        auto value = std::move(open_.back().value);
        open_.pop_back();
        return add(std::move(value));
    }

    std::vector<Level> open_;
    std::string text_;
};

}  // namespace

Json parse_json(std::string_view text, const JsonLimits& limits, std::string_view field) {
    const ErrorInfo info{.subject = std::string(field)};
    const auto name = std::string(field);
    if (text.size() > limits.max_size)
        throw InvalidArgument(name + " is longer than " + std::to_string(limits.max_size) + " bytes", info);

    bj::parse_options options;
    options.max_depth = limits.max_depth;
    bj::basic_parser<Builder> parser(options);
    bj::error_code error;
    auto used = parser.write_some(false, text.data(), text.size(), error);
    if (!error && used < text.size()) error = bj::error::extra_data;
    if (!error) return std::move(parser.handler().root);

    const auto& why = parser.handler().why;
    const auto reason = !why.empty()                        ? why
                        : error == bj::error::too_deep      ? "nested deeper than " + std::to_string(limits.max_depth)
                                                            : error.message();
    throw InvalidArgument(name + " is not valid JSON at byte " + std::to_string(used) + ": " + reason, info);
}

}  // namespace tenon::base
