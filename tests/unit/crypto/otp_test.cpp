#include <crypto/otp.hpp>

#include <gtest/gtest.h>

namespace tenon::crypto {
namespace {

base::ByteVector repeated(std::string_view text, std::size_t size) {
    base::ByteVector bytes;
    while (bytes.size() < size) bytes.push_back(static_cast<std::uint8_t>(text[bytes.size() % text.size()]));
    return bytes;
}

TEST(OneTimePasswords, Rfc4226) {
    const auto key = repeated("12345678901234567890", 20);
    const char* codes[] = {"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"};
    for (std::uint64_t i = 0; i < std::size(codes); ++i) EXPECT_EQ(one_time_password(key, i), codes[i]) << i;
}

TEST(OneTimePasswords, Rfc6238) {
    constexpr std::string_view digits = "12345678901234567890";
    struct Vector {
        std::uint64_t time;
        const char *sha1, *sha256, *sha512;
    };
    const Vector vectors[] = {{59, "94287082", "46119246", "90693936"},          {1111111109, "07081804", "68084774", "25091201"},
                              {1111111111, "14050471", "67062674", "99943326"},  {1234567890, "89005924", "91819424", "93441116"},
                              {2000000000, "69279037", "90698825", "38618901"},  {20000000000, "65353130", "77737706", "47863826"}};
    for (const auto& v : vectors) {
        EXPECT_EQ(one_time_password(repeated(digits, 20), v.time / 30, 8, OtpHash::sha1), v.sha1) << v.time;
        EXPECT_EQ(one_time_password(repeated(digits, 32), v.time / 30, 8, OtpHash::sha256), v.sha256) << v.time;
        EXPECT_EQ(one_time_password(repeated(digits, 64), v.time / 30, 8, OtpHash::sha512), v.sha512) << v.time;
    }
}

TEST(OneTimePasswords, Base32Rfc4648) {
    const std::pair<const char*, const char*> vectors[] = {{"", ""},           {"f", "MY"},         {"fo", "MZXQ"},      {"foo", "MZXW6"},
                                                           {"foob", "MZXW6YQ"}, {"fooba", "MZXW6YTB"}, {"foobar", "MZXW6YTBOI"}};
    for (const auto& [plain, text] : vectors) {
        EXPECT_EQ(to_base32(base::view_of(plain)), text);
        const auto back = from_base32(text);
        ASSERT_TRUE(back);
        EXPECT_EQ(base::text_of(*back), plain);
    }
    EXPECT_EQ(base::text_of(from_base32("mzxw 6ytb-oi======").value()), "foobar") << "as people type it";
    EXPECT_FALSE(from_base32("MZXW1"));
    EXPECT_FALSE(from_base32("MZXW\xc3\xa4"));
}

}  // namespace
}  // namespace tenon::crypto
