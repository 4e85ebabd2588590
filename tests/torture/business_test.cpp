// What a business trusts with its money: holds, leases and usage of one tenant, from four processes that are killed and stopped at
// random, against counts that outlive them.

#include <atomic>
#include <iostream>
#include <numeric>
#include <set>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>

#include "torture.hpp"

namespace tenon::torture {
namespace {

using namespace std::chrono_literals;
using Monotonic = std::chrono::steady_clock;

constexpr std::size_t places = 4;             // processes at once
constexpr std::int64_t asked_time = 1'000, spent_time = 700;   // of each hold, ms of render time
constexpr std::int64_t batch = 50;            // events told in one call
constexpr std::int64_t block = 500;
constexpr auto lease_ttl = 1s;
/// So far the limits are kept ahead of what is granted: they are met again and again, and yet nobody stands still.
constexpr std::int64_t calls_ahead = 3'000, time_ahead = 100 * asked_time;

/// What the processes in one place did. Written before and after each call, in memory that outlives whoever is killed.
struct Counts {
    std::atomic<std::int64_t> asked, granted, refused;       // calls of the API
    std::atomic<std::int64_t> committing, committed;         // holds
    std::atomic<std::int64_t> told, acknowledged;            // usage events: the last one's number
};

class Board {
public:
    explicit Board(const std::filesystem::path& file) {
        const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (descriptor < 0 || ::ftruncate(descriptor, sizeof(Counts) * places) != 0) throw std::runtime_error("no board");
        void* memory = ::mmap(nullptr, sizeof(Counts) * places, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
        ::close(descriptor);
        if (memory == MAP_FAILED) throw std::runtime_error("no board");
        counts_ = static_cast<Counts*>(memory);
    }
    ~Board() { ::munmap(counts_, sizeof(Counts) * places); }
    Board(const Board&) = delete;
    Board& operator=(const Board&) = delete;

    Counts& operator[](std::size_t place) { return counts_[place]; }
    std::int64_t sum(std::atomic<std::int64_t> Counts::*what) const {
        return std::accumulate(counts_, counts_ + places, std::int64_t{0}, [&](std::int64_t sum, const Counts& c) { return sum + c.*what; });
    }

private:
    Counts* counts_ = nullptr;
};

void spend(Session session, Counts& counts) {
    const auto open = [&] { return session.quotas().lease({.resource = Resource::api_calls, .block = block, .ttl = lease_ttl}); };
    auto lease = open();
    for (;;) {
        ++counts.asked;
        if (lease.spend()) {
            ++counts.granted;
        } else {
            ++counts.refused;
            std::this_thread::sleep_for(2ms);
        }
    }
}

void hold(Session session, Counts& counts) {
    for (;;) {
        auto granted = session.quotas().try_reserve({.asks = {{Resource::render_time, asked_time}}, .ttl = 2s});
        if (!granted) {
            std::this_thread::sleep_for(2ms);
            continue;
        }
        ++counts.committing;
        try {
            granted->commit({{Resource::render_time, spent_time}});
            ++counts.committed;
        } catch (const Conflict&) {
            --counts.committing;  // this process was stopped past the hold's time
        }
    }
}

UsageEvent event(std::size_t place, std::int64_t number, Time at) {
    return {.source = "gate-" + std::to_string(place), .id = std::to_string(number), .meter = "scans", .quantity = number % 7, .occurred_at = at};
}

/// Quantities of the first `count` events of a place.
std::int64_t scanned(std::int64_t count) {
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += i % 7;
    return sum;
}

/// What was told and not acknowledged is told again, in another order, with some of what was.
void count(Session session, std::size_t place, Counts& counts) {
    const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
    const auto at = std::chrono::time_point_cast<Duration>(std::chrono::sys_days{today});
    std::mt19937_64 random(static_cast<std::uint64_t>(Monotonic::now().time_since_epoch().count()));
    for (;;) {
        const std::int64_t first = counts.acknowledged, behind = std::min<std::int64_t>(first, static_cast<std::int64_t>(random() % 20));
        std::vector<UsageEvent> events;
        for (std::int64_t i = first - behind; i < first + batch; ++i) events.push_back(event(place, i, at));
        std::shuffle(events.begin(), events.end(), random);
        counts.told = first + batch;
        session.usage().record(events);
        counts.acknowledged = first + batch;
    }
}

TEST(Victim, DISABLED_business) {
    Victim::play([](Victim& victim) {
        Board board(Victim::setting("TORTURE_BOARD"));
        const auto place = static_cast<std::size_t>(std::stoi(Victim::setting("TORTURE_PLACE")));
        Counts& counts = board[place];
        const auto part = [&](auto work) {
            return std::jthread([&victim, work] {
                try {
                    work(victim.acme());
                } catch (const std::exception& error) {
                    std::fprintf(stderr, "the victim failed by itself: %s\n", error.what());
                    _exit(1);
                }
            });
        };
        std::vector<std::jthread> threads;
        threads.push_back(part([&](Session session) { spend(std::move(session), counts); }));
        for (int i = 0; i < 2; ++i) threads.push_back(part([&](Session session) { hold(std::move(session), counts); }));
        threads.push_back(part([&, place](Session session) { count(std::move(session), place, counts); }));
        tell("begun");
    });
}

class Business : public Torture {
protected:
    Business() : deaths(kills > 20 ? kills * 100 : kills * 20), stops(std::max(1, deaths / 100)), board(folder.path() / "board") {
        settings["TORTURE_BOARD"] = (folder.path() / "board").string();
    }

