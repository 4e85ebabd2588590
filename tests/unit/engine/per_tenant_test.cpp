#include <future>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <base/clock.hpp>
#include <base/id.hpp>

#include <per_tenant.hpp>

namespace tenon::tests {
namespace {

using engine::PerTenant;

TenantId fresh() { return base::new_id<TenantId>(base::system_clock()->now()); }
std::shared_ptr<std::string> text(const char* words) { return std::make_shared<std::string>(words); }

TEST(PerTenant, one_tenants_opening_does_not_wait_for_anothers) {
    PerTenant<std::string> opened(8);
    const auto slow = fresh(), quick = fresh();
    std::promise<void> begun, let_go;
    auto waiting = std::async(std::launch::async, [&] {
        return opened.get(slow, [&] {
            begun.set_value();
            let_go.get_future().wait();
            return text("slow");
        });
    });
    begun.get_future().wait();
    // Would never return if it waited: nothing lets the other go but this thread.
    EXPECT_EQ(*opened.get(quick, [] { return text("quick"); }), "quick");
    opened.forget(slow);
    let_go.set_value();
    EXPECT_EQ(*waiting.get(), "slow");
}

TEST(PerTenant, what_is_open_is_opened_once_and_a_failure_is_not_kept) {
    PerTenant<std::string> opened(8);
    const auto tenant = fresh();
    EXPECT_THROW(opened.get(tenant, []() -> std::shared_ptr<std::string> { throw std::runtime_error("no"); }), std::runtime_error);
    EXPECT_EQ(opened.get(tenant, [] { return std::shared_ptr<std::string>(); }), nullptr);
    const auto first = opened.get(tenant, [] { return text("first"); });
    EXPECT_EQ(opened.get(tenant, [] { return text("second"); }), first);
    opened.replace(tenant, [] { return text("third"); });
    EXPECT_EQ(*opened.get(tenant, [] { return text("fourth"); }), "third");
    EXPECT_EQ(*first, "first");
}

TEST(PerTenant, the_least_recently_used_goes_first) {
    PerTenant<std::string> opened(2);
    const auto a = fresh(), b = fresh(), c = fresh();
    const auto of = [&](const TenantId& tenant, const char* words) { return *opened.get(tenant, [&] { return text(words); }); };
    of(a, "a"), of(b, "b"), of(a, "-"), of(c, "c");
    EXPECT_EQ(opened.size(), 2u);
    EXPECT_EQ(of(a, "again"), "a");
    EXPECT_EQ(of(b, "again"), "again");
    EXPECT_EQ(opened.size(), 2u);
}

}  // namespace
}  // namespace tenon::tests
