#include <base/text.hpp>

#include <string>

#include <gtest/gtest.h>

#include <tenon/error.hpp>

namespace tenon::base {
namespace {

using namespace std::string_literals;

TEST(Utf8, AcceptsTheLimitsOfEachLength) {
    for (const auto& good : {""s, "a"s, "\0"s, "\x7f"s, "\xc2\x80"s, "\xdf\xbf"s, "\xe0\xa0\x80"s, "\xed\x9f\xbf"s, "\xee\x80\x80"s,
                             "\xef\xbf\xbf"s, "\xf0\x90\x80\x80"s, "\xf4\x8f\xbf\xbf"s, "grün 映画 🎬"s})
        EXPECT_TRUE(is_utf8(good)) << good;
    EXPECT_EQ(utf8_length("grün 映画 🎬"), 9u);
}

TEST(Utf8, RefusesWhatIsIllFormed) {
    for (const auto& bad : {"\x80"s, "\xbf"s, "\xc0\x80"s, "\xc1\xbf"s, "\xc2"s, "\xc2\x41"s, "\xe0\x9f\xbf"s, "\xed\xa0\x80"s,
                            "\xed\xbf\xbf"s, "\xe2\x82"s, "\xf0\x8f\xbf\xbf"s, "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s,
                            "\xff"s, "ok\xfe"s, "\xf0\x9f\x8e"s})
        EXPECT_FALSE(is_utf8(bad));
}

TEST(Names, BoundsAndTheFieldInTheError) {
    EXPECT_NO_THROW(check_name("name", "Spring reel 映画"));
    std::string longest;
    for (int i = 0; i < 200; ++i) longest += "ü";
    EXPECT_NO_THROW(check_name("name", longest));
    for (const auto& bad : {""s, "  "s, longest + "x", "a\nb"s, "a\0b"s, "\x7f"s, "\xc2\x85"s, "\xff"s, std::string(4096, 'x')}) {
        try {
            check_name("title", bad);
            ADD_FAILURE() << bad;
        } catch (const InvalidArgument& e) {
            EXPECT_EQ(e.subject(), "title");
        }
    }
    EXPECT_NO_THROW(check_text("note", "", 10));
    EXPECT_NO_THROW(check_text("note", "two\n\tlines", 10));
    EXPECT_THROW(check_text("note", "12345678901", 10), InvalidArgument);
    EXPECT_THROW(check_text("note", "a\0"s, 10), InvalidArgument);
}

TEST(Amounts, AsPeopleReadThem) {
    EXPECT_EQ(human_bytes(0), "0 B");
    EXPECT_EQ(human_bytes(999), "999 B");
    EXPECT_EQ(human_bytes(1000), "1 kB");
    EXPECT_EQ(human_bytes(1'550'000), "1.6 MB");
    EXPECT_EQ(human_bytes(999'960), "1 MB");
    EXPECT_EQ(human_bytes(50'000'000'000), "50 GB");
    EXPECT_EQ(human_bytes(INT64_MAX), "9223.4 PB");
    EXPECT_EQ(human_length(Duration{}), "0 ms");
    EXPECT_EQ(human_length(std::chrono::milliseconds(4'250)), "4.25 s");
    EXPECT_EQ(human_length(std::chrono::minutes(3)), "3 min");
    EXPECT_EQ(human_length(std::chrono::seconds(185)), "3 min 05 s");
    EXPECT_EQ(human_length(std::chrono::minutes(150)), "2 h 30 min");
    EXPECT_EQ(human_length(-std::chrono::hours(1)), "-1 h");
}

TEST(Utf8, WhatIsNoneIsReplaced) {
    EXPECT_EQ(to_utf8("caf\xc3\xa9 \xf0\x9f\x8e\xac\n"), "caf\xc3\xa9 \xf0\x9f\x8e\xac\n");
    EXPECT_EQ(to_utf8("\xff\xc3\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT_EQ(to_utf8("a\0b"s), "a\xef\xbf\xbd" "b");
    EXPECT_EQ(to_utf8(""), "");
}

TEST(Slugs, Grammar) {
    for (const auto* good : {"a", "0", "acme", "acme-2", "a-b-c"}) EXPECT_NO_THROW(check_slug("slug", good)) << good;
    EXPECT_NO_THROW(check_slug("slug", std::string(63, 'a')));
    for (const auto& bad : {""s, "-a"s, "a-"s, "a--b"s, "A"s, "a_b"s, "a/b"s, ".."s, "ü"s, "a\0"s, std::string(64, 'a')})
        EXPECT_THROW(check_slug("slug", bad), InvalidArgument) << bad;
}

}  // namespace
}  // namespace tenon::base
