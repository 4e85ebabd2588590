// The collector's protocol, every schedule of it: three writers and two collectors, each step one operation on the store, any of
// them paused for as long as you like before each step, any writer killed. What src/backup does is written along this model.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tenon::tests {
namespace {

// ---- the world ----

constexpr int most_writers = 3, most_collectors = 2;
using Chunks = std::uint8_t;   // bit 0: A, which only a forgotten snapshot had; bit 1: B, which a living one needs
using Packs = std::uint32_t;   // by number

constexpr Chunks chunk_a = 1, chunk_b = 2;
/// Packs 0 and 1 were there before; writer w stores 2 + w; collector c, working on epoch e, copies into one of the others.
constexpr int copied(int collector, int epoch, Chunks what) { return 5 + (collector * 2 + epoch) * 3 + what - 1; }

enum class Flag : std::uint8_t { none, swept, void_ };

struct Epoch {
    std::uint8_t intent = 0;
    Flag flag = Flag::none;
    std::uint8_t expired = 0;   // writers that the flag names
    std::uint8_t pad = 0;
    Packs drop = 0;
};

enum class Life : std::uint8_t { unborn, alive, over };

struct Writer {
    std::uint8_t at = 0;
    Life beacon = Life::unborn;
    std::uint8_t pad[2]{};
    Packs leaving = 0;          // what it saw under intents
};

struct Collector {
    std::uint8_t at = 0;
    std::uint8_t wait = 0, expired = 0;
    std::uint8_t target = 0;    // the epoch it sweeps
    Packs leaving = 0;
    Packs drop = 0;             // of the epoch it sweeps, as it read it
    Chunks needs = 0, copy = 0;
    std::uint8_t seen = 0;      // snapshots
    std::uint8_t choice = 0;
};

struct State {
    Packs packs = 3;
    std::uint8_t snapshots = 0, commits = 0, acknowledged = 0, pad = 0;
    std::array<Epoch, most_collectors> epochs{};
    std::array<Writer, most_writers> writers{};
    std::array<Collector, most_collectors> collectors{};

};
static_assert(std::has_unique_object_representations_v<State>);

/// 128 bits of a state: of a hundred million states two share theirs with a probability of one in 10^22.
using Print = std::pair<std::uint64_t, std::uint64_t>;
Print print_of(const State& state) {
    std::uint64_t words[(sizeof(State) + 7) / 8]{};
    std::memcpy(words, &state, sizeof(State));
    std::uint64_t a = 0x9e3779b97f4a7c15, b = 0xc2b2ae3d27d4eb4f;
    for (const auto word : words) {
        a = (a ^ word) * 0xff51afd7ed558ccd;
        a ^= a >> 32;
        b = (b + word) * 0xc4ceb9fe1a85ec53;
        b ^= b >> 29;
    }
    return {a | 1, b};  // the first one is never 0
}

class Seen {
public:
    /// Whether it was not there.
    bool insert(const Print& print) {
        if (size_ * 2 >= slots_.size()) grow();
        auto& slot = find(print);
        if (slot == print) return false;
        slot = print;
        return ++size_ != 0;
    }
    std::size_t size() const { return size_; }

private:
    Print& find(const Print& print) {
        auto at = print.second & (slots_.size() - 1);
        while (slots_[at].first != 0 && slots_[at] != print) at = (at + 1) & (slots_.size() - 1);
        return slots_[at];
    }
    void grow() {
        auto old = std::exchange(slots_, std::vector<Print>(slots_.size() * 4));
        for (const auto& print : old)
            if (print.first != 0) find(print) = print;
    }
    std::vector<Print> slots_ = std::vector<Print>(1 << 12);
    std::size_t size_ = 0;
};

/// What is left out of the protocol, to see that it was needed.
struct Mutant {
    bool no_a = false;              // the writer does not look for intents behind its beacon
    bool no_c = false;              // nor for flags behind its snapshot
    bool sessions_first = false;    // the collector lists sessions before its intent is there
    bool overwrites_flag = false;   // a flag may replace another
    bool blind_to_others = false;   // a collector relies on packs that are in another's intent
    bool trusts_leaving = false;    // a writer that was named relies on packs that are in an intent
    bool spares = false;            // a collector leaves what is needed where it is, instead of copying it
    bool forgets_void = false;      // void flags go with their intents
};

struct Model {
    int writers = most_writers;
    bool initial_b = true;          // pack 0 holds A and B, pack 1 holds B; else both hold A alone
    std::vector<std::uint8_t> choices{1, 2, 3, 4};  // packs of an intent: these of the first two, or (4) all there are
    Mutant mutant{};
    bool coarse = false;            // steps that follow each other without anybody else's in between: about seven are left of each

