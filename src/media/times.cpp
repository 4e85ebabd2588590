#include "times.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>

#include <base/file.hpp>
#include <media/time.hpp>

namespace tenon::media {
namespace {

// A frame out of place is no new beginning; half a second back is.
constexpr Duration falls_back = std::chrono::milliseconds(500);
constexpr std::size_t most_kept = 64;
constexpr Rational microsecond{1, 1'000'000};

struct Kept {
    std::mutex mutex;   // guards all below
    std::map<TimeMaps::File, std::shared_ptr<const TimeMap>> maps;
    std::vector<TimeMaps::File> order;   // oldest first
};

Kept& kept() {
    static Kept all;
    return all;
}

}  // namespace

Times::Times(const std::vector<StreamInfo>& streams) : place_(streams.size()) {
    for (const StreamInfo& stream : streams) streams_.push_back({.tick = stream.time_base});
}

void Times::correct(Packet& packet) {
    const auto index = static_cast<std::size_t>(packet.stream);
    const auto told = packet.dts ? packet.dts : packet.pts;
    if (!told || index >= streams_.size()) return;
    Stream& stream = streams_[index];
    const auto in_time = [&](std::int64_t ticks) { return to_duration({ticks, stream.tick}); };
    if (stream.last && in_time(*stream.last) - in_time(*told) > falls_back) {
        if (++place_[index] == shifts_.size()) {
            Duration end{};
            for (const Stream& other : streams_) end = std::max(end, other.end.value_or(end));
            shifts_.push_back(end - in_time(packet.pts.value_or(*told)));
        }
    }
    stream.last = told;
    const std::int64_t shift = rescale(shifts_[place_[index]].count(), microsecond, stream.tick, Rounding::nearest);
    if (packet.dts) *packet.dts += shift;
    if (packet.pts) *packet.pts += shift;
    const std::int64_t shown = packet.pts.value_or(*told + shift);
    stream.first = std::min(stream.first.value_or(in_time(shown)), in_time(shown));
    stream.end = std::max(stream.end.value_or(in_time(shown)), in_time(shown + packet.duration));
}

void Times::jump_to(const Place& place) {
    place_ = place;
    for (Stream& stream : streams_) stream.last.reset();
}

Times Times::again() const {
    Times fresh = *this;
    fresh.jump_to(Place(place_.size()));
    return fresh;
}

const TimeMap::Key* TimeMap::before(Duration time) const {
    const auto after = std::upper_bound(keys.begin(), keys.end(), time, [](Duration at, const Key& key) { return at < key.time; });
    return after == keys.begin() ? nullptr : &*std::prev(after);
}

TimeMaps::File TimeMaps::identify(int descriptor) {
    struct stat info {};
    if (::fstat(descriptor, &info) != 0) base::throw_errno("the file cannot be read", "", errno);
    constexpr std::int64_t second = 1'000'000'000;
    return {info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec * second + info.st_mtim.tv_nsec};
}

std::shared_ptr<const TimeMap> TimeMaps::find(const File& file) {
    const std::lock_guard lock(kept().mutex);
    const auto found = kept().maps.find(file);
    return found == kept().maps.end() ? nullptr : found->second;
}

void TimeMaps::keep(const File& file, std::shared_ptr<const TimeMap> map) {
    const std::lock_guard lock(kept().mutex);
    if (!kept().maps.emplace(file, std::move(map)).second) return;
    kept().order.push_back(file);
    if (kept().order.size() <= most_kept) return;
    kept().maps.erase(kept().order.front());
    kept().order.erase(kept().order.begin());
}

}  // namespace tenon::media
