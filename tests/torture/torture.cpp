#include "torture.hpp"

#include <cstdlib>
#include <iostream>
#include <set>
#include <sstream>
#include <thread>

#include <file_tree.hpp>

namespace tenon::torture {
namespace {

using namespace std::chrono_literals;
using Monotonic = std::chrono::steady_clock;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::vector<Told> parse(const std::string& text) {
    std::vector<Told> all;
    std::istringstream lines(text);
    // A line that the kill cut off was not told: without its end getline meets the end of the text.
    for (std::string line; std::getline(lines, line) && !lines.eof();) {
        std::istringstream words(line);
        all.push_back({std::istream_iterator<std::string>(words), {}});
    }
    return all;
}

Duration since(Monotonic::time_point begin) { return std::chrono::duration_cast<Duration>(Monotonic::now() - begin); }

}  // namespace

Torture::Torture() {
    const auto seed = number_from("TENON_SEED", std::random_device{}());
    kills = static_cast<int>(number_from("TENON_KILLS", 3));
    random.seed(seed);
    std::cout << "TENON_SEED=" << seed << " TENON_KILLS=" << kills << std::endl;
    open();
    auto tenants = engine->open_operator({.actor = "setup", .reason = "torture"}).tenants();
    acme_ = tenants.create({.name = "Acme", .slug = "acme", .plan = "studio/premium"});
    other_ = tenants.create({.name = "Other", .slug = "other", .plan = "studio/premium"});
    settings = {{"TORTURE_HOME", home().string()}, {"TORTURE_ACME", acme_.id.text()}, {"TORTURE_OTHER", other_.id.text()}};
    furnish_other();
}

void Torture::furnish_other() {
    auto theirs = other();
    const auto project = theirs.projects().create({.name = "Untouched"});
    const auto asset = theirs.assets().import_file({.project = project.id, .path = small_clip});
    theirs.backups().start({.name = "untouched"}).join();
    other_before_ = untouched();
}

// All that the second tenant has, as text.
std::string Torture::untouched() {
    auto theirs = other();
    std::ostringstream text;
    for (const auto& quota : theirs.quotas().snapshot())
        text << to_string(quota.resource) << ' ' << quota.used << ' ' << quota.reserved << '\n';
    text << theirs.audit().verify().head << ' ' << theirs.jobs().list().size() << ' ' << theirs.backups().list().size() << '\n';
    for (const auto& root : {theirs.workspace(), home() / "backups" / other_.id.text()})
        for (const auto& [name, line] : tests::describe_tree(root)) text << name << ": " << line << '\n';
    return text.str();
}

std::vector<Told> Torture::let_run(const std::string& part) {
    const auto begin = Monotonic::now();
    tests::ChildProcess child("Victim.DISABLED_" + part, settings);
    std::string text;
    for (auto more = child.read(4096); !more.empty(); more = child.read(4096)) text += more;
    EXPECT_EQ(child.wait(), 0) << part;
    durations_[part] = since(begin);
    return parse(text);
}

std::vector<Told> Torture::kill(const std::string& part, std::optional<Duration> within) {
    const auto until = std::uniform_int_distribution<Duration::rep>(0, within.value_or(durations_.at(part)).count())(random);
    SCOPED_TRACE(part + " killed after " + std::to_string(until) + " us of " + std::to_string(durations_.at(part).count()));
    tests::ChildProcess child("Victim.DISABLED_" + part, settings);
    const auto begun = within ? child.read(1) : std::string();
    std::this_thread::sleep_for(Duration(until));
    return parse(begun + child.kill_and_drain());
}

std::vector<Told> Torture::round(const std::string& part, std::optional<Duration> within) {
    engine.reset();
    std::vector<Told> told;
    if (!durations_.contains(part)) {
        told = let_run(part);
    } else {
        told = kill(part, within);
        // A job may be begun three times: killed here at most twice, it has one left.
        durations_.try_emplace("resume", durations_.at(part));
        if (random() % 3 == 0) kill("resume");
    }
    open();
    return told;
}

void Torture::expect_jobs_succeed(Session& session) {
    for (const auto& info : session.jobs().list({.limit = 1000})) {
        auto job = session.jobs().get(info.id);
        ASSERT_TRUE(job.join_for(5min)) << info.kind << ' ' << info.id.text() << " does not end";
        const auto ended = job.info();
        EXPECT_EQ(ended.state, JobState::succeeded) << info.kind << ' ' << info.id.text() << ": " << ended.message;
    }
}

void Torture::expect_sound(bool both, std::int64_t restored) {
    auto mine = acme();
    expect_jobs_succeed(mine);
    if (both) {
        auto theirs = other();
        expect_jobs_succeed(theirs);
        expect_sound_tenant(theirs);
    } else {
        EXPECT_EQ(untouched(), other_before_) << "the second tenant was touched";
    }
    expect_sound_tenant(mine, restored);
    EXPECT_NO_THROW(engine->open_operator({.actor = "driver", .reason = "verify"}).audit().verify());
}

bool eventually(const std::function<bool()>& condition, Duration limit) {
    const auto begin = Monotonic::now();
    while (!condition()) {
        if (since(begin) > limit) return false;
        std::this_thread::sleep_for(20ms);
    }
    return true;
}

}  // namespace tenon::torture
