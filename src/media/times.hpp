#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <media/packet.hpp>
#include <media/stream.hpp>

namespace tenon::media {

/// Makes a file's times go forward: where a stream's own fall back, a new stretch begins behind the end of the one before.
/// Streams that fall back at the same place are moved by the same span, so they stay in step.
class Times {
public:
    explicit Times(const std::vector<StreamInfo>& streams);

    /// What is known after a packet: which stretch each stream is in.
    using Place = std::vector<std::size_t>;

    void correct(Packet& packet);
    /// Reading goes on elsewhere.
    void jump_to(const Place& place);
    /// The same stretches, for reading from the start.
    Times again() const;
    const Place& place() const { return place_; }

    bool one_stretch() const { return shifts_.size() == 1; }
    /// A stream's first moment and the end of its last; unset if it had none.
    std::optional<Duration> start(std::int32_t stream) const { return streams_.at(static_cast<std::size_t>(stream)).first; }
    std::optional<Duration> end(std::int32_t stream) const { return streams_.at(static_cast<std::size_t>(stream)).end; }

private:
    struct Stream {
        Rational tick{};
        std::optional<std::int64_t> last{};                   // decode time as the file tells it
        std::optional<Duration> first{}, end{};               // as corrected
    };

    std::vector<Stream> streams_;
    Place place_;
    std::vector<Duration> shifts_{Duration{}};                // of each stretch
};

/// What one look at all packets of a file told: where its stretches are, and where its key pictures lie.
struct TimeMap {
    struct Key {
        Duration time{};
        std::int64_t position = 0;   // in the file, bytes
        Times::Place place{};
    };
    Times times;
    std::vector<Key> keys{};
    std::int32_t stream = -1;        // whose keys they are

    /// The last key at or before `time`; none: the start of the file.
    const Key* before(Duration time) const;
};

/// Files that were looked at lately, so that opening one again costs nothing. Shared by the whole process.
///
/// Threads   any.
class TimeMaps {
public:
    struct File {
        std::uint64_t device = 0, number = 0;
        std::int64_t size = 0, changed = 0;
        friend auto operator<=>(const File&, const File&) = default;
    };
    static File identify(int descriptor);
    static std::shared_ptr<const TimeMap> find(const File& file);
    static void keep(const File& file, std::shared_ptr<const TimeMap> map);
};

}  // namespace tenon::media