    std::unique_ptr<tests::ChildProcess> start(std::size_t place) {
        settings["TORTURE_PLACE"] = std::to_string(place);
        return std::make_unique<tests::ChildProcess>("Victim.DISABLED_business", settings);
    }

    /// Moves a limit on, after a look at whether more was granted than it allows.
    void lead(Tenants tenants, Resource resource, std::int64_t& limit, std::int64_t granted, std::int64_t ahead) {
        EXPECT_LE(granted, limit) << to_string(resource) << " was oversold";
        limit = std::max(limit, granted + ahead);
        tenants.grant_limit({.tenant = acme().tenant(), .name = std::string("lead-") + (resource == Resource::api_calls ? "calls" : "time"),
                             .resource = resource, .limit = limit, .reason = "torture"});
    }

    /// The witness: keeps the limits near, and looks.
    void watch(const std::stop_token& stop) {
        auto tenants = engine->open_operator({.actor = "witness", .reason = "torture"}).tenants();
        std::int64_t refused = 0;
        while (!stop.stop_requested()) {
            // Calls go on once somebody was refused: so the limit is met each time, however slow the machine is.
            if (const auto now = board.sum(&Counts::refused); std::exchange(refused, now) != now)
                lead(tenants, Resource::api_calls, calls, board.sum(&Counts::granted), calls_ahead);
            lead(tenants, Resource::render_time, time, board.sum(&Counts::committed) * spent_time, time_ahead);
            std::this_thread::sleep_for(100ms);
        }
    }

    void kill_and_stop();
    std::int64_t recorded(Session& session, const std::string& action);

