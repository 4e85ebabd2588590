// What a host is promised of a library in its process: it closes in any order, leaves nothing behind, changes nothing of
// the host's and dials nobody.

#include <algorithm>
#include <atomic>
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <locale>
#include <map>
#include <optional>
#include <thread>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "main_job.hpp"

extern char** environ;

namespace tenon::journeys {
namespace {

class Embedding : public ::testing::Test {
protected:
    EngineOptions home(const std::string& name) const { return {.home = folder / name}; }
    void open_and_close(bool work);
    tests::TempFolder folder;
};

TEST_F(Embedding, two_engines_in_one_process_share_nothing_and_close_in_any_order) {
    for (const bool first_closes_first : {true, false}) {
        const std::string round = first_closes_first ? "a" : "b";
        std::optional<Engine> one(home("one" + round)), two(home("two" + round));
        auto mine = new_tenant(*one, "acme"), theirs = new_tenant(*two, "acme");
        const auto project = mine.projects().create({.name = "reel"}).id;
        EXPECT_TRUE(theirs.projects().list().empty());
        EXPECT_THROW(theirs.projects().get(project), NotFound);
        EXPECT_THROW(one->open_session({.tenant = theirs.tenant(), .actor = "tester"}), NotFound);
        auto& left = first_closes_first ? mine : theirs;
        auto& right = first_closes_first ? theirs : mine;
        (first_closes_first ? one : two).reset();
        EXPECT_THROW(left.projects().list(), Closed);
        do_the_main_job(right);
        (first_closes_first ? two : one).reset();
        EXPECT_THROW(right.projects().list(), Closed);
    }
}

TEST_F(Embedding, every_handle_outlives_its_engine_and_then_says_closed) {
    std::optional<Engine> engine(home("home"));
    auto session = new_tenant(*engine, "acme");
    auto operators = engine->open_operator({.actor = "operator", .reason = "test"});
    auto tenants = operators.tenants();
    auto plans = operators.plans();
    auto projects = session.projects();
    const auto project = projects.create({.name = "reel"}).id;
    auto assets = session.assets();
    const auto asset = assets.import_file({.project = project, .path = clip}).id;
    auto renders = session.renders();
    Timeline cut;
    cut.append({.asset = asset, .start = 0s, .end = 200ms});
    auto render = renders.start({.project = project, .timeline = cut, .outputs = {"mp4"}});
    auto cameras = session.cameras();
    auto camera = cameras.create({.name = "Door", .url = "rtsp://10.0.0.7/stream", .recording = Recording::off});
    auto backups = session.backups();
    auto backup = backups.start({.name = "nightly"});
    auto keys = backups.keys();
    auto quotas = session.quotas();
    auto hold = quotas.reserve({.asks = {{Resource::storage, 1000}}});
    auto usage = session.usage();
    auto audit = session.audit();
    auto exports = session.exports();
    auto pictures = session.pictures();
    auto jobs = session.jobs();
    auto events = session.subscribe();
    Engine moved = *std::move(engine);
    engine.reset();  // what was moved from has nothing to close
    EXPECT_NO_THROW(projects.list());
    moved.close();
    moved.close();
    EXPECT_TRUE(moved.is_closed());
    const std::map<std::string, std::function<void()>> calls = {
        {"open_session", [&] { moved.open_session({.tenant = session.tenant(), .actor = "tester"}); }},
        {"open_operator", [&] { moved.open_operator({.actor = "operator", .reason = "test"}); }},
        {"subscribe", [&] { session.subscribe(); }},
        {"tenants", [&] { tenants.list(); }},
        {"plans", [&] { plans.list(); }},
        {"projects", [&] { projects.list(); }},
        {"projects.create", [&] { projects.create({.name = "x"}); }},
        {"assets", [&] { assets.list(); }},
        {"assets.import_file", [&] { assets.import_file({.project = project, .path = clip}); }},
        {"renders.start", [&] { renders.start({.project = project, .timeline = cut, .outputs = {"mp4"}}); }},
        {"render.state", [&] { (void)render.state(); }},
        {"render.result", [&] { render.result(); }},
        {"render.cancel", [&] { render.cancel(); }},
        {"cameras", [&] { cameras.list(); }},
        {"camera.info", [&] { camera.info(); }},
        {"camera.set_recording", [&] { camera.set_recording(Recording::continuous); }},
        {"backups", [&] { backups.list(); }},
        {"backups.start", [&] { backups.start({.name = "x"}); }},
        {"backup.join", [&] { backup.join(); }},
        {"keys", [&] { keys.list(); }},
        {"quotas", [&] { quotas.snapshot(); }},
        {"hold.extend", [&] { hold.extend({Resource::storage, 1}); }},
        {"hold.release", [&] { hold.release(); }},
        {"usage", [&] { usage.current(); }},
        {"audit", [&] { audit.list(); }},
        {"exports", [&] { exports.list(); }},
        {"pictures", [&] { pictures.contact_sheet({.asset = asset, .target = folder / "sheet.png"}); }},
        {"jobs", [&] { jobs.list(); }},
        {"events", [&] { (void)events.next(0s); }},
    };
    for (const auto& [name, call] : calls) EXPECT_THROW(call(), Closed) << name;
    events.close();
    session.close();
    operators.close();
}

/// What this process holds.
struct Held {
    std::size_t descriptors = 0, threads = 0;
    std::int64_t memory = 0;

