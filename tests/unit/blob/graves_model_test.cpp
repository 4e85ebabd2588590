// Names die once: every schedule of one who removes an object, two who make copies (one of whom also heals), stores that lose it, and a
// kill of anybody at any moment. What src/blob does is written along this model.
#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tenon::tests {
namespace {

constexpr std::uint8_t over = 15;

/// Catches up: lists the copy, lists the home, looks what is buried, does one thing, looks again.
struct Copier {
    std::uint8_t at = 0;
    bool there = false, here = false, dead = false, copied = false, healed = false;
    auto operator<=>(const Copier&) const = default;
};

struct World {
    bool home = true, copy = false, buried = false;
    bool lost = false;           // the home's own store lost it once, which nobody wanted
    bool decided = false;        // somebody is about to remove it
    std::uint8_t remover = 0;
    std::array<Copier, 2> copiers{};
    auto operator<=>(const World&) const = default;
};

/// What is left out of the protocol, to see that it was needed.
struct Mutant {
    bool removes_first = false;      // the remover buries behind its removal
    bool lists_dead = false;         // what is buried is listed where it lies
};

struct Graves {
    Mutant mutant{};

    bool listed(const World& world) const { return world.home && (mutant.lists_dead || !world.buried); }

    template <class Next> void remover(const World& world, Next next) const {
        auto to = world;
        const auto go = [&](std::uint8_t at) {
            to.remover = at;
            next(to);
        };
        switch (world.remover) {
            case 0: to.decided = true; return go(1);
            case 1:
                if (mutant.removes_first) to.home = false;
                else to.buried = true;
                return go(2);
            case 2:
                if (mutant.removes_first) to.buried = true;
                else to.home = false;
                return go(3);
            default: return;
        }
    }

    template <class Next> void copier(const World& world, std::size_t c, bool heals, Next next) const {
        auto to = world;
        auto& me = to.copiers[c];
        const auto go = [&](std::uint8_t at) {
            me.at = at;
            next(to);
        };
        switch (me.at) {
            case 0: me.there = world.copy; return go(1);
            case 1: me.here = world.home; return go(2);
            case 2: me.dead = world.buried; return go(3);
            case 3:
                if (me.dead) {
                    to.copy = false;
                    if (heals) to.home = false;
                    return go(over);
                }
                if (me.here && !me.there) return go(world.home ? 4 : over);  // its source may have gone: then there is nothing to copy
                if (heals && !me.here && me.there) return go(world.copy ? 5 : over);
                return go(over);
            case 4:
                to.copy = me.copied = true;
                return go(6);
            case 5:
                to.home = me.healed = true;
                return go(6);
            case 6: me.dead = world.buried; return go(7);
            case 7:
                if (me.dead && me.copied) to.copy = false;
                if (me.dead && me.healed) to.home = false;
                return go(over);
            default: return;
        }
    }

    std::string wrong(const World& world) const {
        // Whoever decided and removed it does not see it again. Before that both answers are right.
        if (world.remover >= 2 + (mutant.removes_first ? 0 : 1) && listed(world)) return "a removed object is listed";
        // In the end, behind one healing that nobody disturbs.
        auto calm = world;
        calm.copiers = {};
        for (int step = 0; step < 8; ++step)
            copier(calm, 1, true, [&](const World& to) { calm = to; });
        if (world.buried && (calm.home || calm.copy)) return "a dead object lies somewhere for ever";
        if (!world.decided && world.copy && !calm.home) return "what was lost is not healed";
        if (!world.decided && world.home && !calm.home) return "an object nobody wanted to remove has gone";
        return {};
    }

    /// What goes wrong, and the number of states.
    std::pair<std::string, std::size_t> run() const {
        std::map<World, bool> seen;
        std::deque<World> next{World{}};
        seen[World{}] = true;
        while (!next.empty()) {
            const auto world = next.front();
            next.pop_front();
            if (const auto what = wrong(world); !what.empty()) return {what, seen.size()};
            const auto to = [&](const World& after) {
                if (seen.emplace(after, true).second) next.push_back(after);
            };
            remover(world, to);
            for (std::size_t c = 0; c < 2; ++c) {
                copier(world, c, c == 1, to);
                if (world.copiers[c].at == 0) continue;
                auto again = world;  // killed, or done: another one begins
                again.copiers[c] = {};
                to(again);
            }
            if (world.home && !world.decided && !world.lost) {
                auto lost = world;
                lost.home = false;
                lost.lost = true;
                to(lost);
            }
        }
        return {"", seen.size()};
    }
};

TEST(GravesModel, nothing_removed_comes_back_and_nothing_lost_stays_lost) {
    const auto [what, states] = Graves{}.run();
    EXPECT_EQ(what, "");
    EXPECT_GT(states, 1000u);
    RecordProperty("states", static_cast<int>(states));
}

TEST(GravesModel, burying_behind_the_removal_is_not_enough) { EXPECT_NE((Graves{.mutant = {.removes_first = true}}.run().first), ""); }
TEST(GravesModel, listing_the_dead_is_not_enough) { EXPECT_NE((Graves{.mutant = {.lists_dead = true}}.run().first), ""); }

/// One object takes another's place, and a third one that one's: every schedule of who does that and two who make copies, with a kill of these at
/// any moment. Were the home's own store lost, with all it says, the copy has one of them.
struct Place {
    static constexpr std::size_t versions = 3;
    using Versions = std::array<bool, versions>;
    struct Follower {
        std::uint8_t at = 0;
        bool has_gone = false;
        Versions there{}, given{}, listed{};
        auto operator<=>(const Follower&) const = default;
    };
    Versions home{true}, home_buried{}, copy{true}, copy_buried{};
    std::uint8_t replacer = 0;
    std::array<Follower, 2> followers{};
    auto operator<=>(const Place&) const = default;
};

struct Replacing {
    bool tells_at_once = false;   // whoever buries
    bool removes_first = false;   // before it copies
    bool looks_again = false;     // at what is buried, behind its list
    bool lets_go_anyway = false;  // though something that was listed had gone

