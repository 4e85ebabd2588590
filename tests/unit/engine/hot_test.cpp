#include "hot.hpp"

#include <atomic>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace {

using namespace tenon;
using namespace std::chrono_literals;
using engine::KnownQuotas;
using engine::KnownRights;
using tenant::Permission;

constexpr auto at(std::int64_t seconds) {
    return [seconds] { return Time{std::chrono::seconds(seconds)}; };
}

TEST(Hot, rights_are_known_for_their_version_and_until_they_end) {
    KnownRights known;
    EXPECT_FALSE(known.allows(1, Permission::asset_read, at(0))) << "nothing is known yet";
    known.keep(3, {Permission::asset_read, Permission::billing_write}, Time{100s});
    EXPECT_EQ(known.allows(3, Permission::asset_read, at(99)), true);
    EXPECT_EQ(known.allows(3, Permission::billing_write, at(99)), true);
    EXPECT_EQ(known.allows(3, Permission::asset_write, at(99)), false);
    EXPECT_FALSE(known.allows(3, Permission::asset_read, at(100)));
    EXPECT_FALSE(known.allows(4, Permission::asset_read, at(99)));
    known.keep(4, {}, std::nullopt);
    EXPECT_EQ(known.allows(4, Permission::asset_read, at(1'000'000'000)), false);
    EXPECT_FALSE(known.allows(3, Permission::asset_read, at(0)));
}

TEST(Hot, quotas_are_known_for_their_version_and_period) {
    KnownQuotas known;
    EXPECT_FALSE(known.find(1, Resource::storage, at(0)));
    known.keep(2, {{.resource = Resource::storage, .limit = 10, .used = 3, .reserved = 4},
                   {.resource = Resource::seats, .used = 1},
                   {.resource = Resource::render_time, .limit = 7, .used = 2, .resets_at = Time{50s}}});
    const auto storage = known.find(2, Resource::storage, at(60));
    ASSERT_TRUE(storage);
    EXPECT_EQ(storage->limit, 10);
    EXPECT_EQ(storage->used, 3);
    EXPECT_EQ(storage->reserved, 4);
    EXPECT_FALSE(known.find(2, Resource::seats, at(0))->limit);
    EXPECT_EQ(known.find(2, Resource::render_time, at(49))->resets_at, Time{50s});
    EXPECT_FALSE(known.find(2, Resource::render_time, at(50))) << "another period";
    EXPECT_FALSE(known.find(3, Resource::storage, at(0)));
    EXPECT_FALSE(known.find(2, Resource::agents, at(0))) << "nobody said anything of it";
    EXPECT_FALSE(known.find(2, static_cast<Resource>(200), at(0)));
}

TEST(Hot, a_limit_is_known_until_it_changes_by_itself) {
    KnownQuotas known;
    known.keep(2, {{.resource = Resource::storage, .limit = 10, .limit_until = Time{50s}}});
    EXPECT_EQ(known.find(2, Resource::storage, at(49))->limit_until, Time{50s});
    EXPECT_FALSE(known.find(2, Resource::storage, at(50)));
}

TEST(Hot, who_reads_while_it_is_written_sees_one_version_whole) {
    KnownQuotas known;
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> written{0};
    std::thread writer([&] {
        for (std::uint64_t v = 1; !stop; ++v) {
            const auto n = static_cast<std::int64_t>(v);
            known.keep(v, {{.resource = Resource::storage, .limit = n, .used = n, .reserved = n}});
            written = v;
        }
    });
    for (int i = 0; i < 200'000; ++i) {
        const auto version = written.load();
        const auto quota = known.find(version, Resource::storage, at(0));
        if (!quota) continue;  // the writer is further
        EXPECT_EQ(quota->used, static_cast<std::int64_t>(version));
        EXPECT_EQ(quota->reserved, quota->used);
        EXPECT_EQ(quota->limit, quota->used);
    }
    stop = true;
    writer.join();
}

}  // namespace
