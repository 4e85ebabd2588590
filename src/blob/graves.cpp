#include "graves.hpp"

#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <tenon/error.hpp>

namespace tenon::blob {
namespace {

constexpr std::string_view grave_head = "gone 1\n";

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
    std::set<std::string> names;
    try {
        const auto plain = seal->open(bytes, object);
        const std::string_view text(reinterpret_cast<const char*>(plain.data()), plain.size());
        if (!text.starts_with(grave_head)) return Taken::no;
        for (std::size_t at = grave_head.size(); at < text.size();) {
            const auto end = text.find('\n', at);
            if (end == std::string_view::npos) return Taken::no;
            names.emplace(text.substr(at, end - at));
            at = end + 1;
        }
        if (!believes_old && seal->is_old(bytes)) return Taken::old;
    } catch (const Corrupt&) {
        return Taken::no;
    } catch (const Unsupported&) {
        return Taken::no;
    }
    const std::lock_guard lock(mutex_);
    dead_.merge(names);
    known_.insert(object);
    return Taken::yes;
}

Graves::Sealed Graves::seal(const std::set<std::string>& names) const {
    std::string text(grave_head);
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