    Chunks content(int pack) const {
        if (pack == 0) return initial_b ? chunk_a | chunk_b : chunk_a;
        if (pack == 1) return initial_b ? chunk_b : chunk_a;
        if (pack < 5) return chunk_a;
        return static_cast<Chunks>((pack - 5) % 3 + 1);
    }
    Chunks stored(Packs packs) const {
        Chunks all = 0;
        for (; packs != 0; packs &= packs - 1) all |= content(std::countr_zero(packs));
        return all;
    }
    static Packs leaving(const State& state) {
        Packs all = 0;
        for (const auto& epoch : state.epochs)
            if (epoch.intent) all |= epoch.drop;
        return all;
    }
    static std::uint8_t named(const State& state) {
        std::uint8_t all = 0;
        for (const auto& epoch : state.epochs)
            if (epoch.flag == Flag::swept) all |= epoch.expired;
        return all;
    }
    Chunks needs(std::uint8_t snapshots) const { return static_cast<Chunks>((initial_b ? chunk_b : 0) | (snapshots ? chunk_a : 0)); }

    /// Empty: all is well.
    std::string wrong(const State& state) const {
        const auto all = stored(state.packs);
        if (initial_b && !(all & chunk_b)) return "the old snapshot lost its chunk";
        const std::uint8_t visible = state.snapshots & (static_cast<std::uint8_t>(~named(state)) | state.commits);
        if (visible && !(all & chunk_a)) return "a snapshot that everybody sees has a hole";
        if (state.acknowledged & ~state.snapshots) return "a backup was reported and is not there";
        if (state.acknowledged & ~visible) return "a backup was reported and nobody sees it";
        return {};
    }

    template <class Next> void writer(const State& state, int w, Next next) const {
        auto to = state;
        auto& me = to.writers[w];
        const auto bit = static_cast<std::uint8_t>(1 << w);
        const auto go = [&](int at) {
            me.at = static_cast<std::uint8_t>(at);
            next(to);
        };
        // Killed: its beacon's lock is free. Before there is a snapshot that is no different from a pause without end.
        if (me.at >= 5 && me.at != 8 && me.at != 9) {
            auto killed = state;
            killed.writers[w] = {.at = 9, .beacon = Life::over};
            next(killed);
        }
        switch (me.at) {
            case 0:
                me.beacon = Life::alive;
                return go(1);
            case 1:  // closing (a)
                me.leaving = mutant.no_a ? 0 : leaving(state);
                return go(2);
            case 2: {  // lists packs: one that has A and is not leaving serves
                const bool there = stored(state.packs & ~me.leaving) & chunk_a;
                me.leaving = 0;
                return go(there ? 4 : 3);
            }
            case 3:
                to.packs |= Packs{1} << (2 + w);
                return go(4);
            case 4:
                to.snapshots |= bit;
                return go(5);
            case 5:  // closing (c)
                return go(!mutant.no_c && (named(state) & bit) ? 6 : 10);
            case 6:
                me.leaving = mutant.trusts_leaving ? 0 : leaving(state);
                return go(7);
            case 7: {
                const bool there = stored(state.packs & ~me.leaving) & chunk_a;
                me.leaving = 0;
                if (there) {
                    me.at = 10;
                    return next(to);
                }
                to.snapshots &= static_cast<std::uint8_t>(~bit);  // withdrawn; it begins anew as another session
                return go(8);
            }
            case 10:  // its record in the log, by which it counts whatever flags come
                to.commits |= bit;
                to.acknowledged |= bit;
                return go(8);
            case 8:
                me.beacon = Life::over;
                return go(9);
            default: return;
        }
    }

