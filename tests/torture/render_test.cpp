// A render of several outputs: resumed, it gives the bytes it would have given.

#include <fstream>
#include <iterator>
#include <sstream>

#include "torture.hpp"

namespace tenon::torture {
namespace {

using namespace std::chrono_literals;

std::string content(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream stream(text);
    return {std::istream_iterator<std::string>(stream), {}};
}

TEST(Victim, DISABLED_render) {
    Victim::play([](Victim& victim) {
        auto job = victim.acme().renders().start({.project = ProjectId::parse(Victim::setting("TORTURE_PROJECT")),
                                                  .timeline = Timeline::from_json(Victim::setting("TORTURE_TIMELINE")),
                                                  .outputs = words_of(Victim::setting("TORTURE_OUTPUTS"))});
        tell("started", {job.id().text()});
        job.result();
        tell("rendered", {job.id().text()});
    });
}

TEST_F(Torture, renders) {
    const auto project = acme().projects().create({.name = "reel"});
    settings["TORTURE_PROJECT"] = project.id.text();
    const auto street = acme().assets().import_file({.project = project.id, .path = footage / "vtest.avi"});
    const auto talk = acme().assets().import_file({.project = project.id, .path = clip});
    // At ten frames a second. Long tortures have time for more than one of the chunks that a resumed render takes over.
    Timeline cut;
    cut.append({.asset = street.id, .start = 1s, .end = kills > 20 ? Duration(9s) : Duration(1600ms)});
    cut.append({.asset = talk.id, .start = 5s, .end = 5600ms, .transition = crossfade(200ms)});
    cut.title({.text = "Torture", .duration = 1s});
    settings["TORTURE_TIMELINE"] = cut.to_json();
    settings["TORTURE_OUTPUTS"] = kills > 20 ? "mp4 social_square mov" : "mp4 social_square";
    const auto outputs = words_of(settings["TORTURE_OUTPUTS"]).size();
    std::vector<std::string> reference;
    std::int64_t render_time = 0;
    int resumed = 0;
    for (int n = 0; n <= kills && !HasFailure(); ++n) {
        const auto told = round("render");
        auto mine = acme();
        expect_jobs_succeed(mine);
        if (!told.empty()) {
            ASSERT_TRUE(mine.renders().find(JobId::parse(told[0].at(1)))) << "was acknowledged";
        }
        const auto exports = mine.exports().list();
        // A start that was not acknowledged may have become durable all the same.
        if (exports.empty()) {
            EXPECT_TRUE(told.empty());
        } else {
            auto job = mine.renders().find(exports.front().job);
            ASSERT_TRUE(job);
            const auto result = job->result();
            ASSERT_EQ(result.outputs.size(), outputs);
            if (n == 0)
                for (const auto& output : result.outputs) reference.push_back(content(output.path));
            for (std::size_t i = 0; i < outputs; ++i)
                EXPECT_TRUE(content(result.outputs[i].path) == reference.at(i))
                    << result.outputs[i].path << " is not what an undisturbed render gives";
            render_time += result.render_time.count() / 1000;
            resumed += job->info().attempt > 1;
        }
        EXPECT_EQ(mine.quotas().get(Resource::render_time).used, render_time) << "charged once, whatever happened";
        expect_sound();
        for (const auto& file : exports) mine.exports().remove(file.name);
    }
    std::cout << resumed << " renders were resumed" << std::endl;
}

}  // namespace
}  // namespace tenon::torture
