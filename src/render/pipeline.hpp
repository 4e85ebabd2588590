#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include <media/packet.hpp>
#include <render/plan.hpp>
#include <render/yard.hpp>

#include "piece.hpp"
#include "score.hpp"

namespace tenon::render {

/// A chunk of a plan, and the outputs that it is to be made for.
struct Wanted {
    std::size_t chunk = 0;
    std::vector<std::size_t> outputs{};
};

/// One chunk for one output.
struct Made {
    std::size_t chunk = 0, output = 0;
    std::vector<std::uint8_t> extradata{};
    std::vector<media::Packet> packets{};
    std::vector<Sample> samples{};
    std::vector<PieceDamage> damage{};   ///< Of the sources, where the chunk shows them.
};

/// Composes and encodes parts of a plan on threads of its own: a picture is composed while the one before it is encoded,
/// and a chunk is begun while the last pictures of the one before it are still in their encoder. The threads read the
/// sources and compute, nothing else; whatever is seen from outside is done by the caller of next(). So giving up needs no
/// waiting: the threads are left to the yard.
///
/// Threads   one caller.
class Pipeline {
public:
    /// Without a yard the destructor waits for the threads.
    Pipeline(const Plan& plan, const std::vector<std::filesystem::path>& files, std::vector<Wanted> wanted, Yard* yard);
    ~Pipeline();
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    struct News {
        std::int64_t pictures = 0;      ///< Encoded since the last news.
        std::optional<Made> made{};
    };
    /// Waits for the next. Empty when everything is made. Throws what went wrong; Cancelled as soon as `stop` asks.
    std::optional<News> next(const std::stop_token& stop);

    /// Of the sources, passed over; known at the end.
    std::int64_t damaged_packets() const;

private:
    struct State;
    std::shared_ptr<State> state_;
    Yard* yard_;
    std::jthread thread_;
};

}  // namespace tenon::render
