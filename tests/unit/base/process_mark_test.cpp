#include <base/process_mark.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tenon::base {
namespace {

TEST(ProcessMark, OnlyAForkIsElsewhere) {
    const ProcessMark mark;
    EXPECT_FALSE(mark.is_elsewhere());
    const auto child = ::fork();
    ASSERT_NE(child, -1);
    if (child == 0) {
        const ProcessMark own;
        ::_exit(mark.is_elsewhere() && !own.is_elsewhere() ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_FALSE(mark.is_elsewhere());
}

}  // namespace
}  // namespace tenon::base