    const int deaths, stops;
    Board board;
    std::int64_t calls = 0, time = 0;
};

/// Somebody dies all the time, in the middle of starting, too; one in a hundred is stopped past its lease and goes on.
void Business::kill_and_stop() {
    std::array<std::unique_ptr<tests::ChildProcess>, places> workers;
    for (std::size_t i = 0; i < places; ++i) workers[i] = start(i);
    std::optional<std::size_t> stopped;
    Monotonic::time_point until;
    const auto wake = [&] {
        ::kill(workers[*stopped]->pid(), SIGCONT);
        stopped.reset();
    };
    int slept = 0;
    for (int dead = 0; dead < deaths && !HasFailure();) {
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 30));
        const std::size_t place = random() % places;
        if (stopped && Monotonic::now() > until) wake();
        if (place == stopped) continue;
        if (random() % 2 == 0) {
            const auto before = board[place].acknowledged + board[place].committed;
            eventually([&] { return board[place].acknowledged + board[place].committed > before; }, 2s);
        }
        if (!stopped && slept * 100 <= dead) {
            ::kill(workers[place]->pid(), SIGSTOP);
            stopped = place;
            until = Monotonic::now() + lease_ttl + 500ms;
            ++slept;
            continue;
        }
        workers[place]->kill();
        workers[place] = start(place);
        ++dead;
    }
    if (stopped) wake();
    EXPECT_GE(slept, stops);
    std::cout << slept << " were stopped past their leases" << std::endl;
}

std::int64_t Business::recorded(Session& session, const std::string& action) {
    std::int64_t found = 0;
    for (AuditFilter filter{.action = action, .limit = 10'000};;) {
        const auto page = session.audit().list(filter);
        for (const auto& record : page) found += record.action == action && record.outcome == "ok";
        if (page.size() < 10'000) return found;
        filter.after = page.back().seq;
    }
}

TEST_F(Business, killed_and_stopped_nothing_is_oversold_lost_or_counted_twice) {
    const auto begun = Monotonic::now();
    {
        auto tenants = engine->open_operator({.actor = "witness", .reason = "torture"}).tenants();
        lead(tenants, Resource::api_calls, calls, 0, calls_ahead);
        lead(tenants, Resource::render_time, time, 0, time_ahead);
        const std::jthread witness([&](const std::stop_token& stop) { watch(stop); });
        kill_and_stop();
    }
    const auto took = std::chrono::duration<double>(Monotonic::now() - begun).count();
    std::this_thread::sleep_for(3s);  // longer than any hold or lease of theirs lives
    engine.reset();
    open();  // gives back what the dead had taken and not spent
    auto mine = acme();
    const auto used = [&](Resource resource) { return mine.quotas().get(resource).used; };
    EXPECT_TRUE(eventually([&] {
        const auto all = mine.quotas().snapshot();
        return std::ranges::all_of(all, [](const Quota& quota) { return quota.reserved == 0; });
    })) << "holds or leases were leaked";

    const auto granted = board.sum(&Counts::granted), committed = board.sum(&Counts::committed);
    EXPECT_GE(used(Resource::api_calls), granted) << "what was granted counts";
    EXPECT_LE(used(Resource::api_calls), granted + (deaths + std::int64_t{places}) + (stops + 1) * block)
        << "one each of whoever died between two steps, and the blocks of the stopped";
    EXPECT_LE(used(Resource::api_calls), calls);
    EXPECT_GE(used(Resource::render_time), committed * spent_time);
    EXPECT_LE(used(Resource::render_time), board.sum(&Counts::committing) * spent_time);
    EXPECT_LE(used(Resource::render_time), time);
    EXPECT_EQ(used(Resource::render_time), recorded(mine, "hold.commit") * spent_time) << "each change with its record, each record with its change";

    std::int64_t scans = 0;
    for (std::size_t place = 0; place < places; ++place) {
        const std::int64_t last = board[place].acknowledged;
        std::vector<UsageEvent> rest;
        const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
        const auto at = std::chrono::time_point_cast<Duration>(std::chrono::sys_days{today});
        for (std::int64_t i = last; i < board[place].told; ++i) rest.push_back(event(place, i, at));
        if (!rest.empty()) mine.usage().record(rest);
        scans += scanned(std::max<std::int64_t>(last, board[place].told));
    }
    std::map<std::string, std::int64_t> metered;
    for (const auto& meter : mine.usage().current().meters) metered[meter.meter] = meter.quantity;
    EXPECT_EQ(metered["scans"], scans);
    EXPECT_EQ(metered["api_calls"], used(Resource::api_calls));
    EXPECT_EQ(metered["render_time"], used(Resource::render_time));
    EXPECT_EQ(mine.usage().verify().different, 0);
    EXPECT_NO_THROW(mine.audit().verify());
    EXPECT_NO_THROW(engine->open_operator({.actor = "driver", .reason = "verify"}).audit().verify());

    EXPECT_GT(board.sum(&Counts::refused), 0) << "the limit was met";
    const double rate = static_cast<double>(granted + committed) / took;
    std::cout << deaths << " were killed; " << granted << " calls and " << committed << " holds were granted, " << static_cast<std::int64_t>(rate)
              << " a second" << std::endl;
    EXPECT_GE(rate, kills > 20 ? 5'000 : 100);
}

}  // namespace
}  // namespace tenon::torture
