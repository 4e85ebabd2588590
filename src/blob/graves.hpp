#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <blob/store.hpp>

namespace tenon::blob {

/// Which names are dead: a set that only grows, kept as sealed objects gone/<sha256>. Thread-safe.
///
/// Such an object's plain bytes: "gone 1\n", then one name a line, in order.
class Graves {
public:
    void trust(std::shared_ptr<const Seal> seal);
    [[nodiscard]] bool is_trusted() const;
    [[nodiscard]] bool has(const std::string& name) const;
    [[nodiscard]] bool knows(const std::string& object) const;  ///< It was read before.

    enum class Taken : std::uint8_t {
        yes,
        old,  ///< One of ours, or of somebody who has the keys of before: their holder is not believed.
        no,   ///< Not one of ours, or damaged, or of keys that were retired.
    };
    /// Takes in an object. What is sealed under old keys is believed only where `believes_old`.
    Taken add(const std::string& object, ByteView bytes, bool believes_old);
    /// The object that buries these, and its name. Its names count as dead once add() has it.
    struct Sealed {
        std::string object;
        ByteVector bytes;
    };
    Sealed seal(const std::set<std::string>& names) const;
    /// The keys have changed since it was sealed.
    [[nodiscard]] bool is_old(const Sealed& sealed) const;

private:
    std::shared_ptr<const Seal> trusted() const;

    mutable std::mutex mutex_;
    std::shared_ptr<const Seal> seal_;   // these guarded by mutex_
    std::set<std::string> dead_;
    std::set<std::string> known_;
};

inline constexpr std::string_view grave_prefix = "gone/";

}  // namespace tenon::blob