    static Held now() {
        const auto count = [](const char* folder) {
            return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
        };
        std::int64_t pages = 0, resident = 0;
        std::ifstream("/proc/self/statm") >> pages >> resident;
        return {count("/proc/self/fd"), count("/proc/self/task"), resident * sysconf(_SC_PAGESIZE)};
    }
};

void Embedding::open_and_close(bool work) {
    Engine engine(home("home"));
    if (!work) return;
    auto operators = engine.open_operator({.actor = "operator", .reason = "test"});
    const auto tenant = operators.tenants().find_slug("acme");
    ASSERT_TRUE(tenant);
    EXPECT_EQ(engine.open_session({.tenant = tenant->id, .actor = "tester", .role = Role::owner}).projects().list().size(), 1u);
}

/// TENON_CYCLES says how often; the long form opens 10,000 times.
TEST_F(Embedding, opening_and_closing_again_and_again_grows_nothing) {
    const char* given = std::getenv("TENON_CYCLES");
    const int cycles = given ? std::atoi(given) : 150;
    const int warm_up = std::min(50, cycles / 3);
    {
        Engine first(home("home"));
        new_tenant(first, "acme").projects().create({.name = "reel"});
    }
    Held before{}, after{};
    auto begun = std::chrono::steady_clock::now();
    for (int n = 0; n < cycles; ++n) {
        open_and_close(n % 10 == 0);
        if (n == warm_up) {
            before = Held::now();
            begun = std::chrono::steady_clock::now();
        }
    }
    after = Held::now();
    const auto took = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
    EXPECT_EQ(after.descriptors, before.descriptors);
    EXPECT_EQ(after.threads, before.threads);
    // Arenas of the allocator settle slowly; a leak of a kilobyte a cycle would show in the long form.
    EXPECT_LE(after.memory - before.memory, 8 << 20);
    std::cout << cycles << " cycles, " << took / (cycles - warm_up) << " ms each; memory " << before.memory / 1024 << " -> " << after.memory / 1024
              << " KiB, descriptors " << before.descriptors << " -> " << after.descriptors << std::endl;
}

/// All of the process that a guest must not touch, as text.
std::string furniture() {
    std::string text = std::string(std::setlocale(LC_ALL, nullptr)) + '\n' + std::locale().name() + '\n' + std::filesystem::current_path().string();
    const auto mask = umask(0);
    umask(mask);
    text += "\numask " + std::to_string(mask);
    for (int number = 1; number < NSIG; ++number) {
        struct sigaction action {};
        if (sigaction(number, nullptr, &action) != 0) continue;
        text += "\nsignal " + std::to_string(number) + ' ' + std::to_string(reinterpret_cast<std::uintptr_t>(action.sa_handler)) + ' ' +
                std::to_string(action.sa_flags);
    }
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    for (int number = 1; number < NSIG; ++number) text += sigismember(&blocked, number) == 1 ? '1' : '0';
    for (int kind = 0; kind < RLIM_NLIMITS; ++kind) {
        rlimit limit{};
        getrlimit(static_cast<__rlimit_resource>(kind), &limit);
        text += "\nlimit " + std::to_string(kind) + ' ' + std::to_string(limit.rlim_cur) + ' ' + std::to_string(limit.rlim_max);
    }
    text += "\npriority " + std::to_string(getpriority(PRIO_PROCESS, 0));
    for (char** variable = environ; *variable; ++variable) text += std::string("\n") + *variable;
    return text;
}

std::atomic<int> dialled = 0;

TEST_F(Embedding, a_guest_moves_no_furniture_and_dials_nobody) {
    const auto before = furniture();
    dialled = 0;
    {
        Engine engine(home("home"));
        EXPECT_EQ(furniture(), before) << "opened";
        auto session = new_tenant(engine, "acme");
        do_the_main_job(session);
        EXPECT_EQ(furniture(), before) << "after the main job";
    }
    EXPECT_EQ(furniture(), before) << "closed";
    EXPECT_EQ(dialled, 0) << "a connection was tried, or a name looked up";
}

TEST_F(Embedding, the_watch_on_dialling_sees_a_camera_that_is_configured) {
    auto options = home("home");
    options.camera_networks = {"127.0.0.0/8"};
    Engine engine(options);
    auto session = new_tenant(engine, "acme");
    dialled = 0;
    session.cameras().create({.name = "Door", .url = "rtsp://127.0.0.1:9/stream", .recording = Recording::continuous});
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (dialled == 0 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(10ms);
    EXPECT_GT(dialled, 0);
}

}  // namespace
}  // namespace tenon::journeys

// The program's own definitions come before the C library's: there is no way out of this process.
extern "C" {
__attribute__((visibility("default"))) int connect(int fd, const sockaddr* address, socklen_t size) {
    static const auto real = reinterpret_cast<int (*)(int, const sockaddr*, socklen_t)>(dlsym(RTLD_NEXT, "connect"));
    if (address->sa_family != AF_INET && address->sa_family != AF_INET6) return real(fd, address, size);
    ++tenon::journeys::dialled;
    errno = ENETUNREACH;
    return -1;
}
__attribute__((visibility("default"))) int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** found) {
    static const auto real = reinterpret_cast<int (*)(const char*, const char*, const addrinfo*, addrinfo**)>(dlsym(RTLD_NEXT, "getaddrinfo"));
    in6_addr address;
    if (!node || inet_pton(AF_INET, node, &address) == 1 || inet_pton(AF_INET6, node, &address) == 1)
        return real(node, service, hints, found);  // reads an address, asks nobody
    ++tenon::journeys::dialled;
    return EAI_FAIL;
}
}
