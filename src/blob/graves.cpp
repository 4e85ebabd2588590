#include "graves.hpp"

#include <algorithm>

#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <tenon/error.hpp>

namespace tenon::blob {
namespace {

constexpr std::string_view head_at_once = "gone 1\n", head_behind_copies = "gone 2\n";

}  // namespace

void Graves::trust(std::shared_ptr<const Seal> seal) {
    const std::lock_guard lock(mutex_);
    seal_ = std::move(seal);
}

bool Graves::is_trusted() const {
    const std::lock_guard lock(mutex_);
    return seal_ != nullptr;
}

bool Graves::has(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    return dead_.contains(name);
}

std::uint64_t Graves::count() const {
    const std::lock_guard lock(mutex_);
    return known_.size();
}

bool Graves::has_died(const std::string& name, std::uint64_t by, Burial how) const {
    const std::lock_guard lock(mutex_);
    const auto death = dead_.find(name);
    if (death == dead_.end()) return false;
    const bool at_once = death->second.at_once_since < by;
    return how == Burial::at_once ? at_once : !at_once && death->second.since < by;
}

std::vector<std::string> Graves::below(const std::string& prefix) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (auto at = dead_.lower_bound(prefix); at != dead_.end() && at->first.starts_with(prefix); ++at) names.push_back(at->first);
    return names;
}

bool Graves::is(const std::string& object, Burial how) const {
    const std::lock_guard lock(mutex_);
    const auto known = known_.find(object);
    return known != known_.end() && known->second == how;
}

bool Graves::knows(const std::string& object) const {
    const std::lock_guard lock(mutex_);
    return known_.contains(object);
}

std::shared_ptr<const Seal> Graves::trusted() const {
    const std::lock_guard lock(mutex_);
    return seal_;
}

/// Opened without the lock: what opens may look into the vault for it.
Graves::Taken Graves::add(const std::string& object, ByteView bytes, bool believes_old) {
    const auto seal = trusted();
    if (!seal) return Taken::no;
    const auto hash = hash_in(object);
    if (!hash || crypto::sha256(bytes) != *hash) return Taken::no;
    std::vector<std::string> names;
    auto how = Burial::at_once;
    try {
        const auto plain = seal->open(bytes, object);
        const std::string_view text(reinterpret_cast<const char*>(plain.data()), plain.size());
        if (text.starts_with(head_behind_copies)) how = Burial::behind_copies;
        else if (!text.starts_with(head_at_once)) return Taken::no;
        for (std::size_t at = head_at_once.size(); at < text.size();) {
            const auto end = text.find('\n', at);
            if (end == std::string_view::npos) return Taken::no;
            names.emplace_back(text.substr(at, end - at));
            at = end + 1;
        }
        if (!believes_old && seal->is_old(bytes)) return Taken::old;
    } catch (const Corrupt&) {
        return Taken::no;
    } catch (const Unsupported&) {
        return Taken::no;
    }
    const std::lock_guard lock(mutex_);
    const std::uint64_t now = known_.size();
    if (!known_.emplace(object, how).second) return Taken::yes;
    for (auto& name : names) {
        auto& death = dead_.try_emplace(std::move(name), Death{.since = now}).first->second;
        if (how == Burial::at_once) death.at_once_since = std::min(death.at_once_since, now);
    }
    return Taken::yes;
}

Graves::Sealed Graves::seal(const std::set<std::string>& names, Burial how) const {
    std::string text(how == Burial::at_once ? head_at_once : head_behind_copies);
    for (const auto& name : names) text += name + '\n';
    const auto seal = trusted();
    if (!seal) throw Unavailable("nothing can be removed before the repository is open", {.subject = std::string(grave_prefix)});
    auto bytes = seal->close(base::view_of(text));
    return {std::string(grave_prefix) + crypto::to_hex(crypto::sha256(bytes)), std::move(bytes)};
}

bool Graves::is_old(const Sealed& sealed) const {
    const auto seal = trusted();
    return seal && seal->is_old(sealed.bytes);
}

}  // namespace tenon::blob
