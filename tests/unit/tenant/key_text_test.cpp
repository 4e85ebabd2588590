#include <tenant/key_text.hpp>

#include <set>

#include <gtest/gtest.h>

namespace tenon::tenant::access {
namespace {

KeyText key_of(TextKind kind = TextKind::live) { return {.kind = kind, .kid = new_kid(), .secret = new_key_secret()}; }

TEST(KeyTexts, AreReadAsTheyWereWritten) {
    for (const auto kind : {TextKind::live, TextKind::test, TextKind::refresh, TextKind::ticket}) {
        const auto key = key_of(kind);
        const auto text = write_key("sk", key);
        EXPECT_EQ(text.size(), std::string("sk_live_").size() + 12 + 1 + 43 + 6);
        EXPECT_TRUE(text.starts_with(shown_key("sk", kind, key.kid) + "_"));
        const auto read = parse_key(text);
        ASSERT_TRUE(read) << text;
        EXPECT_EQ(read->kind, kind);
        EXPECT_EQ(read->kid, key.kid);
        EXPECT_EQ(read->secret, key.secret);
        EXPECT_TRUE(parse_key(write_key("another0brand", key))) << "the prefix is the brand's and says nothing";
    }
}

TEST(KeyTexts, KeepEveryBitOfTheSecret) {
    for (const std::uint8_t fill : {0x00, 0xff, 0x80, 0x01}) {
        KeyText key = key_of();
        key.secret.fill(fill);
        EXPECT_EQ(parse_key(write_key("sk", key)).value().secret, key.secret);
    }
    // 2^256 itself, and the largest number of 43 digits: one value has one text. The checksums are right.
    const auto fixed = [](const std::string& secret) { return "live_AAAAAAAAAAAA_" + secret; };
    for (const auto& secret : {std::string(43, 'z'), std::string("yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp2")}) {
        const auto text = fixed(secret);
        std::uint32_t crc = 0xffffffff;
        for (const char c : text) {
            crc ^= static_cast<unsigned char>(c);
            for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        }
        crc = ~crc;
        std::string digits(6, '0');
        for (std::size_t i = 6; i-- > 0; crc /= 62) digits[i] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[crc % 62];
        EXPECT_FALSE(parse_key("sk_" + text + digits)) << secret;
    }
}

TEST(KeyTexts, AnySlipIsSeen) {
    const auto text = write_key("sk", key_of());
    for (std::size_t at = 3; at < text.size(); ++at)
        for (const char c : {'0', 'a', '_', '-', '\0', ' '}) {
            auto wrong = text;
            if (wrong[at] == c) continue;
            wrong[at] = c;
            EXPECT_FALSE(parse_key(wrong)) << at << " " << wrong;
        }
    for (std::size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(parse_key(text.substr(0, size)));
    EXPECT_FALSE(parse_key(text + "0"));
    EXPECT_FALSE(parse_key(text.substr(3))) << "without a prefix";
    EXPECT_FALSE(parse_key(text.substr(2)));
    EXPECT_FALSE(parse_key(std::string(100'000, '_')));
}

TEST(KeyTexts, AreNeverTheSameAgain) {
    std::set<std::string> kids;
    std::set<KeySecret> secrets;
    for (int i = 0; i < 1000; ++i) {
        EXPECT_TRUE(kids.insert(new_kid()).second);
        EXPECT_TRUE(secrets.insert(new_key_secret()).second);
    }
}

}  // namespace
}  // namespace tenon::tenant::access