    template <class Next> void replacer(const Place& place, Next next) const {
        if (place.replacer == 6) return;
        auto to = place;
        const std::size_t old = to.replacer / 3;
        switch (to.replacer++ % 3) {
            case 0: to.home[old + 1] = true; break;
            case 1:
                to.home_buried[old] = true;
                if (tells_at_once) to.copy_buried[old] = true;
                break;
            default: to.home[old] = false;
        }
        next(to);
    }

    template <class Next> void follower(const Place& place, std::size_t which, Next next) const {
        auto to = place;
        auto& me = to.followers[which];
        const auto copies = [&](std::size_t version) {
            if (!me.listed[version] || me.there[version]) return;
            if (place.home[version] && !place.home_buried[version]) to.copy[version] = true;
            else if (!me.given[version]) me.has_gone = true;
        };
        const auto buries = [&] {
            if (me.has_gone && !lets_go_anyway) return;
            for (std::size_t i = 0; i < Place::versions; ++i) to.copy_buried[i] = to.copy_buried[i] || me.given[i];
        };
        const auto removes = [&] {
            if (me.has_gone && !lets_go_anyway) return;
            for (std::size_t i = 0; i < Place::versions; ++i) to.copy[i] = to.copy[i] && !me.given[i];
        };
        switch (me.at++) {
            case 0: me.there = place.copy; break;
            case 1: me.given = place.home_buried; break;
            case 2: me.listed = place.home; break;
            case 3: removes_first ? buries() : copies(0); break;
            case 4: removes_first ? removes() : copies(1); break;
            case 5: copies(2); break;
            case 6:
                if (looks_again) me.given = place.home_buried;
                if (!removes_first) buries();
                break;
            case 7:
                if (!removes_first) removes();
                break;
            default: return;
        }
        next(to);
    }

    std::pair<std::string, std::size_t> run() const {
        std::map<Place, bool> seen;
        std::deque<Place> next{Place{}};
        seen[Place{}] = true;
        while (!next.empty()) {
            const auto place = next.front();
            next.pop_front();
            bool any = false;
            for (std::size_t i = 0; i < Place::versions; ++i) any = any || (place.copy[i] && !place.copy_buried[i]);
            if (!any) return {"none of them is in the copy", seen.size()};
            const auto to = [&](Place after) {
                std::sort(after.followers.begin(), after.followers.end());  // which of the two is which is all one
                if (seen.emplace(after, true).second) next.push_back(after);
            };
            replacer(place, to);
            for (std::size_t which = 0; which < 2; ++which) {
                follower(place, which, to);
                auto again = place;  // killed, or done: another one begins
                again.followers[which] = {};
                to(again);
            }
        }
        return {"", seen.size()};
    }
};

TEST(GravesModel, a_copy_always_has_what_was_replaced_or_what_replaced_it) {
    const auto [what, states] = Replacing{}.run();
    EXPECT_EQ(what, "");
    EXPECT_GT(states, 1000u);
    RecordProperty("states", static_cast<int>(states));
}

TEST(GravesModel, a_copy_is_not_told_at_once_of_what_was_replaced) { EXPECT_NE((Replacing{.tells_at_once = true}.run().first), ""); }
TEST(GravesModel, a_copy_lets_nothing_go_before_it_has_the_other) { EXPECT_NE((Replacing{.removes_first = true}.run().first), ""); }
TEST(GravesModel, a_copy_lets_nothing_go_that_was_buried_behind_its_list) { EXPECT_NE((Replacing{.looks_again = true}.run().first), ""); }
TEST(GravesModel, a_copy_lets_nothing_go_where_something_listed_had_gone) { EXPECT_NE((Replacing{.lets_go_anyway = true}.run().first), ""); }

}  // namespace
}  // namespace tenon::tests
