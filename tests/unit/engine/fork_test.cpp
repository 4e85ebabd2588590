#include <sys/wait.h>
#include <unistd.h>

#include "engine_fixture.hpp"

namespace tenon::tests {
namespace {

using namespace std::chrono_literals;

template <class Call> bool is_closed(Call&& call) {
    try {
        call();
    } catch (const Closed&) {
        return true;
    } catch (...) {
    }
    return false;
}

using ForkTest = EngineTest;

TEST_F(ForkTest, in_a_forked_child_everything_is_closed_and_lets_itself_be_dropped) {
    auto mine = std::make_optional(session(acme));
    auto events = std::make_optional(mine->subscribe());
    auto watch = std::make_optional(engine->watch());
    auto logs = std::make_optional(engine->logs());
    auto hold = std::make_optional(mine->quotas().reserve({.asks = {{Resource::storage, 1}}}));
    watch->add(*events);
    const auto child = ::fork();
    ASSERT_NE(child, -1);
    if (child == 0) {
        ::alarm(60);
        const bool all = is_closed([&] { mine->projects().list(); }) && is_closed([&] { static_cast<void>(events->next(1s)); }) &&
                         is_closed([&] { watch->next(1s); }) && is_closed([&] { static_cast<void>(logs->next(1s)); }) && engine->is_closed() &&
                         is_closed([&] { hold->release(); });
        events->close();
        watch->close();
        mine->close();
        engine->close();
        hold.reset();
        watch.reset();
        logs.reset();
        events.reset();
        mine.reset();
        engine.reset();
        ::_exit(all ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    // The parent's are as they were.
    EXPECT_NO_THROW(mine->projects().list());
    EXPECT_EQ(reserved(*mine, Resource::storage), 1);
    EXPECT_FALSE(events->next(0s));
}

}  // namespace
}  // namespace tenon::tests
