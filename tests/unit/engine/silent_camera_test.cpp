// A camera that takes a connection and never says a word, and one that is not there.

#include "engine_fixture.hpp"
#include "tenant_state.hpp"

#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace tenon;
using namespace std::chrono_literals;
using Monotonic = std::chrono::steady_clock;

/// The kernel accepts for it; nobody ever reads.
class Silence {
public:
    Silence() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
        socklen_t size = sizeof address;
        if (bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(socket_, 16) != 0 ||
            getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::runtime_error("no port to be silent on");
        port_ = ntohs(address.sin_port);
    }
    ~Silence() { close(socket_); }
    Silence(const Silence&) = delete;
    Silence& operator=(const Silence&) = delete;
    std::string url() const { return "rtsp://127.0.0.1:" + std::to_string(port_) + "/stream"; }

private:
    int socket_;
    int port_ = 0;
};

class SilentCamera : public tests::EngineTest {
protected:
    bool becomes(const Camera& camera, CameraState state) {
        const auto until = Monotonic::now() + 60s;
        while (camera.info().state != state && Monotonic::now() < until) std::this_thread::sleep_for(20ms);
        return camera.info().state == state;
    }
    Session mine = session(acme);
};

TEST_F(SilentCamera, holds_nobody_up) {
    Silence silence;
    const auto begin = Monotonic::now();
    auto camera = mine.cameras().create({.name = "Door", .url = silence.url(), .recording = Recording::continuous});
    EXPECT_LT(Monotonic::now() - begin, 5s) << "a create does not wait for the camera";
    EXPECT_TRUE(camera.recordings().empty());
    EXPECT_FALSE(camera.info().last_frame_at);
    EXPECT_THROW(camera.export_clip({.start = Time{1s}, .end = Time{2s}}), NotFound);

    const auto stopping = Monotonic::now();
    camera.set_recording(Recording::off);
    EXPECT_TRUE(becomes(camera, CameraState::off));
    mine.cameras().remove(camera.id());
    EXPECT_LT(Monotonic::now() - stopping, 10s) << "stopping does not wait for the camera";
    EXPECT_TRUE(mine.cameras().list().empty());
    EXPECT_EQ(used(mine, Resource::cameras), 0);
    for (const auto& quota : mine.quotas().snapshot()) EXPECT_EQ(quota.reserved, 0) << to_string(quota.resource);
    EXPECT_TRUE(std::filesystem::is_empty(mine.workspace() / "recordings"));
}

TEST_F(SilentCamera, does_not_hold_up_the_end_of_its_engine) {
    Silence silence;
    mine.cameras().create({.name = "Door", .url = silence.url(), .recording = Recording::continuous});
    std::this_thread::sleep_for(200ms);
    const auto begin = Monotonic::now();
    engine->close();
    EXPECT_LT(Monotonic::now() - begin, 5s);
}

TEST_F(SilentCamera, one_that_is_not_there_says_why) {
    std::string url;
    {
        Silence gone;
        url = gone.url();
    }
    auto camera = mine.cameras().create({.name = "Door", .url = url, .recording = Recording::continuous});
    EXPECT_TRUE(becomes(camera, CameraState::retrying));
    EXPECT_NE(camera.info().problem, "");
    EXPECT_EQ(camera.info().recording, Recording::continuous) << "the intent stays";
}

TEST_F(SilentCamera, addresses_that_are_no_cameras_are_refused) {
    const auto before = tests::state_of(mine);
    for (const char* url : {"", "camera", "http://127.0.0.1/", "file:///etc/passwd", "rtsp://",
                            "rtsp://127.0.0.1:99999/x", "rtsp://127.0.0.1:-1/x", "concat:rtsp://127.0.0.1/x"})
        EXPECT_THROW(mine.cameras().create({.name = "Door", .url = url}), InvalidArgument) << url;
    for (const char* url : {"rtsp://8.8.8.8/x", "rtsp://10.0.0.1/x", "rtsp://[::1]/x"})
        EXPECT_THROW(mine.cameras().create({.name = "Door", .url = url}), PermissionDenied) << url;
    EXPECT_EQ(tests::state_of(mine), before);
}

}  // namespace
