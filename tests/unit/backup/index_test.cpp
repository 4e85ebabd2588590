#include <algorithm>
#include <csignal>
#include <map>
#include <random>
#include <set>
#include <thread>

#include <sys/resource.h>
#include <unistd.h>

#include <new_seed.hpp>

#include "fixture.hpp"
#include "index.hpp"
#include "repository_impl.hpp"

namespace tenon::tests {
namespace {

using namespace backup;

Id random_id(std::mt19937_64& random) {
    Id id;
    for (auto& byte : id) byte = static_cast<std::uint8_t>(random());
    return id;
}

TEST(IdTable, finds_what_a_map_finds_however_few_bits_tell_ids_apart) {
    for (const auto bits : {0xffffffffu, 0xff00u, 0xffu, 0u}) {
        std::mt19937_64 random(new_seed());
        std::vector<Id> rows;
        std::map<Id, std::uint32_t> model;
        IdTable table(bits);
        const int most = bits == 0xffffffff ? 20'000 : 2'000;
        for (int i = 0; i < most; ++i) {
            const auto again = !rows.empty() && random() % 4 == 0;
            const auto id = again ? rows[random() % rows.size()] : random_id(random);
            const auto is_it = [&](std::uint32_t row) { return rows[row] == id; };
            const auto replaces = random() % 2 == 0;
            const auto row = static_cast<std::uint32_t>(rows.size());
            const auto known = model.contains(id);
            EXPECT_EQ(table.put(id, row, replaces, is_it), !known || replaces);
            if (!known || replaces) model[id] = row;
            rows.push_back(id);
        }
        ASSERT_EQ(table.size(), model.size());
        for (const auto& [id, row] : model)
            ASSERT_EQ(table.find(id, [&](std::uint32_t other) { return rows[other] == id; }), row) << bits;
        for (int i = 0; i < 500; ++i) {
            const auto id = random_id(random);
            ASSERT_FALSE(table.find(id, [&](std::uint32_t other) { return rows[other] == id; }));
        }
        // Emptied for as many it takes the same ones again.
        table.reset(rows.size());
        for (std::uint32_t row = 0; row < rows.size(); ++row)
            table.put(rows[row], row, false, [&](std::uint32_t other) { return rows[other] == rows[row]; });
        EXPECT_EQ(table.size(), model.size());
    }
}

/// Packs as backups and collections leave them, and what a map says of them.
struct Chunks {
    explicit Chunks(std::uint64_t seed) : random(seed) {}

    SealedPack pack() {
        SealedPack made;
        made.info.sha = random_id(random);
        made.info.header.kind = random() % 3 == 0 ? Kind::tree : Kind::data;
        std::uint64_t at = container_header_size;
        const auto frames = random() % 5;  // sometimes none
        for (std::uint16_t f = 0; f < frames; ++f) {
            const auto chunks = static_cast<std::uint32_t>(1 + random() % 40);
            made.info.frames.push_back({.offset = at, .clen = 4000, .plain_len = chunks * 10, .codec = random() % 2 == 0 ? Codec::raw : Codec::zstd});
            at += made.info.frames.back().stored();
            for (std::uint32_t c = 0; c < chunks; ++c) {
                // Some lie in several packs.
                if (ids.empty() || random() % 8 != 0) ids.push_back(random_id(random));
                made.chunks.push_back({random() % 8 == 0 ? ids[random() % ids.size()] : ids.back(), f, c * 10, 10});
            }
        }
        made.info.size = at + 500;
        return made;
    }

