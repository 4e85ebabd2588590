#include "pipeline.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <utility>

#include <exec/thread.hpp>
#include <exec/wait.hpp>
#include <media/encoder.hpp>
#include <tenon/error.hpp>

#include "composer.hpp"

namespace tenon::render {
namespace {

constexpr std::size_t most_waiting = 3;   // pictures that wait for one encoder
constexpr std::size_t chunks_at_once = 2;

/// What waits for one encoder.
struct Lane {
    std::size_t chunk, output;
    std::deque<media::VideoFrame> waiting{};
    bool complete = false;   // no picture follows
    std::vector<PieceDamage> damage{};
};

}  // namespace

Yard::~Yard() { clear(); }

void Yard::take(std::jthread thread, std::shared_ptr<const std::atomic<bool>> ended) {
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [](const Entry& entry) { return entry.ended->load(); });
    entries_.push_back({std::move(thread), std::move(ended)});
}

void Yard::clear() {
    std::vector<Entry> entries;
    {
        const std::lock_guard lock(mutex_);
        entries.swap(entries_);
    }
}

struct Pipeline::State {
    State(const Plan& p, std::vector<std::filesystem::path> f, std::vector<Wanted> w)
        : plan(p), files(std::move(f)), wanted(std::move(w)) {}

    const Plan plan;   // the threads may outlive the run
    const std::vector<std::filesystem::path> files;
    const std::vector<Wanted> wanted;
    std::stop_source stop{};
    const std::shared_ptr<std::atomic<bool>> ended = std::make_shared<std::atomic<bool>>(false);

    std::mutex mutex;   // guards all below
    std::condition_variable_any changed;
    std::vector<std::shared_ptr<Lane>> lanes{};   // being encoded
    std::deque<Made> made{};
    std::int64_t pictures = 0, damaged = 0;
    std::exception_ptr failure{};
    bool finished = false;

    void fail(std::exception_ptr error) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::move(error);
        stop.request_stop();
        changed.notify_all();
    }

    template <class Ready> std::unique_lock<std::mutex> wait(Ready ready) {
        std::unique_lock lock(mutex);
        if (!changed.wait(lock, stop.get_token(), ready)) throw Cancelled("given up");
        return lock;
    }

    std::shared_ptr<Lane> begin(std::size_t chunk, std::size_t output);
    void compose(const std::vector<std::shared_ptr<Lane>>& into, const PlannedChunk& chunk, Composer& composer);
    void compose_all(std::vector<std::pair<std::shared_ptr<Lane>, std::jthread>>& crew);
    void run();
    void encode(Lane& lane);
};

/// A lane may begin while the chunk before it is being finished, but no more.
std::shared_ptr<Lane> Pipeline::State::begin(std::size_t chunk, std::size_t output) {
    auto lane = std::make_shared<Lane>(Lane{chunk, output});
    const auto lock = wait([&] {
        const auto same = std::count_if(lanes.begin(), lanes.end(), [&](const auto& other) { return other->output == output; });
        return static_cast<std::size_t>(same) < chunks_at_once;
    });
    lanes.push_back(lane);
    return lane;
}

void Pipeline::State::compose(const std::vector<std::shared_ptr<Lane>>& into, const PlannedChunk& chunk, Composer& composer) {
    for (std::int64_t i = 0; i < chunk.count; ++i)
        for (const auto& lane : into) {
            exec::check_stop(stop.get_token());
            media::VideoFrame frame = composer.frame(chunk.first + i, lane->output);
            const auto lock = wait([&] { return lane->waiting.size() < most_waiting; });
            lane->waiting.push_back(std::move(frame));
            changed.notify_all();
        }
    const auto damage_here = composer.damage(chunk.first, chunk.count);
    const std::lock_guard lock(mutex);
    for (const auto& lane : into) {
        lane->damage = damage_here;
        lane->complete = true;
    }
    changed.notify_all();
}

