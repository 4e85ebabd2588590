#include <algorithm>
#include <fstream>
#include <random>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <child_process.hpp>
#include <media/input.hpp>
#include <nvr/segment_file.hpp>

#include "recorder_fixture.hpp"

namespace tenon::nvr {
namespace {

using namespace std::chrono_literals;
using tenon::test::CameraServer;
using test::expect_whole;
using test::Studio;
using tests::ChildProcess;

const auto kMaster = [] { return crypto::MasterKey::from_bytes(base::ByteVector(32, 7)); };

RecorderOptions child_options(const std::filesystem::path& home, const TenantId& tenant) {
    RecorderOptions options;
    options.clock = base::system_clock();
    options.log = base::Log::none();
    options.networks = {"127.0.0.0/8"};
    options.scope = [](const TenantId& id) { return std::optional(db::testing::ScopeMaker::tenant(id)); };
    options.folder = [home, tenant](const TenantId&) { return home / tenant.text() / "recordings"; };
    return options;
}

/// Records until it is killed.
TEST(Kill, DISABLED_record) {
    const std::filesystem::path home = ChildProcess::setting("NVR_HOME");
    const auto tenant = TenantId::parse(ChildProcess::setting("NVR_TENANT"));
    auto tables = tenant::migrations();
    for (const auto& more : migrations()) tables.push_back(more);
    const auto database = db::Database::open({.file = home / "metadata.db", .clock = {}}, tables);
    tenant::EventHub events(*database, base::system_clock());
    const auto master = kMaster();
    Recorder recorder(child_options(home, tenant), *database, db::testing::ScopeMaker::system(), events, master);
    recorder.start();
    ChildProcess::report("r", 1);
    for (;;) ::pause();
}

class Kill : public ::testing::TestWithParam<int> {};

/// Whatever moment the process dies at: every file opens, the index says what the files say, nothing overlaps, and what
/// is lost of the footage is the fragment that was being made.
TEST_P(Kill, LosesAtMostTheFragmentInTheMaking) {
    CameraServer server;
    Studio studio;
    studio.stop();
    const auto a = studio.home.a;
    const auto now = base::system_clock()->now();
    rows::CameraRow row{.id = base::new_id<CameraId>(now),
                        .name = "Door",
                        .url = server.url(),
                        .recording = Recording::continuous,
                        .created_at = now};
    studio.home.write(a, [&](db::Tx& tx) {
        row.site = rows::open_site(tx, base::new_id<SiteId>(now), studio.master, now).id;
        rows::insert(tx, row);
    });
    const auto folder = studio.folder(a, row.id);
    const auto key_pair = studio.home.read(a, [&](db::Reader& r) { return rows::signing_key(*rows::find_site(r, row.site), studio.master); });
    std::mt19937 random(static_cast<unsigned>(GetParam()));
    std::vector<Duration> losses;
    for (int round = 0; round < 5; ++round) {
        const auto before = studio.covered(a, row.id);
        Time killed;
        Duration on_disk{};
        {
            ChildProcess child("Kill.DISABLED_record", {{"NVR_HOME", studio.home.folder.path().string()}, {"NVR_TENANT", a.text()}});
            ASSERT_EQ(child.read(1), "r");
            ASSERT_TRUE(studio.wait(60s, [&] { return studio.covered(a, row.id) > before; }));
            std::this_thread::sleep_for(std::chrono::milliseconds(random() % 1'500));  // the moment is what the test is about
            on_disk = studio.covered(a, row.id);
            killed = base::system_clock()->now();
            child.kill();
        }
        const Origin origin{a, row.site, row.id};
        const auto tail = recover_camera(folder, origin, &key_pair, *studio.log);
        ASSERT_TRUE(tail.end);
        const auto lost = killed - *tail.end;
        losses.push_back(lost);
        EXPECT_GE(studio.covered(a, row.id), on_disk) << "what was on the disk stays";
        EXPECT_GE(lost, -100ms);
        expect_whole(studio, a, row.id);
    }
    // The fragment of at most a second, a frame until its end is known, and what was on its way. One kill may meet a moment in
    // which a busy machine had not got to what the camera sent; most of them do not.
    std::ranges::sort(losses);
    EXPECT_LE(losses[losses.size() / 2], 1500ms);
    std::printf("loss: %lld ms, at worst %lld ms\n", static_cast<long long>(losses[losses.size() / 2].count() / 1000),
                static_cast<long long>(losses.back().count() / 1000));

    // The store is settled by the next process that records: what is on disk is charged, what was held is returned.
    studio.start();
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.list(a, row.id).size() == 6; }));
    studio.stop();
    std::uintmax_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
        if (entry.path().extension() == ".mp4") bytes += entry.file_size();
    EXPECT_EQ(static_cast<std::uintmax_t>(studio.storage(a).used), bytes);
    EXPECT_EQ(studio.storage(a).reserved, 0);
    const auto list = studio.list(a, row.id);
    for (std::size_t i = 1; i < list.size(); ++i) EXPECT_EQ(list[i].gap_before, "process_down");
}

INSTANTIATE_TEST_SUITE_P(TwentyTimes, Kill, ::testing::Values(1, 2, 3, 4));

TEST(Fault, AFullDiskPausesAndEverythingStaysWhole) {
    Studio studio;
    const auto a = studio.home.a;
    const auto folder = studio.folder(a);
    std::filesystem::create_directories(folder);
    if (::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=6m") != 0) GTEST_SKIP() << "only root can make a small disk";
    const std::unique_ptr<const char, void (*)(const char*)> mounted(folder.c_str(), [](const char* path) { ::umount2(path, MNT_DETACH); });
    const auto filler = folder / "filler";
    std::ofstream(filler) << std::string(4 << 20, 'x');
    CameraServer server;
    auto events = studio.events->subscribe(studio.home.scope(a), {.kinds = {"camera.paused", "camera.resumed"}});
    const auto camera = studio.add(a, server.url());
    const auto paused = events->next(60s);
    ASSERT_TRUE(paused);
    EXPECT_EQ(paused->kind, "camera.paused");
    EXPECT_NE(paused->data.find("disk_full"), std::string::npos);
    std::filesystem::remove(filler);
    const auto resumed = events->next(60s);
    ASSERT_TRUE(resumed);
    EXPECT_EQ(resumed->kind, "camera.resumed");
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.list(a, camera).size() >= 2; }));
    studio.stop();
    EXPECT_EQ(studio.list(a, camera).back().gap_before, "disk_full");
    expect_whole(studio, a, camera);
}

