#pragma once

#include <blob/store.hpp>
#include <exec/throttle.hpp>

namespace tenon::blob {

/// Another store, from which no more is read and to which no more is written in a second than its throttles allow, whoever does it. What
/// comes out of a spool is paid for by whoever fills it: there the bytes go to the store as they are appended.
class ThrottledStore final : public Store {
public:
    ThrottledStore(std::shared_ptr<Store> store, std::shared_ptr<exec::Throttle> reads, std::shared_ptr<exec::Throttle> writes)
        : store_(std::move(store)), reads_(std::move(reads)), writes_(std::move(writes)) {}

    PutInfo put(const Name& name, ByteSource& source, const PutOptions& options, std::stop_token stop) override;
    void get(const Name& name, Range range, ByteSink& sink, std::stop_token stop) override;
    std::optional<ObjectInfo> head(const Name& name, std::stop_token stop) override { return store_->head(name, std::move(stop)); }
    Page list(std::string_view prefix, std::string_view after, int limit, std::stop_token stop) override {
        return store_->list(prefix, after, limit, std::move(stop));
    }
    bool remove(const Name& name, const RemoveOptions& options, std::stop_token stop) override {
        return store_->remove(name, options, std::move(stop));
    }
    Capabilities capabilities() const override { return store_->capabilities(); }
    Time server_time(std::stop_token stop) override { return store_->server_time(std::move(stop)); }
    void flush(std::stop_token stop) override { store_->flush(std::move(stop)); }
    void discard() noexcept override { store_->discard(); }
    std::unique_ptr<Spool> spool() override { return store_->spool(); }
    std::unique_ptr<Beacon> beacon(const Name& name, ByteView bytes) override { return store_->beacon(name, bytes); }
    std::optional<bool> beacon_lives(const Name& name) override { return store_->beacon_lives(name); }
    bool mend(const Name& name, const IsWhole& is_whole, std::stop_token stop) override;
    bool can_mend(const Name& name, const IsWhole& is_whole, std::stop_token stop) override {
        return store_->can_mend(name, is_whole, std::move(stop));
    }
    std::int64_t beside(const Name& name, std::uint64_t size) const override { return store_->beside(name, size); }
    std::int64_t kept_beside(const Name& name, std::stop_token stop) override { return store_->kept_beside(name, std::move(stop)); }
    bool protect(const Name& name, const IsWhole& is_whole, std::stop_token stop) override;
    std::int64_t bury(const std::vector<std::string>& names, Burial why, std::stop_token stop) override {
        return store_->bury(names, why, std::move(stop));
    }
    void make_durable(const std::vector<std::string>& names, std::stop_token stop) override { store_->make_durable(names, std::move(stop)); }
    void trust(std::shared_ptr<const Seal> seal) override { store_->trust(std::move(seal)); }

private:
    const std::shared_ptr<Store> store_;
    const std::shared_ptr<exec::Throttle> reads_, writes_;
};

}  // namespace tenon::blob