void Pipeline::State::compose_all(std::vector<std::pair<std::shared_ptr<Lane>, std::jthread>>& crew) {
    Composer composer(plan, files, stop.get_token());
    const auto open = [&](const std::shared_ptr<Lane>& lane) {
        return std::find(lanes.begin(), lanes.end(), lane) != lanes.end();
    };
    for (const Wanted& want : wanted) {
        std::vector<std::shared_ptr<Lane>> into;
        for (const std::size_t output : want.outputs) {
            into.push_back(begin(want.chunk, output));
            crew.emplace_back(into.back(), exec::start_thread("encode", [this, lane = into.back()] {
                try {
                    encode(*lane);
                } catch (...) {
                    fail(std::current_exception());
                }
                const std::lock_guard lock(mutex);
                std::erase(lanes, lane);
                changed.notify_all();
            }));
        }
        compose(into, plan.chunks[want.chunk], composer);
        std::vector<std::jthread> done;   // joined without the lock
        {
            const std::lock_guard lock(mutex);
            for (auto& [lane, thread] : crew)
                if (!open(lane)) done.push_back(std::move(thread));
            std::erase_if(crew, [](const auto& entry) { return !entry.second.joinable(); });
        }
    }
    const std::lock_guard lock(mutex);
    damaged = composer.damaged_packets();
}

void Pipeline::State::run() {
    {
        std::vector<std::pair<std::shared_ptr<Lane>, std::jthread>> crew;
        try {
            compose_all(crew);
        } catch (...) {
            fail(std::current_exception());   // or the crew would wait for pictures
        }
    }
    const std::lock_guard lock(mutex);
    finished = true;
    changed.notify_all();
}

void Pipeline::State::encode(Lane& lane) {
    const PlannedOutput& output = plan.outputs[lane.output];
    media::VideoEncoder encoder(output.encoding);
    Made result{.chunk = lane.chunk, .output = lane.output};
    Sampler sampler(picked(output.chunks[lane.chunk], plan.chunks[lane.chunk].count, plan.rate));
    std::int64_t number = 0;
    const auto drain = [&] {
        while (auto packet = encoder.receive()) {
            result.packets.push_back(std::move(*packet));
            exec::check_stop(stop.get_token());
        }
    };
    for (;;) {
        std::optional<media::VideoFrame> frame;
        {
            const auto lock = wait([&] { return !lane.waiting.empty() || lane.complete; });
            if (lane.waiting.empty()) break;
            frame = std::move(lane.waiting.front());
            lane.waiting.pop_front();
            changed.notify_all();
        }
        sampler.look(number++, *frame);
        encoder.send(*frame);
        drain();
        const std::lock_guard lock(mutex);
        ++pictures;
        changed.notify_all();
    }
    encoder.finish();
    drain();
    if (static_cast<std::int64_t>(result.packets.size()) != plan.chunks[lane.chunk].count)
        throw InternalError("an encoder returned another number of pictures than it was given");
    result.extradata = encoder.extradata();
    result.samples = sampler.compare(encoder.stream(), result.packets, stop.get_token());
    const std::lock_guard lock(mutex);
    result.damage = std::move(lane.damage);
    made.push_back(std::move(result));
    changed.notify_all();
}

Pipeline::Pipeline(const Plan& plan, const std::vector<std::filesystem::path>& files, std::vector<Wanted> wanted, Yard* yard)
    : state_(std::make_shared<State>(plan, files, std::move(wanted))), yard_(yard),
      thread_(exec::start_thread("compose", [state = state_] {
          state->run();
          state->ended->store(true);
      })) {}

Pipeline::~Pipeline() {
    state_->stop.request_stop();
    if (yard_ != nullptr) yard_->take(std::move(thread_), state_->ended);
}

std::optional<Pipeline::News> Pipeline::next(const std::stop_token& stop) {
    State& s = *state_;
    std::unique_lock lock(s.mutex);
    const auto news = [&] { return s.pictures > 0 || !s.made.empty() || s.failure || s.finished; };
    if (!s.changed.wait(lock, stop, news) || stop.stop_requested()) throw Cancelled("cancelled on request");
    if (s.pictures > 0) {
        --s.pictures;
        return News{.pictures = 1};
    }
    if (!s.made.empty()) {   // before a failure: what is whole is worth keeping
        News result{.made = std::move(s.made.front())};
        s.made.pop_front();
        return result;
    }
    if (s.failure) std::rethrow_exception(s.failure);
    return std::nullopt;
}

std::int64_t Pipeline::damaged_packets() const {
    const std::lock_guard lock(state_->mutex);
    return state_->damaged;
}

}  // namespace tenon::render