TEST(Fault, AWrongPasswordIsRefusedAndNotTriedAgainAtOnce) {
    CameraServer server({TENON_FOOTAGE "/camera.mp4", "--user", "user", "--password", "right"});
    Studio studio;
    const auto a = studio.home.a;
    const auto wrong = studio.add(a, server.url(), "wrong-secret");
    const auto right = studio.add(a, server.url(), "right");
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.status(wrong).state == CameraState::retrying; }));
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.covered(a, right) >= 1s; }));
    const auto problem = studio.status(wrong).problem;
    EXPECT_FALSE(problem.empty());
    EXPECT_EQ(problem.find("wrong-secret"), std::string::npos);
    const auto row = studio.home.read(a, [&](db::Reader& reader) { return *rows::find(reader, wrong); });
    EXPECT_EQ(row.url.find("wrong"), std::string::npos);
    EXPECT_EQ(std::string(row.password.begin(), row.password.end()).find("wrong"), std::string::npos);
    auto events = studio.events->subscribe(studio.home.scope(a), {.kinds = {"camera.offline"}, .after = 0});
    const auto event = events->next(60s);
    ASSERT_TRUE(event);
    EXPECT_NE(event->data.find("refused"), std::string::npos);
    EXPECT_EQ(event->data.find("wrong-secret"), std::string::npos);
}

TEST(Fault, GarbageIsNoCameraAndHarmsNobody) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t size = sizeof address;
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    ASSERT_EQ(::listen(listener, 4), 0);
    std::thread noise([listener] {
        std::mt19937 random(5);
        for (;;) {
            const int peer = ::accept(listener, nullptr, nullptr);
            if (peer < 0) return;
            std::string bytes(1 << 20, '\0');
            for (auto& b : bytes) b = static_cast<char>(random());
            (void)::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            ::close(peer);
        }
    });
    {
        Studio studio;
        const auto camera = studio.add(studio.home.a, "rtsp://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/x");
        EXPECT_TRUE(studio.wait(60s, [&] { return studio.status(camera).state == CameraState::retrying; }));
        EXPECT_FALSE(studio.status(camera).problem.empty());
        EXPECT_TRUE(studio.list(studio.home.a, camera).empty());
    }
    ::shutdown(listener, SHUT_RDWR);
    noise.join();
    ::close(listener);
}

}  // namespace
}  // namespace tenon::nvr
