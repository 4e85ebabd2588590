#include <gtest/gtest.h>

#include <nvr/camera_url.hpp>
#include <tenon/error.hpp>

namespace tenon::nvr {
namespace {

TEST(CameraUrl, IsTakenApartAndPutTogetherAgain) {
    const auto given = parse_camera_url("rtsp://cam.local:8554/stream?ch=1");
    EXPECT_EQ(given.url.host, "cam.local");
    EXPECT_EQ(given.url.port, 8554);
    EXPECT_EQ(given.url.rest, "/stream?ch=1");
    EXPECT_EQ(given.url.text(), "rtsp://cam.local:8554/stream?ch=1");
    EXPECT_EQ(parse_camera_url("rtsps://[fd00::1]/x").url.text(), "rtsps://[fd00::1]/x");
    EXPECT_EQ(parse_camera_url("rtsp://10.0.0.1").url.text(), "rtsp://10.0.0.1");
}

TEST(CameraUrl, ALoginIsStrippedAndDecoded) {
    const auto given = parse_camera_url("rtsp://ad%6Din:p%40ss%3Aword@10.0.0.1/x");
    EXPECT_EQ(given.username, "admin");
    EXPECT_EQ(given.password, "p@ss:word");
    EXPECT_EQ(given.url.text(), "rtsp://10.0.0.1/x");
    EXPECT_EQ(connect_url(given.url, "10.0.0.1", given.username, given.password), "rtsp://admin:p%40ss%3Aword@10.0.0.1/x");
}

TEST(CameraUrl, WhatIsShownHoldsNoSecret) {
    const std::vector<std::pair<std::string, std::string>> shown{
        {"rtsp://10.0.0.1:554/user=admin_password=tlJwpbo6_channel=1_stream=0.sdp?real_stream", "rtsp://10.0.0.1:554/***?***"},
        {"rtsp://10.0.0.1/user=admin&password=tlJwpbo6&channel=1&stream=0.sdp?", "rtsp://10.0.0.1/***?***"},
        {"rtsp://10.0.0.1/bcs/channel0_main.bcs?token=tlJwpbo6", "rtsp://10.0.0.1/bcs/channel0_main.bcs?***"},
        {"rtsps://10.0.0.1:7441/AbCdEf123GhIjKl?enableSrtp", "rtsps://10.0.0.1:7441/***?***"},
        {"rtsp://10.0.0.1/live/0f9a3c5e7712bd44/main", "rtsp://10.0.0.1/live/***/main"},
        {"rtsp://10.0.0.1?user=admin&pwd=tlJwpbo6", "rtsp://10.0.0.1?***"},
        {"rtsp://10.0.0.1/h264Preview_01_main", "rtsp://10.0.0.1/h264Preview_01_main"},
        {"rtsp://10.0.0.1/Streaming/Channels/101/", "rtsp://10.0.0.1/Streaming/Channels/101/"},
        {"rtsp://10.0.0.1", "rtsp://10.0.0.1"}};
    for (const auto& [url, text] : shown) {
        EXPECT_EQ(parse_camera_url(url).url.shown(), text);
        EXPECT_EQ(parse_camera_url(text).url.shown(), text) << "once is enough";
    }
}

TEST(CameraUrl, AnythingElseIsRefused) {
    for (const auto* bad :
         {"", "http://10.0.0.1/", "file:///etc/passwd", "rtsp://", "rtsp:///x", "rtsp://10.0.0.1:0/", "rtsp://10.0.0.1:99999/", "rtsp://10.0.0.1:/",
          "rtsp://[::1/", "rtsp://[cam]/", "rtsp://a b/", "rtsp://a\nb/", "rtsp://a%2fb/", "rtsp://a\\b/", "rtsp://u:%zz@h/", "rtsp://u:%00@h/",
          "RTSP", "rtsp://h%41/"})
        EXPECT_THROW((void)parse_camera_url(bad), InvalidArgument) << bad;
    EXPECT_THROW((void)parse_camera_url("rtsp://h/" + std::string(3000, 'a')), InvalidArgument);
    EXPECT_THROW((void)parse_camera_url(std::string("rtsp://h\0x/", 11)), InvalidArgument);
}

TEST(Networks, PrivateRangesAreTheDefaultAndLoopbackIsNot) {
    const Networks usual({});
    const auto address = [&](const char* host) { return checked_address(parse_camera_url("rtsp://" + std::string(host) + "/").url, usual); };
    EXPECT_EQ(address("192.168.7.9"), "192.168.7.9");
    EXPECT_EQ(address("10.255.255.255"), "10.255.255.255");
    EXPECT_EQ(address("172.31.0.1"), "172.31.0.1");
    EXPECT_EQ(address("[fd12::1]"), "[fd12::1]");
    for (const auto* outside : {"127.0.0.1", "172.32.0.1", "11.0.0.1", "169.254.169.254", "8.8.8.8", "0.0.0.0", "[::1]", "[fe80::1]", "[2001:db8::1]",
                                "[::ffff:127.0.0.1]", "[::ffff:8.8.8.8]"})
        EXPECT_THROW((void)address(outside), PermissionDenied) << outside;
    EXPECT_EQ(address("[::ffff:10.0.0.1]"), "[::ffff:10.0.0.1]");
}

TEST(Networks, NamesAreLookedUp) {
    EXPECT_NO_THROW((void)checked_address(parse_camera_url("rtsp://localhost/").url, Networks({"127.0.0.0/8", "::1/128"})));
    EXPECT_THROW((void)checked_address(parse_camera_url("rtsp://localhost/").url, Networks({})), PermissionDenied);
    EXPECT_THROW((void)checked_address(parse_camera_url("rtsp://no-such-camera.invalid/").url, Networks({})), Unavailable);
}

TEST(Networks, BlocksThatMakeNoSenseAreRefused) {
    for (const auto* bad : {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0/8", "fd00::/129", "cam.local", "10.0.0.0/8x"})
        EXPECT_THROW(Networks({bad}), InvalidArgument) << bad;
    EXPECT_THROW((void)checked_address(parse_camera_url("rtsp://10.0.0.2/").url, Networks({"10.0.0.1"})), PermissionDenied);
}

}  // namespace
}  // namespace tenon::nvr
