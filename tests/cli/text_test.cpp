#include "text.hpp"

#include <gtest/gtest.h>

#include "output.hpp"

namespace tenon::cli {
namespace {

using namespace std::chrono_literals;
using namespace std::chrono;

TEST(Text, CountsTheColumnsOfATerminal) {
    EXPECT_EQ(width("Acme"), 4u);
    EXPECT_EQ(width("Köln"), 4u);
    EXPECT_EQ(width("Ko\u0308ln"), 4u);  // o and a combining diaeresis
    EXPECT_EQ(width("東京スタジオ"), 12u);
    EXPECT_EQ(width("🎬 reel"), 7u);
    EXPECT_EQ(width("ｱｲｳ"), 3u);       // half width
    EXPECT_EQ(width("\xff\xfe"), 2u);  // not UTF-8: a replacement each
    EXPECT_EQ(width(""), 0u);
}

TEST(Text, NamesCannotSteerATerminal) {
    EXPECT_EQ(clean("a\x1b[31mb"), "a\uFFFD[31mb");
    EXPECT_EQ(clean("two\nlines\ttab\r"), "two\uFFFDlines\uFFFDtab\uFFFD");
    EXPECT_EQ(clean("\u009b31m"), "\uFFFD31m");        // the one-byte escape, as UTF-8
    EXPECT_EQ(clean("abc\u202Egpj"), "abc\uFFFDgpj");  // would show as jpgcba
    EXPECT_EQ(clean("\xc0\xaf"
                    "\xed\xa0\x80"
                    "x"),
              "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDx");  // overlong, surrogate
    EXPECT_EQ(clean("Köln 東京 🎬"), "Köln 東京 🎬");
}

TEST(Text, SizesAndLengths) {
    EXPECT_EQ(size({0}), "0 B");
    EXPECT_EQ(size({999}), "999 B");
    EXPECT_EQ(size({1'440}), "1.4 kB");
    EXPECT_EQ(size({999'999}), "1 MB");  // never "1000 kB"
    EXPECT_EQ(size({10'000'000'000}), "10 GB");
    EXPECT_EQ(length(0us), "0 µs");
    EXPECT_EQ(length(250ms), "250 ms");
    EXPECT_EQ(length(10160ms), "10.16 s");
    EXPECT_EQ(length(59999ms), "60 s");
    EXPECT_EQ(length(10s), "10 s");
    EXPECT_EQ(length(90s), "1 min 30 s");
    EXPECT_EQ(length(1h + 5min), "1 h 05 min");
    EXPECT_EQ(length(50h), "50 h");
    EXPECT_EQ(length(-90s), "-1 min 30 s");
    EXPECT_EQ(count(999), "999");
    EXPECT_EQ(count(9999), "9999");
    EXPECT_EQ(count(1234567), "1 234 567");
    EXPECT_EQ(count(-1234567), "-1 234 567");
}

TEST(Text, MoneyHasTheDigitsOfItsCurrency) {
    EXPECT_EQ(price({49900, "USD"}), "499.00 USD");
    EXPECT_EQ(price({5, "EUR"}), "0.05 EUR");
    EXPECT_EQ(price({499, "JPY"}), "499 JPY");
    EXPECT_EQ(price({}), "");  // not for sale
    EXPECT_EQ(price({1234, "KWD"}), "1.234 KWD");
}

TEST(Text, ReadsLengths) {
    EXPECT_EQ(parse_duration("90"), 90s);
    EXPECT_EQ(parse_duration("1.5"), 1500ms);
    EXPECT_EQ(parse_duration("500ms"), 500ms);
    EXPECT_EQ(parse_duration("0.000001s"), 1us);
    EXPECT_EQ(parse_duration("2min"), 120s);
    EXPECT_EQ(parse_duration("30d"), 720h);
    EXPECT_EQ(parse_duration("1:30"), 90s);
    EXPECT_EQ(parse_duration("1:00:00.5"), 1h + 500ms);
    for (const char* wrong : {"", "s", "-1s", "+1s", "1,5", "1.s", ".5s", "1e3", "1:60", "1:2:3:4", "abc", "99999999999999d", " 1s"})
        EXPECT_FALSE(parse_duration(wrong)) << wrong;
}

TEST(Text, ReadsTimes) {
    const Time noon = sys_days(2026y / May / 1) + 12h + 30min;
    EXPECT_EQ(parse_time("2026-05-01T12:30:00Z"), noon);
    EXPECT_EQ(parse_time("2026-05-01 12:30"), noon);
    EXPECT_EQ(parse_time("2026-05-01T12:30:07.25Z"), noon + 7250ms);
    EXPECT_EQ(parse_time("2026-05-01"), sys_days(2026y / May / 1));
    EXPECT_EQ(stamp(noon + 7250ms), "2026-05-01T12:30:07.250000Z");
    EXPECT_EQ(parse_time(stamp(noon + 1us)), noon + 1us);
    EXPECT_EQ(clock(noon), "2026-05-01 12:30:00Z");
    const auto now = system_clock::now();
    EXPECT_LT(abs(*parse_time("now") - now), 10s);
    EXPECT_LT(abs(*parse_time("-10min") - (now - 10min)), 10s);
    EXPECT_LT(abs(*parse_time("+8h") - (now + 8h)), 10s);
    for (const char* wrong : {"", "today", "2026-02-30", "2026-5-1", "2026-05-01T24:00:00Z", "2026-05-01T12:60:00Z",
                              "2026-05-01T12:30:00+02:00", "2026-05-01T", "2026-05-01X12:30"})
        EXPECT_FALSE(parse_time(wrong)) << wrong;
}

TEST(Text, ReadsRanges) {
    EXPECT_EQ(parse_range("1s-4s")->end, 4s);
    EXPECT_EQ(parse_range("0:20-")->start, 20s);
    EXPECT_EQ(parse_range("5s-")->end, 0s);
    for (const char* wrong : {"", "1s", "4s-1s", "1s-1s", "-4s", "a-b"}) EXPECT_FALSE(parse_range(wrong)) << wrong;
}

TEST(Text, TablesAlignByWhatIsShown) {
    Table table({"NAME", ">SIZE"});
    table.row({"東京", "1 B"});
    table.row({"Köln\n", ""});
    EXPECT_EQ(table.text(),
              "NAME   SIZE\n"
              "東京    1 B\n"
              "Köln\uFFFD     -\n");
    EXPECT_EQ(fields_text({{"A", "x"}, {"Long", ""}, {"B", "y"}}), "A     x\nB     y\n");
}

TEST(Text, WrapsAtSpaces) {
    EXPECT_EQ(wrap("one two three", 9, 2), "  one two\n  three\n");
    EXPECT_EQ(wrap("averyverylongword x", 5, 0), "averyverylongword\nx\n");
}

}  // namespace
}  // namespace tenon::cli