    template <class Next> void collector(const State& state, int c, Next next) const {
        auto to = state;
        auto& me = to.collectors[c];
        auto& mine = to.epochs[c];
        auto& target = to.epochs[me.target];
        const auto go = [&](int at) {
            me.at = static_cast<std::uint8_t>(at);
            next(to);
        };
        const auto sessions = [&] {
            std::uint8_t alive = 0;
            for (int w = 0; w < writers; ++w)
                if (state.writers[w].beacon == Life::alive) alive |= static_cast<std::uint8_t>(1 << w);
            return alive;
        };
        switch (me.at) {
            case 0:  // the lease; collector 1 takes it from collector 0, at any moment
                if (c == 1 && state.collectors[0].at == 0) return;
                return go(c == 0 ? 4 : 1);
            case 1:  // looks for what the one before left
                if (!state.epochs[0].intent) return go(4);
                me.target = 0;
                me.drop = state.epochs[0].drop;
                return go(state.epochs[0].flag == Flag::none ? 2 : state.epochs[0].flag == Flag::void_ ? 3 : 9);
            case 2:
                if (target.flag == Flag::swept) return go(9);
                target.flag = Flag::void_;
                return go(3);
            case 3:
                target.intent = 0;
                target.drop = 0;
                me.drop = 0;
                if (mutant.forgets_void) target.flag = Flag::none;
                return go(4);
            case 4:  // whatever it marked, however long ago: any of these may be its intent
                me.target = static_cast<std::uint8_t>(c);
                for (const std::uint8_t choice : choices) {
                    me.choice = choice;
                    if (mutant.sessions_first) {
                        me.wait = sessions();
                        go(5);
                    } else {
                        me.at = 5;
                        const auto chosen = to;
                        collector(chosen, c, next);
                    }
                }
                return;
            case 5:
                mine.intent = 1;
                mine.drop = me.drop = me.choice == 4 ? state.packs : me.choice & state.packs;
                me.choice = 0;
                if (mine.drop == 0) return;
                return go(mutant.sessions_first ? 7 : 6);
            case 6:
                me.wait = sessions();
                return go(7);
            case 7:  // each of them has ended, or is given up, too early as far as this model goes
                if (mine.flag != Flag::none && !mutant.overwrites_flag) {
                    me = {.at = 20};
                    return next(to);
                }
                me.expired = me.wait & sessions();
                me.wait = 0;
                mine.flag = Flag::swept;
                mine.expired = me.expired;
                me.expired = 0;
                return go(9);
            case 9:
                me.seen = state.snapshots;
                me.needs = needs(state.snapshots);
                return go(10);
            case 10:
                me.leaving = mutant.blind_to_others ? me.drop : leaving(state) | me.drop;
                return go(11);
            case 11: {
                const auto outside = stored(state.packs & ~me.leaving);
                const auto inside = stored(state.packs & me.drop);
                me.copy = static_cast<Chunks>(me.needs & ~outside & inside);
                me.leaving = 0;
                me.needs = 0;
                if (mutant.spares && me.copy) {
                    // Stays where it is, and leaves the intent.
                    Packs spared = 0;
                    for (int pack = 0; pack < 17; ++pack)
                        if ((me.drop & state.packs & (Packs{1} << pack)) && (content(pack) & me.copy)) spared |= Packs{1} << pack;
                    me.copy = 0;
                    me.leaving = spared;
                }
                return go(me.copy ? 12 : 13);
            }
            case 12:
                // What it reads from may have gone by the hand of another: then it looks again.
                if ((stored(state.packs & me.drop) & me.copy) != me.copy) {
                    me.copy = 0;
                    return go(9);
                }
                to.packs |= Packs{1} << copied(c, me.target, me.copy);
                me.copy = 0;
                return go(13);
            case 13: {
                const auto left = state.packs & me.drop & ~me.leaving;
                if (left == 0) {
                    me.leaving = 0;
                    me.at = 14;
                    return collector(to, c, next);
                }
                to.packs &= ~(left & (0 - left));
                return go(13);
            }
            case 14:  // vouches for what it saw of writers that were given up, as they would themselves
                me.seen &= named(state) & static_cast<std::uint8_t>(~state.commits);
                me.drop = 0;
                if (me.seen == 0) return go(15);
                me.leaving = leaving(state);
                return go(17);
            case 17:
                if (stored(state.packs & ~me.leaving) & chunk_a) to.commits |= me.seen;
                me.seen = 0;
                me.leaving = 0;
                return go(15);
            case 15:
                target.intent = 0;
                target.drop = 0;
                return go(16);
            case 16:
                if (target.expired == 0 && target.flag == Flag::swept) target.flag = Flag::none;
                return go(me.target == c ? 20 : 4);
            default: return;
        }
    }

