// Cameras at rtsps://, recorded.

#include <nvr/segment_file.hpp>

#include <odd_camera.hpp>
#include <tls_front.hpp>

#include "recorder_fixture.hpp"

namespace tenon::nvr {
namespace {

using namespace std::chrono_literals;
using tenon::test::CameraServer;
using tenon::test::OddCamera;
using tenon::test::TlsFront;
using test::expect_whole;
using test::Studio;
using Fault = TlsFront::Fault;

TEST(TlsRecorder, RecordsWithALoginAndWhatItRecordsPlays) {
    const CameraServer server({TENON_FOOTAGE "/camera.mp4", "--user", "user", "--password", "right"});
    const TlsFront front(server.url());
    Studio studio;
    const auto a = studio.home.a;
    const auto camera = studio.add(a, front.url(), "right"), wrong = studio.add(a, front.url(), "wrong-secret");
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.covered(a, camera) >= 3s; })) << studio.status(camera).problem;
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.status(wrong).state == CameraState::retrying; }));
    EXPECT_EQ(studio.status(wrong).problem.find("wrong-secret"), std::string::npos);
    studio.stop();
    expect_whole(studio, a, camera);
    EXPECT_TRUE(studio.list(a, wrong).empty());
    ASSERT_EQ(studio.list(a, camera).size(), 1u);
    const auto info = studio.list(a, camera)[0];
    const ClipPlan plan(studio.folder(a, camera), {info.start, info.end, Cut::gop});
    const auto path = studio.home.folder / "clip.mp4";
    (void)plan.write(studio.home.folder / "clip.part", path, exec::no_progress(), {});
    EXPECT_EQ(test::decode_all(path, [](const auto&) {}), plan.clip().frames);
    EXPECT_GE(plan.clip().frames, 85);
    EXPECT_TRUE(media::Input::open(path, {}, {}).audio());
}

TEST(TlsRecorder, ABrokenConnectionIsReplacedWithinSeconds) {
    const CameraServer server;
    TlsFront front(server.url());
    Studio studio;
    const auto a = studio.home.a;
    const auto camera = studio.add(a, front.url());
    const std::vector<std::pair<Fault, std::string>> faults{
        {Fault::cut_record, "offline"}, {Fault::damaged, "offline"}, {Fault::half_record, "stalled"}};
    std::size_t runs = 1;
    for (const auto& [fault, reason] : faults) {
        ASSERT_TRUE(studio.wait(60s, [&] { return studio.list(a, camera).size() == runs && studio.status(camera).state == CameraState::recording; }));
        const auto clients = front.clients();
        front.set(fault);
        ASSERT_TRUE(studio.wait(60s, [&] { return studio.status(camera).state == CameraState::retrying; })) << reason;
        EXPECT_FALSE(studio.status(camera).problem.empty());
        EXPECT_TRUE(studio.wait(5s, [&] { return front.clients() > clients; })) << "not tried again";
        ASSERT_TRUE(studio.wait(60s, [&] { return studio.list(a, camera).size() == runs + 1; }));
        ++runs;
        EXPECT_EQ(studio.list(a, camera).back().gap_before, reason) << static_cast<int>(fault);
    }
    studio.stop();
    expect_whole(studio, a, camera);
    EXPECT_EQ(studio.storage(a).reserved, 0);
}

TEST(TlsRecorder, WhoDoesNotAgreeOnTlsIsToldAndAskedAgain) {
    const CameraServer server;
    const OddCamera plain{OddCamera::Answers{}};
    TlsFront silent(server.url()), half(server.url()), cut(server.url());
    silent.set(Fault::silent);
    half.set(Fault::half_hello);
    cut.set(Fault::cut_hello);
    Studio studio(2s);
    const auto a = studio.home.a;
    const auto without = studio.add(a, "rtsps" + plain.url().substr(4), "s3cret");
    const std::vector<std::pair<TlsFront*, CameraId>> fronts{{&silent, studio.add(a, silent.url())}, {&half, studio.add(a, half.url())},
                                                             {&cut, studio.add(a, cut.url())}};
    for (const auto& [front, camera] : fronts) {
        ASSERT_TRUE(studio.wait(60s, [&] { return front->clients() >= 2 && studio.status(camera).state == CameraState::retrying; }));
        const auto problem = studio.status(camera).problem;
        EXPECT_TRUE(problem.ends_with("no answer in time") || problem.find("TLS") != std::string::npos) << problem;
        EXPECT_TRUE(studio.list(a, camera).empty());
    }
    ASSERT_TRUE(studio.wait(60s, [&] { return plain.clients() >= 2; }));
    EXPECT_TRUE(studio.status(without).problem.ends_with("no answer in time")) << studio.status(without).problem;
    EXPECT_EQ(plain.heard(), "");
    for (const auto& [front, camera] : fronts) {
        front->set(Fault::none);
        EXPECT_TRUE(studio.wait(60s, [&] { return !studio.list(a, camera).empty(); })) << studio.status(camera).problem;
    }
}

}  // namespace
}  // namespace tenon::nvr
