#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <blob/store.hpp>

namespace tenon::backup {

/// What is kept beside objects so that damage can be mended. Stored: never renumbered.
enum class Parity : std::uint8_t {
    none = 0,
    thin = 1,  ///< One lost stripe in each row of 33: 3.1 % of large objects.
    full = 2,  ///< Two in each row of 18: 12.5 %.
};

/// A store whose objects come with parity. What is put gets it in the same step; what is removed loses it first; mend() brings a
/// damaged object back from it, proven by the object's own hash before it takes the damaged one's place. Needs no keys.
///
/// Beneath blob::ManyStores it is what is asked once no other store has a whole copy.
class ParityStore final : public blob::Store {
public:
    /// `mode`: of what is put from now on. What other modes have left is used and removed all the same.
    ParityStore(std::shared_ptr<blob::Store> inner, Parity mode);
    ~ParityStore() override;

    blob::PutInfo put(const blob::Name& name, blob::ByteSource& source, const blob::PutOptions& options, std::stop_token stop) override;
    void get(const blob::Name& name, blob::Range range, blob::ByteSink& sink, std::stop_token stop) override;
    std::optional<blob::ObjectInfo> head(const blob::Name& name, std::stop_token stop) override;
    blob::Page list(std::string_view prefix, std::string_view after, int limit, std::stop_token stop) override;
    bool remove(const blob::Name& name, const blob::RemoveOptions& options, std::stop_token stop) override;
    blob::Capabilities capabilities() const override;
    Time server_time(std::stop_token stop) override;
    void flush(std::stop_token stop) override;
    void make_durable(const std::vector<std::string>& names, std::stop_token stop) override;
    void discard() noexcept override;
    std::unique_ptr<blob::Spool> spool() override;
    std::unique_ptr<blob::Beacon> beacon(const blob::Name& name, blob::ByteView bytes) override;
    std::optional<bool> beacon_lives(const blob::Name& name) override;
    std::int64_t bury(const std::vector<std::string>& names, blob::Burial why, std::stop_token stop) override;
    void trust(std::shared_ptr<const blob::Seal> seal) override;

    /// Where the store takes no bytes (full, read-only), what was made again is kept in memory and read from there.
    bool mend(const blob::Name& name, const blob::IsWhole& is_whole, std::stop_token stop) override;
    bool can_mend(const blob::Name& name, const blob::IsWhole& is_whole, std::stop_token stop) override;
    std::int64_t beside(const blob::Name& name, std::uint64_t size) const override;
    std::int64_t kept_beside(const blob::Name& name, std::stop_token stop) override;
    bool protect(const blob::Name& name, const blob::IsWhole& is_whole, std::stop_token stop) override;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::backup
