#include <base/json.hpp>
#include <base/text.hpp>

#include <limits>

#include <gtest/gtest.h>

#include <tenon/error.hpp>

namespace tenon::base {
namespace {

using namespace std::string_literals;

TEST(Json, ReadsWhatItWrites) {
    const auto text = R"({"name":"Spring \"reel\" 映画","n":-9007199254740991,"x":0.5,"on":true,"none":null,"list":[1,[],{}]})"s;
    const auto value = parse_json(text);
    EXPECT_EQ(to_json(value), text);
    EXPECT_EQ(parse_json(to_json(value)), value);
    EXPECT_EQ(value.get_string("name"), "Spring \"reel\" 映画");
    EXPECT_EQ(value.get_int("n"), -9007199254740991);
    EXPECT_EQ(value.get_double("x"), 0.5);
    EXPECT_EQ(value.at("list").as_array()[0].as_double(), 1.0);
    EXPECT_TRUE(value.get_bool("on"));
}

TEST(Json, BuildsValues) {
    Json value;
    value.set("b", 1).set("a", "text").set("b", 2u).set("list", Json().push(true).push(nullptr));
    EXPECT_EQ(to_json(value), R"({"b":2,"a":"text","list":[true,null]})");
    EXPECT_EQ(to_json(Json::array()), "[]");
    EXPECT_EQ(to_json(Json()), "null");
    EXPECT_THROW(Json(std::numeric_limits<std::uint64_t>::max()), InvalidArgument);
    EXPECT_THROW(Json("text").set("a", 1), InvalidArgument);
}

void refuses(const std::string& text) {
    EXPECT_THROW(parse_json(text), InvalidArgument) << text;
}