    /// In a coarse model: goes on to where another's step could make a difference.
    void settle_writer(State& state, int w) const {
        const auto follows = [](int at) { return at == 2 || at == 3 || at == 7 || at == 8; };
        while (coarse && follows(state.writers[w].at)) {
            const auto from = state;
            writer(from, w, [&](const State& to) { state = to; });
        }
    }
    void settle_collector(State& state, int c, bool deletes) const {
        const auto follows = [](int at) { return at == 2 || at == 3 || at == 10 || at == 11 || (at >= 14 && at <= 17); };
        while (coarse) {
            const int at = state.collectors[c].at;
            if (!follows(at) && !(at == 13 && deletes)) return;
            const auto from = state;
            collector(from, c, [&](const State& to) { state = to; });
        }
    }

    struct Outcome {
        std::string wrong;
        std::size_t states = 0, reported = 0, vouched = 0, ends = 0;
    };
    Outcome explore(std::size_t most = 300'000'000) const {
        Outcome out;
        Seen seen;
        std::vector<State> open;
        const auto add = [&](State state) {
            // Writers are alike: a schedule that only swaps them is no other schedule.
            canonical(state);
            if (!seen.insert(print_of(state))) return;
            open.push_back(state);
        };
        State start;
        add(start);
        while (!open.empty() && out.wrong.empty() && seen.size() < most) {
            const auto state = open.back();
            open.pop_back();
            out.wrong = wrong(state);
            bool ended = true;
            const auto next = [&](const State& to) {
                ended = false;
                add(to);
            };
            for (int w = 0; w < writers; ++w)
                writer(state, w, [&](State to) {
                    settle_writer(to, w);
                    next(to);
                });
            for (int c = 0; c < most_collectors; ++c)
                collector(state, c, [&](State to) {
                    settle_collector(to, c, state.collectors[c].at == 13);
                    next(to);
                });
            out.reported += std::popcount(state.acknowledged) == writers;
            out.vouched += state.commits != 0;
            if (!ended) continue;
            ++out.ends;
            if (out.wrong.empty() && state.epochs[1].intent) out.wrong = "a collector that ended left its intent";
        }
        out.states = seen.size();
        return out;
    }