    std::mt19937_64 random;
    std::vector<Id> ids;
};

class IndexModel : public testing::TestWithParam<std::tuple<std::uint32_t, bool>> {};

TEST_P(IndexModel, finds_what_a_map_finds) {
    const auto [bits, on_disk] = GetParam();
    const TempFolder folder;
    const auto seed = new_seed();
    for (std::uint64_t round = 1; round <= 12; ++round) {
        Chunks chunks(seed + round);
        auto& random = chunks.random;
        Index index(on_disk ? folder.path() : std::filesystem::path(), bits);
        std::vector<SealedPack> all;
        for (int segment = 0; segment < 6; ++segment) {
            std::vector<SealedPack> packs;
            for (auto count = random() % 6; count > 0; --count) packs.push_back(chunks.pack());
            if (!all.empty() && random() % 2 == 0) packs.push_back(all[random() % all.size()]);  // listed twice
            if (random() % 4 == 0) {
                for (auto& pack : packs) {
                    all.push_back(pack);
                    std::shuffle(pack.chunks.begin(), pack.chunks.end(), random);  // as no writer leaves them
                    index.add_pack(pack);
                }
                continue;
            }
            index.add_segment(encode_segment(packs), "segment");
            all.insert(all.end(), packs.begin(), packs.end());
        }
        std::map<std::string, std::uint64_t> present;
        std::set<Id> damaged, leaving;
        for (const auto& pack : all) {
            if (random() % 6 != 0) present[pack_name(pack.info.sha)] = pack.info.size + (random() % 8 == 0 ? 1 : 0);
            if (round % 3 == 0) continue;  // nothing is wrong with any
            if (random() % 5 == 0) damaged.insert(pack.info.sha);
            if (random() % 5 == 0) leaving.insert(pack.info.sha);
        }
        index.finish(present, damaged, leaving);

        // What is to be found: of sound packs the last that has it, else the first that leaves, else the first damaged one.
        ASSERT_EQ(index.packs().size(), all.size());
        std::map<Id, std::uint32_t> model;
        std::set<Id> sound;
        std::vector<std::pair<PackChunk, std::uint32_t>> entries;
        for (int pass = 0; pass < 3; ++pass) {
            std::uint32_t ordinal = 0;
            for (std::uint32_t pack = 0; pack < all.size(); ++pack) {
                const auto& info = all[pack].info;
                const auto found = present.find(pack_name(info.sha));
                const auto is_there = found != present.end() && found->second == info.size;
                const auto kind = damaged.contains(info.sha) ? 2 : leaving.contains(info.sha) ? 1 : 0;
                for (const auto& chunk : all[pack].chunks) {
                    if (pass == 0) entries.emplace_back(chunk, pack);
                    if (is_there && kind == pass && pass == 0) model[chunk.id] = ordinal, sound.insert(chunk.id);
                    if (is_there && kind == pass && pass != 0) model.emplace(chunk.id, ordinal);
                    ++ordinal;
                }
            }
        }
        ASSERT_EQ(index.chunks(), entries.size());
        for (std::uint32_t ordinal = 0; ordinal < entries.size(); ++ordinal) {
            const auto& [chunk, pack] = entries[ordinal];
            const auto entry = index.entry(ordinal);
            ASSERT_EQ(entry.id, chunk.id);
            ASSERT_EQ(std::tuple(entry.place.pack, entry.place.frame, entry.place.offset, entry.place.length),
                      std::tuple(pack, chunk.frame, chunk.offset, chunk.length));
            const auto expected = model.find(chunk.id);
            const auto found = index.find(chunk.id);
            ASSERT_EQ(found.has_value(), expected != model.end());
            ASSERT_EQ(index.ordinal(chunk.id).has_value(), expected != model.end());
            ASSERT_EQ(index.contains(chunk.id), sound.contains(chunk.id));
            if (!found) continue;
            ASSERT_EQ(found->ordinal, expected->second);
            ASSERT_EQ(index.ordinal(chunk.id), expected->second);
            ASSERT_EQ(found->place.pack, entries[expected->second].second);
            ASSERT_EQ(found->place.offset, entries[expected->second].first.offset);
        }
        for (int i = 0; i < 200; ++i) ASSERT_FALSE(index.find(random_id(random)));
        std::uint32_t next = 0;
        for (std::uint32_t pack = 0; pack < all.size(); ++pack) {
            ASSERT_EQ(index.entries_of(pack).first, next);
            index.each_of(pack, [&](std::uint32_t ordinal, const Index::Entry& entry) {
                ASSERT_EQ(ordinal, next++);
                ASSERT_EQ(entry.id, entries[ordinal].first.id);
                ASSERT_EQ(entry.place.pack, pack);
            });
            ASSERT_EQ(index.entries_of(pack).second, next);
            ASSERT_EQ(index.packs()[pack].frames, all[pack].info.frames);
        }
        EXPECT_EQ(index.scratch().size() > 0, on_disk && index.chunks() >= 97);
    }
}

INSTANTIATE_TEST_SUITE_P(, IndexModel, testing::Combine(testing::Values(0xffffffffu, 0x0fu, 0u), testing::Bool()));

/// Chunks enough for more pages than are kept open.
Index large_index(const std::filesystem::path& scratch, std::vector<Id>& ids) {
    Chunks chunks(7);
    Index index(scratch);
    std::map<std::string, std::uint64_t> present;
    for (int i = 0; i < 2'000; ++i) {
        const auto pack = chunks.pack();
        present[pack_name(pack.info.sha)] = pack.info.size;
        index.add_pack(pack);
        for (const auto& chunk : pack.chunks) ids.push_back(chunk.id);
    }
    index.finish(present);
    return index;
}

TEST(IndexScratch, tells_nothing_in_the_clear) {
    const TempFolder folder;
    std::vector<Id> ids;
    const auto index = large_index(folder.path(), ids);
    const auto& scratch = index.scratch();
    ASSERT_GT(scratch.size(), 500 * ScratchFile::page_size);
    base::ByteVector raw(scratch.size());
    base::pread_all(scratch.file(), raw, 0, "scratch");
    for (std::size_t i = 0; i < ids.size(); i += 1'000)
        EXPECT_EQ(std::search(raw.begin(), raw.end(), ids[i].begin(), ids[i].begin() + 8), raw.end());
    EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "it has no name";
}

TEST(IndexScratch, a_changed_byte_never_becomes_an_answer) {
    const TempFolder folder;
    std::mt19937_64 random(new_seed());
    std::vector<Id> ids;
    const auto index = large_index(folder.path(), ids);
    const auto& scratch = index.scratch();
    for (std::uint64_t page = 0; page < scratch.size() / ScratchFile::page_size; page += 2) {
        const auto at = page * ScratchFile::page_size + random() % ScratchFile::page_size;
        base::ByteVector byte(1);
        base::pread_all(scratch.file(), byte, at, "scratch");
        byte[0] ^= 1;
        base::pwrite_all(scratch.file(), byte, at, "scratch");
    }
    EXPECT_FALSE(index.is_broken());
    // By the number of the entry, and by ids: found as it was, or said to be unreadable.
    int refused = 0;
    for (std::uint32_t i = 0; i < ids.size(); ++i) {
        try {
            EXPECT_EQ(index.entry(i).id, ids[i]);
        } catch (const Unavailable& error) {
            EXPECT_TRUE(error.retryable());
            ++refused;
        }
        try {
            EXPECT_TRUE(index.contains(ids[i]));
        } catch (const Unavailable&) {
            ++refused;
        }
    }
    EXPECT_GT(refused, 0);
    EXPECT_TRUE(index.is_broken());
}

TEST(IndexScratch, a_file_that_was_cut_or_takes_no_more_is_noticed) {
    const TempFolder folder;
    std::vector<Id> ids, same;
    const auto cut = large_index(folder.path(), ids);
    ASSERT_EQ(ftruncate(cut.scratch().file().get(), 0), 0);
    const auto read_all = [&] {
        for (std::uint32_t i = 0; i < ids.size(); ++i) EXPECT_EQ(cut.entry(i).id, ids[i]);
    };
    EXPECT_THROW(read_all(), Unavailable);
    EXPECT_TRUE(cut.is_broken());

    // A disk that is full after eight pages: what comes behind them stays in memory.
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    auto limited = before;
    limited.rlim_cur = 8 * ScratchFile::page_size + 100;
    setrlimit(RLIMIT_FSIZE, &limited);
    const auto full = large_index(folder.path(), same);
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    EXPECT_EQ(full.scratch().size(), 8 * ScratchFile::page_size);
    ASSERT_EQ(same, ids);
    for (std::uint32_t i = 0; i < ids.size(); ++i) ASSERT_TRUE(full.entry(i).id == ids[i] && full.contains(ids[i]));

    // No folder at all.
    std::vector<Id> again;
    const auto nowhere = large_index(folder / "missing", again);
    EXPECT_EQ(nowhere.scratch().size(), 0u);
    for (const auto& id : ids) ASSERT_TRUE(nowhere.contains(id));
}

TEST(IndexScratch, is_read_by_many_threads) {
    const TempFolder folder;
    std::vector<Id> ids;
    const auto index = large_index(folder.path(), ids);
    const auto seed = new_seed();
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (unsigned t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            std::mt19937_64 random(seed + t);
            for (int i = 0; i < 3000; ++i) {
                const auto at = static_cast<std::uint32_t>(random() % ids.size());
                if (!index.contains(ids[at]) || index.entry(at).id != ids[at] || index.contains(random_id(random))) ++wrong;
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
}

TEST(Segments, hold_what_was_put_in_and_nothing_that_does_not_fit) {
    Chunks chunks(5);
    std::vector<SealedPack> packs;
    for (int i = 0; i < 20; ++i) packs.push_back(chunks.pack());
    const std::set<Id> stands_for{random_id(chunks.random), random_id(chunks.random)};
    const auto payload = encode_segment(packs, stands_for);
    std::set<Id> replaced;
    const auto read = decode_segment(payload, "segment", replaced);
    EXPECT_EQ(replaced, stands_for);
    ASSERT_EQ(read.size(), packs.size());
    for (std::size_t i = 0; i < read.size(); ++i) {
        EXPECT_EQ(read[i].info.sha, packs[i].info.sha);
        EXPECT_EQ(read[i].info.frames, packs[i].info.frames);
        EXPECT_EQ(read[i].chunks, packs[i].chunks);
    }
    // One that is malformed at its end has not told half of itself.
    Index index;
    for (std::size_t cut = 1; cut < 200; cut += 7)
        EXPECT_THROW(index.add_segment(base::ByteView(payload).first(payload.size() - cut), "segment"), Corrupt);
    EXPECT_EQ(index.packs().size() + index.chunks() + index.replaced().size() + index.segments().size(), 0u);
}

class IndexInUse : public BackupTest {};

TEST_F(IndexInUse, what_is_stored_many_times_in_one_run_is_stored_once) {
    for (int i = 0; i < 4'400; ++i)
        write(source() / ("folder" + std::to_string(i % 7)) / std::to_string(i), "content " + std::to_string(i % 2'200));
    auto repository = create();
    const auto first = back_up(*repository);
    std::int64_t once = 0;
    for (int i = 0; i < 2'200; ++i) once += static_cast<std::int64_t>(("content " + std::to_string(i)).size());
    EXPECT_EQ(first.bytes_new, once);
    EXPECT_EQ(back_up(*repository).bytes_new, 0);
    EXPECT_EQ(back_up(*open()).bytes_new, 0);
    EXPECT_EQ(all(check(*open()).problems), "");
}

TEST_F(IndexInUse, a_scratch_file_that_cannot_be_read_costs_a_try_and_no_data) {
    for (int i = 0; i < 1'500; ++i) write(source() / std::to_string(i), "content " + std::to_string(i));
    auto repository = create();
    back_up(*repository);
    const auto index = repository->inside().load_index({});
    ASSERT_GT(index->scratch().size(), 10 * ScratchFile::page_size);
    ASSERT_EQ(ftruncate(index->scratch().file().get(), 0), 0);
    EXPECT_THROW(back_up(*repository), Unavailable);
    EXPECT_TRUE(index->is_broken());
    // Who asks next has another one.
    EXPECT_NE(repository->inside().load_index({}), index);
    EXPECT_EQ(back_up(*repository).files_unchanged, 1'500);
    EXPECT_EQ(all(check(*repository).problems), "");
}

TEST_F(IndexInUse, one_new_name_in_a_wide_folder_adds_little) {
    constexpr int names = 6'000;
    for (int i = 0; i < names; ++i) write(source() / ("recording-" + std::to_string(1'000'000 + i)), std::to_string(i));
    auto repository = create();
    back_up(*repository);
    const auto weight = [&] {
        std::uintmax_t bytes = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(repo()))
            if (entry.is_regular_file()) bytes += entry.file_size();
        return bytes;
    };
    const auto before = weight();
    write(source() / "recording-1003000-and-one-more", "new");
    const auto totals = back_up(*repository);
    EXPECT_EQ(totals.files_unchanged, names);
    EXPECT_LT(weight() - before, 300'000u) << "one node, those above it, and a snapshot";
    restore(*repository, totals.snapshot.id, "out");
    EXPECT_EQ(all(differences(source(), folder / "out")), "");
}

}  // namespace
}  // namespace tenon::tests