TEST(Json, RefusesWhatIsNotJson) {
    for (const auto& bad : {""s, " "s, "{"s, "[1,]"s, "{\"a\":1,}"s, "{a:1}"s, "'a'"s, "01"s, "1."s, "+1"s, "nul"s, "[1] 2"s, "[1]]"s,
                            "NaN"s, "Infinity"s, "// x\n1"s, "\"\n\""s, "\"\\x41\""s, "\"\xff\""s, "\"\xed\xa0\x80\""s,
                            "\"\\ud800\""s, "9223372036854775808"s, "1e999"s, "\0"s, "1\0"s, "\xef\xbb\xbf""1"s})
        refuses(bad);
    EXPECT_EQ(parse_json(" [ 9223372036854775807 ] \n").as_array()[0].as_int(), std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(parse_json("\"\\ud83c\\udfac\"").as_string(), "🎬");
}

TEST(Json, RefusesEqualNamesAlsoAmongMany) {
    refuses(R"({"a":1,"b":2,"a":3})");
    refuses(R"({"a":1,"\u0061":3})");
    for (const int twice : {0, 14, 15, 16, 17, 99}) {
        std::string text = "{";
        for (int i = 0; i < 100; ++i) text += "\"k" + std::to_string(i) + "\":1,";
        EXPECT_EQ(parse_json(text + "\"x\":1}").as_object().size(), 101u);
        refuses(text + "\"k" + std::to_string(twice) + "\":1}");
    }
}

TEST(Json, LimitsSayWhatWasExceeded) {
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    EXPECT_NO_THROW(parse_json(nested(64)));
    refuses(nested(65));
    refuses(std::string(100'000, '['));
    EXPECT_NO_THROW(parse_json("[1,2]", {.max_size = 5}));
    try {
        parse_json("[1,22]", {.max_size = 5}, "catalogue");
        ADD_FAILURE();
    } catch (const InvalidArgument& e) {
        EXPECT_EQ(e.subject(), "catalogue");
    }
}

std::string subject_of(auto call) {
    try {
        call();
    } catch (const InvalidArgument& e) {
        return e.subject();
    }
    return "no error";
}

TEST(Json, TypedMembersNameTheField) {
    const auto value = parse_json(R"({"n":1,"s":"x","null":null,"half":0.5})");
    EXPECT_EQ(subject_of([&] { value.get_int("s"); }), "s");
    EXPECT_EQ(subject_of([&] { value.get_int("half"); }), "half");
    EXPECT_EQ(subject_of([&] { value.get_string("n"); }), "n");
    EXPECT_EQ(subject_of([&] { value.get_string("gone"); }), "gone");
    EXPECT_EQ(subject_of([&] { value.get_string("null"); }), "null");
    EXPECT_EQ(subject_of([&] { value.get_array("n"); }), "n");
    EXPECT_EQ(subject_of([&] { value.int_or("s", 1); }), "s");
    EXPECT_EQ(subject_of([&] { value.allow_only({"n", "s", "null"}); }), "half");
    EXPECT_EQ(subject_of([&] { value.allow_only({"n", "s", "null", "half", "more"}); }), "no error");
    EXPECT_EQ(value.int_or("null", 7), 7);
    EXPECT_EQ(value.int_or("gone", 7), 7);
    EXPECT_EQ(value.int_or("n", 7), 1);
    EXPECT_EQ(value.string_or("gone", "y"), "y");
    EXPECT_EQ(value.double_or("n", 0), 1.0);
    EXPECT_TRUE(value.bool_or("gone", true));
}

TEST(CanonicalJson, SortsByUtf16AndDropsSpace) {
    // RFC 8785, section 3.2.3: the order of these names.
    const auto value = parse_json(R"({"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh",
        "1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"})");
    EXPECT_EQ(to_canonical_json(value),
              "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\","
              "\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
    EXPECT_EQ(to_canonical_json(parse_json(R"({"b":{"z":1,"a":[3,2]},"a":"\u0001\/\"","aa":true,"":null})")),
              "{\"\":null,\"a\":\"\\u0001/\\\"\",\"aa\":true,\"b\":{\"a\":[3,2],\"z\":1}}");
}

TEST(CanonicalJson, NumbersAsEcmaScriptWritesThem) {
    const auto text = [](double number) { return to_canonical_json(Json(number)); };
    EXPECT_EQ(text(0.0), "0");
    EXPECT_EQ(text(-0.0), "0");
    EXPECT_EQ(text(5e-324), "5e-324");
    EXPECT_EQ(text(-1.7976931348623157e308), "-1.7976931348623157e+308");
    EXPECT_EQ(text(9007199254740992.0), "9007199254740992");
    EXPECT_EQ(text(295147905179352825856.0), "295147905179352830000");
    EXPECT_EQ(text(9.999999999999997e22), "9.999999999999997e+22");
    EXPECT_EQ(text(1e23), "1e+23");
    EXPECT_EQ(text(999999999999999700000.0), "999999999999999700000");
    EXPECT_EQ(text(1e21), "1e+21");
    EXPECT_EQ(text(333333333.3333332), "333333333.3333332");
    EXPECT_EQ(text(0.000001), "0.000001");
    EXPECT_EQ(text(1e-7), "1e-7");
    EXPECT_EQ(text(1.5), "1.5");
    EXPECT_EQ(to_canonical_json(Json((std::int64_t{1} << 53) - 1)), "9007199254740991");
    EXPECT_THROW(to_canonical_json(Json(std::int64_t{1} << 53)), InvalidArgument);
    EXPECT_THROW(to_canonical_json(Json(std::numeric_limits<double>::infinity())), InvalidArgument);
}

TEST(Json, WhatIsNoUtf8IsWrittenAsSomethingThatCanBeRead) {
    const auto round = [](std::string_view text) { return parse_json(to_json(Json(std::string(text)))).as_string("x"); };
    EXPECT_EQ(round("caf\xe9"), "caf\xef\xbf\xbd");
    EXPECT_EQ(round("\xed\xa0\x80 \xc0\xaf \xf0\x9f\x8e"),
              "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT_EQ(round("é€🎬\n\"\x7f"), "é€🎬\n\"\x7f");
    EXPECT_EQ(utf8_step("🎬!"), 4u);
    EXPECT_EQ(utf8_step("\xff"), 0u);
    EXPECT_EQ(utf8_step(""), 0u);
}

}  // namespace
}  // namespace tenon::base