    void canonical(State& state) const {
        const auto swapped = [](std::uint8_t bits, int a, int b) {
            const auto x = (bits >> a & 1) ^ (bits >> b & 1);
            return static_cast<std::uint8_t>(bits ^ (x << a | x << b));
        };
        const auto packs_swapped = [](Packs bits, int a, int b) {
            const auto x = (bits >> (2 + a) & 1) ^ (bits >> (2 + b) & 1);
            return bits ^ (x << (2 + a) | x << (2 + b));
        };
        const auto key = [&](int w) {
            const auto& me = state.writers[w];
            return std::tuple(me.at, me.beacon, me.leaving, state.snapshots >> w & 1, state.commits >> w & 1, state.acknowledged >> w & 1,
                              state.packs >> (2 + w) & 1, state.epochs[0].expired >> w & 1, state.epochs[1].expired >> w & 1,
                              state.epochs[0].drop >> (2 + w) & 1, state.epochs[1].drop >> (2 + w) & 1,
                              state.collectors[0].wait >> w & 1, state.collectors[1].wait >> w & 1,
                              state.collectors[0].seen >> w & 1, state.collectors[1].seen >> w & 1,
                              state.collectors[0].drop >> (2 + w) & 1, state.collectors[1].drop >> (2 + w) & 1,
                              state.collectors[0].leaving >> (2 + w) & 1, state.collectors[1].leaving >> (2 + w) & 1);
        };
        for (int round = 0; round < writers; ++round)
            for (int a = 0; a + 1 < writers; ++a) {
                const int b = a + 1;
                if (!(key(b) < key(a))) continue;
                std::swap(state.writers[a], state.writers[b]);
                for (auto* bits : {&state.snapshots, &state.commits, &state.acknowledged}) *bits = swapped(*bits, a, b);
                state.packs = packs_swapped(state.packs, a, b);
                for (auto& epoch : state.epochs) {
                    epoch.expired = swapped(epoch.expired, a, b);
                    epoch.drop = packs_swapped(epoch.drop, a, b);
                }
                for (auto& one : state.collectors) {
                    one.wait = swapped(one.wait, a, b);
                    one.expired = swapped(one.expired, a, b);
                    one.seen = swapped(one.seen, a, b);
                    one.leaving = packs_swapped(one.leaving, a, b);
                    one.drop = packs_swapped(one.drop, a, b);
                }
                for (auto& me : state.writers) me.leaving = packs_swapped(me.leaving, a, b);
            }
    }
};

// ---- what must hold ----

void expect_sound(const Model& model) {
    const auto out = model.explore();
    EXPECT_EQ(out.wrong, "");
    EXPECT_LT(out.states, 300'000'000u) << "all of them were seen";
    EXPECT_GT(out.ends, 0u) << "they come to an end";
    EXPECT_GT(out.reported, 0u) << "and so do the backups";
    EXPECT_GT(out.vouched, 0u);
    std::printf("%zu states\n", out.states);
}

void expect_broken(Mutant mutant) {
    std::string wrong;
    for (const bool initial_b : {true, false})
        if (wrong.empty())
            wrong = Model{.writers = 1, .initial_b = initial_b, .choices = {1, 2, 3, 4}, .mutant = mutant, .coarse = false}.explore().wrong;
    EXPECT_NE(wrong, "");
    std::printf("%s\n", wrong.c_str());
}

TEST(CollectorModel, no_schedule_of_one_writer_and_two_collectors_loses_a_chunk) {
    expect_sound({.writers = 1, .initial_b = true, .choices = {1, 2, 3, 4}, .mutant = {}, .coarse = false});
}
TEST(CollectorModel, no_schedule_of_two_writers_and_two_collectors_loses_a_chunk) {
    expect_sound({.writers = 2, .initial_b = false, .choices = {3, 4}, .mutant = {}, .coarse = true});
}
TEST(CollectorModel, no_schedule_of_three_writers_and_two_collectors_loses_a_chunk) {
    if (!std::getenv("TENON_LARGE_MODELS")) GTEST_SKIP() << "with the long tests";
    expect_sound({.writers = 3, .initial_b = false, .choices = {4}, .mutant = {}, .coarse = true});
}
TEST(CollectorModel, a_writer_must_look_for_intents_behind_its_beacon) { expect_broken({.no_a = true}); }
TEST(CollectorModel, a_writer_must_look_for_flags_behind_its_snapshot) { expect_broken({.no_c = true}); }
TEST(CollectorModel, sessions_must_be_listed_behind_the_intent) { expect_broken({.sessions_first = true}); }
TEST(CollectorModel, a_flag_must_be_made_once) { expect_broken({.overwrites_flag = true}); }
TEST(CollectorModel, collectors_must_not_rely_on_what_another_one_drops) { expect_broken({.blind_to_others = true}); }
TEST(CollectorModel, a_named_writer_must_not_rely_on_what_is_dropped) { expect_broken({.trusts_leaving = true}); }
TEST(CollectorModel, what_is_needed_must_be_copied_and_not_spared) { expect_broken({.spares = true}); }
TEST(CollectorModel, void_flags_must_stay) { expect_broken({.forgets_void = true}); }

}  // namespace
}  // namespace tenon::tests
