#include <base/id.hpp>

#include <gtest/gtest.h>

#include <tenon/error.hpp>

namespace {

using namespace tenon;

TEST(Id, text_and_back) {
    const auto id = base::new_id<ProjectId>(base::system_clock()->now());
    EXPECT_EQ(id.text().size(), 30u);
    EXPECT_EQ(ProjectId::parse(id.text()), id);
    EXPECT_EQ(base::id_from<ProjectId>(base::bytes_of(id)), id);
}

TEST(Id, another_kind_is_refused) {
    const auto id = base::new_id<ProjectId>(base::system_clock()->now());
    EXPECT_THROW(TenantId::parse(id.text()), InvalidArgument);
    EXPECT_THROW(ProjectId::parse(""), InvalidArgument);
    EXPECT_THROW(ProjectId::parse("prj_8zzzzzzzzzzzzzzzzzzzzzzzzz"), InvalidArgument);
    EXPECT_THROW(ProjectId::parse("prj_0000000000000000000000000i"), InvalidArgument);
}

TEST(Id, sorts_by_age_even_when_the_clock_stands_still_or_steps_back) {
    const Time now = base::system_clock()->now();
    auto last = base::new_id<JobId>(now);
    for (int i = 0; i < 10'000; ++i) {
        const auto id = base::new_id<JobId>(i % 3 ? now : now - std::chrono::hours(1));
        EXPECT_LT(last, id);
        EXPECT_LT(last.text(), id.text());
        EXPECT_LT(base::bytes_of(last), base::bytes_of(id));
        last = id;
    }
}

}  // namespace
