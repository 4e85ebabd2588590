#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <blob/store.hpp>

namespace tenon::blob {

/// Which names are dead: a set that only grows, kept as sealed objects gone/<sha256>. Thread-safe.
///
/// Such an object's plain bytes: "gone 1\n" (Burial::at_once) or "gone 2\n" (behind_copies), then one name a line, in order.
class Graves {
public:
    void trust(std::shared_ptr<const Seal> seal);
    [[nodiscard]] bool is_trusted() const;
    [[nodiscard]] bool has(const std::string& name) const;
    /// How many burials there were: has_died() goes by that.
    [[nodiscard]] std::uint64_t count() const;
    /// Whether it was dead when there were so many, and in which way. One that was buried in both is told at once.
    [[nodiscard]] bool has_died(const std::string& name, std::uint64_t by, Burial how) const;
    /// Dead names that begin so.
    [[nodiscard]] std::vector<std::string> below(const std::string& prefix) const;
    [[nodiscard]] bool knows(const std::string& object) const;  ///< It was read before.
    [[nodiscard]] bool is(const std::string& object, Burial how) const;  ///< It was, and buries in this way.

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
    Sealed seal(const std::set<std::string>& names, Burial how) const;
    /// The keys have changed since it was sealed.
    [[nodiscard]] bool is_old(const Sealed& sealed) const;

private:
    std::shared_ptr<const Seal> trusted() const;

    mutable std::mutex mutex_;
    std::shared_ptr<const Seal> seal_;   // these guarded by mutex_
    struct Death {
        std::uint64_t since;                 // as count() was before
        std::uint64_t at_once_since = ~std::uint64_t{0};
    };
    std::map<std::string, Death> dead_;
    std::map<std::string, Burial> known_;    // objects
};

inline constexpr std::string_view grave_prefix = "gone/";

}  // namespace tenon::blob
