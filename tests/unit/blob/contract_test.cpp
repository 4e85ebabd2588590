#include "contract.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include <base/clock.hpp>
#include <blob/file_store.hpp>
#include <crypto/hash.hpp>
#include <crypto/secret.hpp>
#include <fault_store.hpp>
#include <tenon/error.hpp>

namespace tenon::tests {
namespace {

using blob::ByteVector;

ByteVector bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

TEST_P(StoreContract, gives_back_what_was_put) {
    const auto data = crypto::random_bytes(700'000);
    blob::put_bytes(*store, "packs/ab/object", data, {.sha256 = crypto::sha256(data)});
    EXPECT_EQ(blob::get_all(*store, "packs/ab/object", data.size()), data);
    EXPECT_EQ(store->head("packs/ab/object", {})->size, data.size());
    EXPECT_EQ(blob::get_all(*reopen(), "packs/ab/object", data.size()), data);
}

TEST_P(StoreContract, delivers_ranges_and_stops_at_the_end) {
    blob::put_bytes(*store, "a", bytes_of("0123456789"));
    const auto part = [&](std::uint64_t offset, std::uint64_t length) {
        blob::VectorSink sink;
        store->get("a", {.offset = offset, .length = length}, sink, {});
        return std::string(base::text_of(sink.bytes));
    };
    EXPECT_EQ(part(2, 3), "234");
    EXPECT_EQ(part(8, 100), "89");
    EXPECT_EQ(part(10, 1), "");
    EXPECT_EQ(part(99, 1), "");
    EXPECT_THROW(blob::get_all(*store, "a", 9), Corrupt);
}

TEST_P(StoreContract, an_empty_object_is_an_object) {
    blob::put_bytes(*store, "empty", {});
    EXPECT_EQ(store->head("empty", {})->size, 0u);
    EXPECT_TRUE(blob::get_all(*store, "empty", 0).empty());
}

TEST_P(StoreContract, a_name_is_taken_once) {
    blob::put_bytes(*store, "snap/one", bytes_of("first"));
    EXPECT_THROW(blob::put_bytes(*store, "snap/one", bytes_of("second")), Conflict);
    EXPECT_EQ(blob::get_all(*store, "snap/one", 100), bytes_of("first"));
    blob::put_bytes(*store, "snap/one", bytes_of("third"), {.create_only = false});
    EXPECT_EQ(blob::get_all(*store, "snap/one", 100), bytes_of("third"));
}

TEST_P(StoreContract, of_many_creators_one_succeeds) {
    std::atomic<int> made{0}, refused{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&, i] {
                try {
                    blob::put_bytes(*store, "gc/lease", bytes_of(std::to_string(i)));
                    ++made;
                } catch (const Conflict&) {
                    ++refused;
                }
            });
    }
    EXPECT_EQ(made, 1);
    EXPECT_EQ(refused, 7);
}

TEST_P(StoreContract, swaps_only_what_has_not_changed) {
    if (!store->capabilities().swap) GTEST_SKIP();
    blob::put_bytes(*store, "lease", bytes_of("1"));
    const auto tag = store->head("lease", {})->tag;
    const auto next = blob::put_bytes(*store, "lease", bytes_of("2"), {.create_only = false, .if_match = tag});
    EXPECT_THROW(blob::put_bytes(*store, "lease", bytes_of("3"), {.create_only = false, .if_match = tag}), Conflict);
    EXPECT_EQ(blob::get_all(*store, "lease", 9), bytes_of("2"));
    EXPECT_THROW(store->remove("lease", {.if_match = tag}, {}), Conflict);
    EXPECT_TRUE(store->remove("lease", {.if_match = next.tag}, {}));
}

TEST_P(StoreContract, refuses_bytes_that_are_not_those_announced) {
    EXPECT_THROW(blob::put_bytes(*store, "x", bytes_of("data"), {.sha256 = crypto::sha256(bytes_of("other"))}), Corrupt);
    EXPECT_FALSE(store->head("x", {}));
}

TEST_P(StoreContract, a_deferred_put_appears_with_the_flush) {
    blob::put_bytes(*store, "packs/00/a", bytes_of("a"), {.deferred = true});
    auto spool = store->spool();
    spool->append(bytes_of("spo"));
    spool->append(bytes_of("oled"));
    store->put("packs/00/b", *spool, {.deferred = true}, {});
    store->flush({});
    EXPECT_EQ(blob::get_all(*store, "packs/00/a", 9), bytes_of("a"));
    EXPECT_EQ(blob::get_all(*store, "packs/00/b", 9), bytes_of("spooled"));
    store->flush({});
}

TEST_P(StoreContract, what_was_never_flushed_leaves_nothing) {
    blob::put_bytes(*store, "packs/00/a", bytes_of("a"), {.deferred = true});
    auto spool = store->spool();
    spool->append(bytes_of("left"));
    spool.reset();
    store.reset();
    EXPECT_TRUE(blob::list_all(*reopen(), "").empty());
}

TEST_P(StoreContract, lists_in_byte_order_across_pages) {
    const std::vector<std::string> names{"a", "a-b", "a.b", "b/a", "b/c/d", "b/c-d", "c0", "b0"};
    for (const auto& name : names) blob::put_bytes(*store, name, {});
    auto sorted = names;
    std::sort(sorted.begin(), sorted.end());
    for (const int limit : {1, 2, 3, 100}) {
        std::vector<std::string> seen;
        for (bool more = true; more;) {
            const auto page = store->list("", seen.empty() ? "" : seen.back(), limit, {});
            ASSERT_LE(page.objects.size(), static_cast<std::size_t>(limit));
            for (const auto& object : page.objects) seen.push_back(object.name);
            more = page.more;
        }
        EXPECT_EQ(seen, sorted) << "limit " << limit;
    }
    const auto names_of = [&](std::string_view prefix) {
        std::vector<std::string> found;
        for (const auto& object : blob::list_all(*store, prefix)) found.push_back(object.name);
        return found;
    };
    EXPECT_EQ(names_of("b/"), (std::vector<std::string>{"b/a", "b/c-d", "b/c/d"}));
    EXPECT_EQ(names_of("b/c"), (std::vector<std::string>{"b/c-d", "b/c/d"}));
    EXPECT_EQ(names_of("b/c/"), (std::vector<std::string>{"b/c/d"}));
    EXPECT_EQ(names_of("nothing/here"), std::vector<std::string>{});
}

TEST_P(StoreContract, removes_once) {
    blob::put_bytes(*store, "log/a/1", bytes_of("x"));
    EXPECT_TRUE(store->remove("log/a/1", {}, {}));
    EXPECT_FALSE(store->remove("log/a/1", {}, {}));
    EXPECT_FALSE(store->head("log/a/1", {}));
    EXPECT_THROW(blob::get_all(*store, "log/a/1", 9), NotFound);
}

TEST_P(StoreContract, refuses_names_that_are_none) {
    for (const std::string name : {"", "/", "/a", "a/", "a//b", "../a", "a/../b", ".hidden", "a/.b", "A", "a b", "ä"})
        EXPECT_THROW(store->head(blob::Name(name), {}), InvalidArgument) << name;
    EXPECT_THROW(blob::Name(std::string("a\0b", 3)), InvalidArgument);
    EXPECT_THROW(blob::Name(std::string(513, 'a')), InvalidArgument);
}

TEST_P(StoreContract, a_stopped_token_ends_the_call) {
    std::stop_source stop;
    stop.request_stop();
    blob::ViewSource source({});
    EXPECT_THROW(store->put("a", source, {}, stop.get_token()), Cancelled);
    EXPECT_THROW(store->list("", "", 1, stop.get_token()), Cancelled);
    EXPECT_FALSE(store->head("a", {}));
}

TEST_P(StoreContract, a_beacon_tells_whether_its_writer_lives) {
    auto beacon = store->beacon("sess/w/1", bytes_of("one"));
    EXPECT_NE(store->beacon_lives("sess/w/1"), false);
    EXPECT_NE(reopen()->beacon_lives("sess/w/1"), false);
    beacon->rewrite(bytes_of("second"));
    EXPECT_EQ(blob::get_all(*store, "sess/w/1", 99), bytes_of("second"));
    EXPECT_THROW(store->beacon("sess/w/1", bytes_of("two")), Conflict);
    beacon.reset();
    EXPECT_NE(store->beacon_lives("sess/w/1"), true);
    EXPECT_TRUE(store->remove("sess/w/1", {}, {}));
}

std::shared_ptr<blob::Store> file_store(const std::filesystem::path& folder) {
    return std::make_shared<blob::FileStore>(folder, base::system_clock());
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract,
                         ::testing::Values(StoreMaker{"file", file_store},
                                           StoreMaker{"faultless",
                                                      [](const std::filesystem::path& folder) -> std::shared_ptr<blob::Store> {
                                                          return std::make_shared<FaultStore>(file_store(folder), Faults{});
                                                      }}),
                         [](const auto& maker) { return maker.param.name; });

}  // namespace
}  // namespace tenon::tests
