#include <base/log.hpp>

#include <fstream>
#include <future>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <base/text.hpp>
#include <temp_folder.hpp>
#include <tenon/error.hpp>

namespace tenon::base {
namespace {

using tenon::tests::TempFolder;

const auto some_clock = std::make_shared<ManualClock>(Time{Duration{1'772'366'400'000'001}});

std::vector<std::string> lines(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
}

TEST(Times, AsText) {
    EXPECT_EQ(to_rfc3339(some_clock->now()), "2026-03-01T12:00:00.000001Z");
    EXPECT_EQ(to_rfc3339(Time{}), "1970-01-01T00:00:00.000000Z");
    EXPECT_EQ(to_rfc3339(Time{Duration{-1}}), "1969-12-31T23:59:59.999999Z");
}

TEST(Log, LinesOfKeysAndValues) {
    const TempFolder folder;
    const auto log = Log::to_file(folder / "log", some_clock);
    log->debug("backup", "not shown");
    log->info("backup", "snapshot written", {{"chunks", 12}, {"full", true}, {"took", Duration{1500}}, {"name", "nightly"}});
    log->failure("nvr", "segment lost", Corrupt("torn", {.subject = "cam 1"}));
    log->failure("nvr", "odd", std::runtime_error("x"));
    EXPECT_EQ(lines(folder / "log"),
              (std::vector<std::string>{
                  "2026-03-01T12:00:00.000001Z info backup snapshot written chunks=12 full=true took=1500us name=nightly",
                  "2026-03-01T12:00:00.000001Z error nvr segment lost code=corrupt subject=\"cam 1\" error=torn",
                  "2026-03-01T12:00:00.000001Z error nvr odd error=x"}));
    struct stat st{};
    ASSERT_EQ(stat((folder / "log").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777u, 0600u);
}

TEST(Log, NoValueForgesALineOrAField) {
    const TempFolder folder;
    const auto log = Log::to_file(folder / "log", some_clock);
    log->info("a", "one\ntwo", {{"v", "x y=z\n\"q\"\\\x7f"}, {"e", ""}, {"k", "a=b"}, {"long", std::string(5000, 'x')}});
    const auto all = lines(folder / "log");
    ASSERT_EQ(all.size(), 1u);
    EXPECT_NE(all[0].find(R"(one\x0atwo v="x y=z\x0a\"q\"\\\x7f" e="" k="a=b" long=xxx)"), std::string::npos) << all[0];
    EXPECT_LT(all[0].size(), 2200u);
}

TEST(Log, LevelsAndNone) {
    const TempFolder folder;
    const auto log = Log::to_file(folder / "log", some_clock, LogLevel::warning);
    EXPECT_FALSE(log->writes(LogLevel::info));
    log->info("a", "no");
    log->warning("a", "yes");
    EXPECT_EQ(lines(folder / "log").size(), 1u);
    const auto none = Log::none();
    EXPECT_FALSE(none->writes(LogLevel::error));
    none->error("a", "nowhere");
    EXPECT_THROW(Log::to_file(folder / "no" / "log", some_clock), NotFound);
}

struct Tap final : LogTap {
    void put(Time, LogLevel level, std::string_view room, std::string_view message, Log::Fields fields) override {
        heard.push_back(std::string(room) + " " + std::string(message) + " " + std::to_string(fields.size()) + " " +
                        std::to_string(static_cast<int>(level)));
    }
    void end() noexcept override { ended = true; }
    std::vector<std::string> heard;
    bool ended = false;
};

TEST(Log, TapsHearTheirLevelWhateverIsWritten) {
    const TempFolder folder;
    const auto log = Log::to_file(folder / "log", some_clock, LogLevel::error);
    const auto all = std::make_shared<Tap>();
    log->add_tap(all, LogLevel::debug);
    {
        const auto warnings = std::make_shared<Tap>();
        log->add_tap(warnings, LogLevel::warning);
        log->debug("a", "one", {{"k", 1}});
        log->error("a", "two");
        EXPECT_EQ(warnings->heard, (std::vector<std::string>{"a two 0 4"}));
    }
    EXPECT_EQ(all->heard, (std::vector<std::string>{"a one 1 1", "a two 0 4"}));
    EXPECT_EQ(lines(folder / "log").size(), 1u);
    log->end_taps();
    EXPECT_TRUE(all->ended);
    EXPECT_FALSE(log->writes(LogLevel::debug)) << "nobody is left who would hear";
    log->error("a", "three");
    EXPECT_EQ(all->heard.size(), 2u);
    EXPECT_EQ(lines(folder / "log").size(), 1u) << "the file is let go of";
    const auto none = Log::none();
    none->add_tap(all, LogLevel::info);
    none->info("b", "four");
    EXPECT_EQ(all->heard.back(), "b four 0 2");
}

TEST(Log, RotatesAndKeepsSome) {
    const TempFolder folder;
    const auto log = Log::to_file(folder / "log", some_clock, LogLevel::info, {.max_size = 200, .keep = 2});
    for (int i = 0; i < 20; ++i) log->info("room", "line", {{"i", i}});
    EXPECT_EQ(lines(folder / "log").back(), "2026-03-01T12:00:00.000001Z info room line i=19");
    EXPECT_TRUE(std::filesystem::exists(folder / "log.1"));
    EXPECT_TRUE(std::filesystem::exists(folder / "log.2"));
    EXPECT_FALSE(std::filesystem::exists(folder / "log.3"));
    EXPECT_LE(std::filesystem::file_size(folder / "log.1"), 200u);
}

TEST(Log, AFullFileThatCannotBeChangedHoldsNobodyUp) {
    const TempFolder folder;
    std::filesystem::create_directory(folder / "logs");
    auto first = Log::to_file(folder / "logs/log", some_clock, LogLevel::info, {.max_size = 200, .keep = 2});
    const auto second = Log::to_file(folder / "logs/log", some_clock, LogLevel::info, {.max_size = 200, .keep = 2});
    std::filesystem::remove_all(folder / "logs");
    for (int i = 0; i < 8; ++i) first->info("room", "line", {{"i", i}});
    auto done = std::async(std::launch::async, [&] {
        for (int i = 0; i < 8; ++i) second->info("room", "line", {{"i", i}});
    });
    EXPECT_EQ(done.wait_for(std::chrono::seconds(30)), std::future_status::ready);
    first.reset();  // what it held is free now in any case
    done.wait();
    std::filesystem::create_directory(folder / "logs");
    second->info("room", "again");
    EXPECT_EQ(lines(folder / "logs/log").size(), 1u);
}

TEST(Log, WholeLinesFromManyThreadsAndTwoLogsOnOneFile) {
    const TempFolder folder;
    {
        const auto first = Log::to_file(folder / "log", some_clock, LogLevel::info, {.max_size = 1 << 14, .keep = 50});
        const auto second = Log::to_file(folder / "log", some_clock, LogLevel::info, {.max_size = 1 << 14, .keep = 50});
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                for (int i = 0; i < 500; ++i) (t % 2 ? first : second)->info("room", "line", {{"i", i}});
            });
    }
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
        for (const auto& line : lines(entry.path())) {
            ++count;
            EXPECT_TRUE(line.starts_with("2026-03-01T12:00:00.000001Z info room line i=")) << line;
        }
    EXPECT_EQ(count, 2000u) << "no line is lost when the file is full";
}

}  // namespace
}  // namespace tenon::base
