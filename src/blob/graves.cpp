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

bool Graves::add(const std::string& object, ByteView bytes) {
    const std::lock_guard lock(mutex_);
    if (!seal_) return false;
    if (known_.contains(object)) return true;
    const auto hash = hash_in(object);
    if (!hash || crypto::sha256(bytes) != *hash) return false;
    try {
        const auto plain = seal_->open(bytes, object);
        const std::string_view text(reinterpret_cast<const char*>(plain.data()), plain.size());
        if (!text.starts_with(grave_head)) return false;
        for (std::size_t at = grave_head.size(); at < text.size();) {
            const auto end = text.find('\n', at);
            if (end == std::string_view::npos) return false;
            dead_.emplace(text.substr(at, end - at));
            at = end + 1;
        }
    } catch (const Corrupt&) {
        return false;
    }
    known_.insert(object);
    return true;
}

Graves::Sealed Graves::seal(const std::set<std::string>& names) const {
    std::string text(grave_head);
    for (const auto& name : names) text += name + '\n';
    std::shared_ptr<const Seal> seal;
    {
        const std::lock_guard lock(mutex_);
        seal = seal_;
    }
    if (!seal) throw Unavailable("nothing can be removed before the repository is open", {.subject = std::string(grave_prefix)});
    auto bytes = seal->close(base::view_of(text));
    return {std::string(grave_prefix) + crypto::to_hex(crypto::sha256(bytes)), std::move(bytes)};
}

}  // namespace tenon::blob
