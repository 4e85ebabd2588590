#include <latch>
#include <thread>

#include <core.hpp>

#include "engine_fixture.hpp"

namespace tenon::tests {
namespace {

using namespace std::chrono_literals;

class LogStreamTest : public EngineTest {
protected:
    base::Log& log() { return *Internal::impl(*engine)->log; }
    /// The next record of the room that only these tests log for.
    static std::optional<LogRecord> mine(LogStream& stream) {
        while (auto record = stream.next(0s))
            if (record->area == "test") return record;
        return std::nullopt;
    }
};

TEST_F(LogStreamTest, a_record_has_what_the_line_has) {
    auto stream = engine->logs();
    const auto before = base::system_clock()->now();
    log().warning("test", "a disk is slow", {{"disk", "sda"}, {"late", 3}, {"took", Duration{1500}}, {"empty", ""}});
    log().failure("test", "it failed", NoSpace("full", {.subject = "sdb"}));
    const auto first = mine(stream);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->level, LogLevel::warning);
    EXPECT_EQ(first->message, "a disk is slow");
    EXPECT_EQ(first->fields, (std::vector<Label>{{"disk", "sda"}, {"late", "3"}, {"took", "1500us"}, {"empty", ""}}));
    EXPECT_GE(first->at, before);
    EXPECT_EQ(first->dropped_before, 0);
    const auto second = mine(stream);
    ASSERT_TRUE(second);
    EXPECT_EQ(second->level, LogLevel::error);
    EXPECT_EQ(second->fields, (std::vector<Label>{{"code", "no_space"}, {"subject", "sdb"}, {"error", "full"}}));
    EXPECT_FALSE(mine(stream));
}

TEST_F(LogStreamTest, shows_its_level_and_worse_whatever_goes_to_the_file) {
    auto silent = options();
    silent.log_level = LogLevel::off;
    engine.emplace(silent);
    auto errors = engine->logs({.level = LogLevel::error}), all = engine->logs({.level = LogLevel::debug});
    EXPECT_NE(errors.number(), all.number());
    log().debug("test", "d");
    log().info("test", "i");
    log().error("test", "e");
    EXPECT_EQ(mine(errors)->message, "e");
    EXPECT_FALSE(mine(errors));
    EXPECT_EQ(mine(all)->level, LogLevel::debug);
    EXPECT_EQ(mine(all)->message, "i");
    EXPECT_EQ(mine(all)->message, "e");
    all.close();
    EXPECT_THROW(static_cast<void>(all.next(0s)), Closed);
    log().debug("test", "nobody hears");
    {
        auto dropped = engine->logs({.level = LogLevel::debug});
        EXPECT_TRUE(log().writes(base::LogLevel::debug));
    }
    log().error("test", "again");
    EXPECT_EQ(mine(errors)->message, "again");
    EXPECT_THROW(engine->logs({.level = LogLevel::off}), InvalidArgument);
    EXPECT_THROW(engine->logs({.capacity = 0}), InvalidArgument);
    EXPECT_THROW(engine->logs({.capacity = 65'537}), InvalidArgument);
}

TEST_F(LogStreamTest, a_full_queue_drops_the_oldest_and_says_so) {
    auto stream = engine->logs({.level = LogLevel::error, .capacity = 2});
    for (const char* const text : {"1", "2", "3", "4", "5"}) log().error("test", text);
    auto record = stream.next(0s);
    EXPECT_EQ(record->message, "4");
    EXPECT_EQ(record->dropped_before, 3);
    record = stream.next(0s);
    EXPECT_EQ(record->message, "5");
    EXPECT_EQ(record->dropped_before, 0);
}

TEST_F(LogStreamTest, text_is_utf8_of_bounded_length) {
    auto stream = engine->logs();
    log().info("test", "a\xff"
                       "b",
               {{"file", std::string("caf\xc3\xa9\0.mp4", 10)}, {"long", std::string(5000, 'x')}});
    const auto record = mine(stream);
    ASSERT_TRUE(record);
    EXPECT_EQ(record->message, "a\xef\xbf\xbd"
                               "b");
    EXPECT_EQ(record->fields.at(0).value, "caf\xc3\xa9\xef\xbf\xbd.mp4");
    EXPECT_EQ(record->fields.at(1).value.size(), 2003u);
}

TEST_F(LogStreamTest, two_engines_have_each_their_own) {
    Engine second(tests::placed({.home = folder.path() / "second"}));
    auto ours = engine->logs(), theirs = second.logs();
    log().error("test", "mine");
    EXPECT_EQ(mine(ours)->message, "mine");
    EXPECT_FALSE(mine(theirs));
}

TEST_F(LogStreamTest, what_was_said_until_the_end_can_be_read_after_it) {
    auto stream = engine->logs(), waiting = engine->logs();
    std::vector<std::string> heard;
    std::latch waits(1);
    std::jthread waiter([&] {
        try {
            waits.count_down();
            for (;;)
                if (auto record = waiting.next(100s)) heard.push_back(record->message);
        } catch (const Closed&) {
        }
    });
    waits.wait();
    engine->close();
    waiter.join();
    EXPECT_EQ(heard.back(), "closed");
    std::string last;
    EXPECT_THROW(
        {
            while (auto record = stream.next(0s)) last = record->message;
        },
        Closed);
    EXPECT_EQ(last, "closed");
    EXPECT_THROW(engine->logs(), Closed);
}

}  // namespace
}  // namespace tenon::tests
