// Under another name: nothing that a host's users can come to see says whose library it is.

#include <algorithm>
#include <cctype>
#include <functional>

#include "main_job.hpp"

namespace tenon::journeys {
namespace {

/// Whether the text has the library's own name in it, in whatever case.
bool names_the_library(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text.find("tenon") != std::string::npos;
}

std::string content(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

class Branded : public ::testing::Test {
protected:
    EngineOptions options() const {
        return {.home = folder / "home",
                .brand = {.product = "Acme Cloud", .vendor = "Acme", .url = "https://acme.example"},
                .log_level = LogLevel::debug};
    }
    void expect_no_trace() const {
        std::size_t files = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "home")) {
            EXPECT_FALSE(names_the_library(entry.path().filename().string())) << entry.path();
            if (!entry.is_regular_file()) continue;
            EXPECT_FALSE(names_the_library(content(entry.path()))) << entry.path();
            ++files;
        }
        EXPECT_GT(files, 15u);
    }
    tests::TempFolder folder;
};

TEST_F(Branded, no_file_of_a_home_and_nothing_in_one_says_more_than_the_brand) {
    {
        Engine engine(options());
        auto session = new_tenant(engine, "acme");
        do_the_main_job(session);
        engine.open_operator({.actor = "operator", .reason = "test"}).tenants().suspend(session.tenant(), "unpaid");
        for (const auto& record : session.audit().list()) {
            EXPECT_FALSE(names_the_library(record.action + record.actor + record.target + record.details)) << record.action;
        }
        expect_no_trace();  // with the write-ahead log still there
    }
    expect_no_trace();
}

TEST_F(Branded, no_error_says_more_than_the_brand) {
    Engine engine(options());
    auto session = new_tenant(engine, "acme");
    const auto project = session.projects().create({.name = "reel"}).id;
    const auto text = folder / "text.mp4";
    std::ofstream(text) << "no film";
    auto tenants = engine.open_operator({.actor = "operator", .reason = "test"}).tenants();
    const std::vector<std::function<void()>> calls = {
        [&] { Engine({}); },
        [&] { Engine({.home = text}); },
        [&] { Engine({.home = folder / "home", .master_passphrase = "another"}); },
        [&] { Engine({.home = folder / "second", .plan_catalogues = {text}}); },
        [&] { Engine({.home = folder / "second", .camera_networks = {"nonsense"}}); },
        [&] { Engine({.home = "/proc/none"}); },
        [&] { tenants.create({.name = "Acme", .slug = "acme", .plan = "studio/professional"}); },
        [&] { tenants.create({.name = "Acme", .slug = "b", .plan = "nothing"}); },
        [&] { tenants.get({}); },
        [&] { engine.open_session({.tenant = {}, .actor = "tester"}); },
        [&] { session.projects().create({.name = ""}); },
        [&] { session.projects().get({}); },
        [&] { session.assets().import_file({.project = project, .path = text}); },
        [&] { session.assets().import_file({.project = project, .path = folder / "nowhere"}); },
        [&] { session.assets().import_file({.project = project, .path = folder / "home/keys/master.key"}); },
        [&] { session.renders().start({.project = project, .timeline = {}, .outputs = {"mp4"}}); },
        [&] { (void)Timeline::from_json("{"); },
        [&] { session.cameras().create({.name = "Door", .url = "http://x"}); },
        [&] { session.cameras().create({.name = "Door", .url = "rtsp://8.8.8.8/x"}); },
        [&] { session.backups().get({}); },
        [&] { session.backups().keys().unlock("wrong"); },
        [&] { session.quotas().reserve({.asks = {{Resource::storage, std::int64_t{1} << 52}}}); },
        [&] { (void)ProjectId::parse("nonsense"); },
        [&] { engine.open_session({.tenant = session.tenant(), .actor = "viewer", .role = Role::viewer}).projects().create({.name = "no"}); },
        [&] { engine.close(); session.projects().list(); },
    };
    std::size_t n = 0;
    for (const auto& call : calls) {
        try {
            call();
            ADD_FAILURE() << "call " << n << " was not refused";
        } catch (const Error& error) {
            EXPECT_FALSE(names_the_library(error.what())) << error.what();
            EXPECT_FALSE(names_the_library(error.subject())) << error.subject();
        }
        ++n;
    }
}

}  // namespace
}  // namespace tenon::journeys
