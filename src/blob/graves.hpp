#pragma once

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
/// Such an object's plain bytes: "gone 1\n", then one name a line, in order.
class Graves {
public:
    void trust(std::shared_ptr<const Seal> seal);
    [[nodiscard]] bool is_trusted() const;
    [[nodiscard]] bool has(const std::string& name) const;
    [[nodiscard]] bool knows(const std::string& object) const;  ///< It was read before.

    /// Takes in an object that was read from anywhere. False: it is not one of ours.
    bool add(const std::string& object, ByteView bytes);
    /// The object that buries these, and its name. Its names count as dead once add() has it.
    struct Sealed {
        std::string object;
        ByteVector bytes;
    };
    Sealed seal(const std::set<std::string>& names) const;

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const Seal> seal_;   // these guarded by mutex_
    std::set<std::string> dead_;
    std::set<std::string> known_;
};

inline constexpr std::string_view grave_prefix = "gone/";

}  // namespace tenon::blob
