#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <blob/many_stores.hpp>
#include <crypto/hash.hpp>

#include "graves.hpp"
#include "timed_store.hpp"

namespace tenon::blob {

[[noreturn]] void refuse_lost();

inline constexpr std::string_view checkpoint_prefix = "checkpoint/";

/// One object of another store, piece by piece, its hash taken on the way: its last byte is given out only if all of it is what the
/// name says.
class CopySource final : public ByteSource {
public:
    CopySource(TimedStore& from, const Name& name, std::uint64_t size, const Patience& patience, std::stop_token stop,
               std::function<void(std::int64_t)> read = {});
    std::uint64_t size() const override { return size_; }
    std::size_t read(ByteSpan into) override;
    /// What went wrong did so here, not where the bytes went to.
    [[nodiscard]] bool failed() const { return failed_; }

private:
    TimedStore& from_;
    const Name name_;
    const std::uint64_t size_;
    const Patience& patience_;
    const std::stop_token stop_;
    const std::function<void(std::int64_t)> read_;
    const std::optional<std::array<std::uint8_t, 32>> hash_;
    crypto::Sha256 sum_;
    ByteVector piece_;
    std::size_t taken_ = 0;
    std::uint64_t at_ = 0;
    bool failed_ = false;
};

struct ManyStores::Impl {
    struct Other {
        std::unique_ptr<TimedStore> store;
        bool allowed = true;
    };

    std::shared_ptr<Store> home;
    std::unique_ptr<TimedStore> home_timed;
    std::vector<Other> others;
    std::shared_ptr<const base::Clock> clock;
    Patience patience;
    std::string stamp;
    Graves graves;
    std::mutex mend_mutex;                          // held while one object is mended
    std::mutex mutex;
    std::map<std::string, TimedStore*> preferred;   // guarded by mutex: whose copy is whole where the home's own is not
    std::atomic<bool> has_graves{false};            // the home's own store says that there are, or were, others
    std::atomic<bool> without_home{false};          // what others say under old keys is all there is

    /// In the order in which they are asked.
    std::vector<TimedStore*> candidates(const std::string& name, bool with_home);
    ByteVector read(const Name& name, Range range, bool with_home, const std::stop_token& stop);
    enum class Ask : std::uint8_t {
        home,    ///< The home's own store alone.
        all,     ///< The others too, where that has nothing to say.
        others,
    };
    /// Looks again at what is buried. Throws nothing but Cancelled: who does not answer says nothing.
    void refresh_graves(Ask ask, const std::stop_token& stop);
    /// The same, for who is about to act on it. Throws what the home's own store throws.
    void read_graves(const std::stop_token& stop);
    void take_graves(TimedStore& store, Duration within, const std::stop_token& stop);
    /// Behind a rotation of the data keys: of old keys only the home's own store is believed, which the rotation goes through. Another one
    /// may be written to by whoever has them.
    [[nodiscard]] bool believes_old_of(const TimedStore& store) const { return without_home || &store == home_timed.get(); }
    bool is_dead(const std::string& name, Ask ask, const std::stop_token& stop);
    [[nodiscard]] bool buries(const std::stop_token& stop);
    std::int64_t bury(const std::set<std::string>& names, Burial why, const std::stop_token& stop);
    bool mend(const Name& name, const IsWhole& is_whole, const std::stop_token& stop);
    bool mend_from_others(const Name& name, const IsWhole& is_whole, const std::stop_token& stop);
    [[nodiscard]] bool is_whole(TimedStore& store, const Name& name, const IsWhole& is_whole, const std::stop_token& stop);
};

}  // namespace tenon::blob
