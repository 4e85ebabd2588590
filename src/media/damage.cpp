#include <media/damage.hpp>

#include <algorithm>

namespace tenon::media {

void add(Damages& damages, Damage more) {
    if (more.end <= more.start) return;
    const auto first = std::partition_point(damages.begin(), damages.end(), [&](const Damage& one) { return one.end < more.start; });
    const auto last = std::partition_point(first, damages.end(), [&](const Damage& one) { return one.start <= more.end; });
    if (first != last) more = {std::min(more.start, first->start), std::max(more.end, std::prev(last)->end)};
    damages.insert(damages.erase(first, last), more);
}

Damages within(const Damages& damages, Duration start, Duration end) {
    Damages found;
    for (const Damage& one : damages)
        if (one.start < end && one.end > start) found.push_back({std::max(one.start, start), std::min(one.end, end)});
    return found;
}

}  // namespace tenon::media
