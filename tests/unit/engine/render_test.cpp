#include "engine_fixture.hpp"

#include <array>
#include <csignal>
#include <fstream>
#include <thread>

#include <media/files.hpp>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace tenon;
using namespace std::chrono_literals;

class RenderTest : public tests::EngineTest {
protected:
    Timeline reel(Duration length) const {
        Timeline cut;
        cut.append({.asset = clip.id, .start = 1s, .end = 1s + length});
        return cut;
    }
    std::size_t exports() { return files_in(mine.workspace() / "exports"); }
    static std::size_t files_in(const std::filesystem::path& root) {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) count += entry.is_regular_file();
        return count;
    }
    Session mine = session(acme);
    Project project = mine.projects().create({.name = "reel"});
    Asset clip = mine.assets().import_file({.project = project.id, .path = tests::clip_with_sound});
    std::int64_t before = used(mine, Resource::storage);
};

TEST_F(RenderTest, a_reel_is_charged_and_listed) {
    auto job = mine.renders().start({.project = project.id, .timeline = reel(1s), .outputs = {"mp4", "social_square"}, .name = "spring"});
    const RenderResult result = job.result();
    ASSERT_EQ(result.outputs.size(), 2u);
    EXPECT_EQ(result.render_time, 2s);
    std::int64_t bytes = 0;
    for (const auto& file : result.outputs) {
        EXPECT_EQ(file.frames, 25);
        EXPECT_EQ(static_cast<std::int64_t>(std::filesystem::file_size(file.path)), file.size.count);
        bytes += file.size.count;
    }
    EXPECT_EQ(result.outputs[0].path.filename().string().substr(0, 7), "spring-");
    EXPECT_NE(result.outputs[1].path.filename().string().find(".social_square.mp4"), std::string::npos);
    EXPECT_EQ(used(mine, Resource::storage), before + bytes);
    EXPECT_EQ(used(mine, Resource::render_time), 2'000);
    EXPECT_EQ(reserved(mine, Resource::render_time), 0);
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
    EXPECT_EQ(mine.exports().list({.job = job.id()}).size(), 2u);
    EXPECT_EQ(job.progress().percent, 100);
    ASSERT_TRUE(mine.renders().find(job.id()));
    EXPECT_EQ(mine.renders().list().size(), 1u);

    auto theirs = session(other);
    EXPECT_FALSE(theirs.renders().find(job.id()));
    EXPECT_TRUE(theirs.renders().list().empty());
    EXPECT_FALSE(theirs.exports().find(result.outputs[0].path.filename().string()));
}

TEST_F(RenderTest, what_cannot_be_rendered_is_refused_at_once) {
    auto renders = mine.renders();
    EXPECT_THROW(renders.start({.project = project.id, .timeline = {}, .outputs = {"mp4"}}), InvalidArgument);
    EXPECT_THROW(renders.start({.project = project.id, .timeline = reel(1h), .outputs = {"mp4"}}), InvalidArgument);
    EXPECT_THROW(renders.start({.project = project.id, .timeline = reel(1s), .outputs = {"betamax"}}), NotFound);
    EXPECT_THROW(renders.start({.project = project.id, .timeline = reel(1s), .outputs = {"mp4"}, .name = "../x"}), InvalidArgument);
    for (const auto& name : {std::string(4096, 'x'), std::string("a\0b", 3), std::string()})
        EXPECT_THROW(renders.start({.project = project.id, .timeline = reel(1s), .outputs = {"mp4"}, .name = name}), InvalidArgument);

    // Another tenant's project and asset do not exist here.
    auto theirs = session(other);
    const auto elsewhere = theirs.projects().create({.name = "elsewhere"});
    EXPECT_THROW(theirs.renders().start({.project = project.id, .timeline = reel(1s), .outputs = {"mp4"}}), NotFound);
    EXPECT_THROW(theirs.renders().start({.project = elsewhere.id, .timeline = reel(1s), .outputs = {"mp4"}}), NotFound);
    EXPECT_EQ(reserved(mine, Resource::render_time), 0);
    EXPECT_TRUE(mine.jobs().list().empty());
}

TEST_F(RenderTest, render_time_beyond_the_plan_is_refused) {
    // All but one second of the month's hours.
    const auto quota = mine.quotas().get(Resource::render_time);
    auto hold = mine.quotas().reserve({.asks = {{Resource::render_time, *quota.limit - 1'000}}});
    try {
        mine.renders().start({.project = project.id, .timeline = reel(2s), .outputs = {"mp4"}});
        FAIL() << "nothing was thrown";
    } catch (const QuotaExceeded& error) {
        EXPECT_EQ(error.resource(), "render_time");
        EXPECT_EQ(error.limit(), quota.limit);
        EXPECT_TRUE(error.resets_at());
    }
    EXPECT_TRUE(mine.jobs().list().empty());
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
    hold.release();
}

TEST_F(RenderTest, a_cancelled_render_returns_what_it_held) {
    auto job = mine.renders().start({.project = project.id, .timeline = reel(9s), .outputs = {"mp4"}});
    job.cancel();
    EXPECT_THROW(job.join(), Cancelled);
    EXPECT_EQ(job.state(), JobState::cancelled);
    EXPECT_EQ(reserved(mine, Resource::render_time), 0);
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
    EXPECT_EQ(used(mine, Resource::render_time), 0);
    EXPECT_EQ(used(mine, Resource::storage), before);
    EXPECT_EQ(exports(), 0u);
}

TEST_F(RenderTest, a_full_disk_fails_the_job_by_name_and_returns_what_it_held) {
    {
        std::filesystem::create_directories(mine.workspace() / "temp");
        const test::SmallDisk disk(mine.workspace() / "temp", "size=16k");
        if (!disk) GTEST_SKIP() << "may not mount a small file system";
        auto job = mine.renders().start({.project = project.id, .timeline = reel(200ms), .outputs = {"mp4"}});
        EXPECT_THROW((void)job.result(), NoSpace);
        EXPECT_EQ(job.info().error, Errc::no_space);
        EXPECT_EQ(exports(), 0u);
        EXPECT_EQ(reserved(mine, Resource::render_time), 0);
        EXPECT_EQ(reserved(mine, Resource::storage), 0);
        EXPECT_EQ(used(mine, Resource::storage), before);
    }
    EXPECT_EQ(mine.renders().start({.project = project.id, .timeline = reel(200ms), .outputs = {"mp4"}}).result().outputs.size(), 1u);
}

TEST_F(RenderTest, stills_and_luts_are_assets) {
    const auto file = [&](const char* name, const std::string& text) {
        std::ofstream(folder.path() / name, std::ios::binary) << text;
        return mine.assets().import_file({.project = project.id, .path = folder.path() / name});
    };
    const Asset warm = file("warm.CUBE", "LUT_1D_SIZE 2\n0 0 0\n1 0.9 0.8\n");
    EXPECT_EQ(warm.container, "cube");
    try {
        file("broken.cube", "LUT_1D_SIZE 2\n0 0\n");
        ADD_FAILURE() << "nothing was thrown";
    } catch (const Corrupt& error) {
        EXPECT_EQ(error.subject(), "line 2");
    }
    const Asset logo = mine.assets().import_file({.project = project.id, .path = clip.thumbnail, .name = "logo"});
    Timeline cut = reel(200ms);
    cut.title({.text = "Acme\nReel", .duration = 200ms, .look = "lower_third"});
    cut.image({.asset = logo.id, .x = 1, .y = 0, .width = 0.2});
    cut.lut(warm.id);
    const auto result = mine.renders().start({.project = project.id, .timeline = cut, .outputs = {"mp4"}}).result();
    EXPECT_TRUE(result.outputs.at(0).quality.measured);
    EXPECT_GT(result.outputs.at(0).quality.ssim, 0.8);

    const auto refused = [&](const Timeline& timeline) {
        try {
            mine.renders().start({.project = project.id, .timeline = timeline, .outputs = {"mp4"}});
        } catch (const Error& error) {
            return error.subject();
        }
        return std::string("nothing was thrown");
    };
    Timeline wrong = reel(200ms);
    wrong.lut(logo.id);
    EXPECT_EQ(refused(wrong), logo.id.text());
    wrong = reel(200ms);
    wrong.image({.asset = warm.id});
    EXPECT_EQ(refused(wrong), warm.id.text());
    wrong = reel(200ms);
    wrong.title({.text = "x", .duration = 1s, .font = "No Such Typeface"});
    EXPECT_EQ(refused(wrong), "No Such Typeface");
}

TEST_F(RenderTest, a_vanished_source_fails_the_job_by_name) {
    std::filesystem::remove(clip.path);
    EXPECT_THROW(mine.renders().start({.project = project.id, .timeline = reel(1s), .outputs = {"mp4"}}), NotFound);
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
}

TEST_F(RenderTest, a_source_that_changed_since_its_import_is_named) {
    const auto bytes = [&] {
        std::ifstream in(clip.path, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(in), {});
    }();
    const auto write = [&](const std::string& content) { std::ofstream(clip.path, std::ios::binary) << content; };
    const auto start = [&] { return mine.renders().start({.project = project.id, .timeline = reel(200ms), .outputs = {"mp4"}}); };
    const auto refused = [&](auto&& action) {
        try {
            action();
            ADD_FAILURE() << "nothing was thrown";
        } catch (const Conflict& error) {
            EXPECT_EQ(error.subject(), clip.id.text());
        }
    };
    write(bytes + "x");
    refused(start);
    auto other_content = bytes;
    other_content[bytes.size() - 3] = static_cast<char>(other_content[bytes.size() - 3] ^ 1);
    write(other_content);
    refused([&] { (void)start().result(); });
    EXPECT_EQ(exports(), 0u);
    write(bytes);  // as it was, though another time stands at it: it is read, and believed
    EXPECT_EQ(start().result().outputs.at(0).frames, 5);
}

TEST_F(RenderTest, a_closed_engine_goes_on_with_its_renders) {
    const auto id = mine.renders().start({.project = project.id, .timeline = reel(3s), .outputs = {"mp4"}}).id();
    engine->close();
    open();
    mine = session(acme);
    auto job = mine.renders().find(id);
    ASSERT_TRUE(job);
    EXPECT_EQ(job->result().outputs.at(0).frames, 75);
    EXPECT_EQ(used(mine, Resource::render_time), 3'000);
}

/// What a process does that is killed in the middle of its render: reports both ids, and never returns.
[[noreturn]] void render_and_die(const std::filesystem::path& home, int report) {
    Engine engine(tests::placed({.home = home}));
    auto setup = engine.open_operator({.actor = "setup", .reason = "test"});
    const auto tenant = setup.tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/basic"});
    auto session = engine.open_session({.tenant = tenant.id, .actor = "tester", .role = Role::owner});
    const auto project = session.projects().create({.name = "reel"});
    const auto clip = session.assets().import_file({.project = project.id, .path = tests::clip_with_sound});
    Timeline cut;
    cut.append({.asset = clip.id, .start = 1s, .end = 10s});   // two pieces: 6 s and 3 s
    auto job = session.renders().start({.project = project.id, .timeline = cut, .outputs = {"mp4"}});
    const std::string ids = tenant.id.text() + job.id().text();
    if (write(report, ids.data(), ids.size()) != static_cast<ssize_t>(ids.size())) _exit(1);
    while (!job.join_for(10ms))
        if (job.progress().percent > 70) kill(getpid(), SIGKILL);
    _exit(2);   // it was over before it could be killed
}

TEST(RenderCrash, a_killed_render_goes_on_and_is_charged_once) {
    tests::TempFolder folder;
    std::array<int, 2> report{};
    ASSERT_EQ(pipe(report.data()), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) render_and_die(folder.path() / "home", report[1]);
    close(report[1]);
    std::string ids;
    for (std::array<char, 64> part{}; const auto n = read(report[0], part.data(), part.size());) {
        ASSERT_GT(n, 0);
        ids.append(part.data(), static_cast<std::size_t>(n));
    }
    close(report[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);

    const auto middle = ids.find("job_");
    const auto tenant = TenantId::parse(ids.substr(0, middle));
    Engine engine(tests::placed({.home = folder.path() / "home"}));
    auto session = engine.open_session({.tenant = tenant, .actor = "tester", .role = Role::owner});
    auto job = session.renders().find(JobId::parse(ids.substr(middle)));
    ASSERT_TRUE(job);
    const RenderResult result = job->result();
    ASSERT_EQ(result.outputs.size(), 1u);
    EXPECT_EQ(result.outputs[0].frames, 225);
    EXPECT_GE(job->info().attempt, 2);
    EXPECT_EQ(session.exports().list().size(), 1u);
    const auto time = session.quotas().get(Resource::render_time), storage = session.quotas().get(Resource::storage);
    EXPECT_EQ(time.used, 9'000);
    EXPECT_EQ(time.reserved, 0);
    EXPECT_EQ(storage.reserved, 0);
    EXPECT_GE(storage.used, result.outputs[0].size.count);
    EXPECT_GE(session.audit().verify().records, 4) << "throws if the chain is broken";
    const auto temp = session.workspace() / "temp" / job->id().text();
    for (int i = 0; i < 500 && std::filesystem::exists(temp); ++i) std::this_thread::sleep_for(10ms);
    EXPECT_FALSE(std::filesystem::exists(temp));
}

}  // namespace
