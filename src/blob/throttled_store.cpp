#include <blob/throttled_store.hpp>

namespace tenon::blob {
namespace {

/// Hands on what it is given, and counts it.
class CountingSink final : public ByteSink {
public:
    explicit CountingSink(ByteSink& sink) : sink_(sink) {}
    void write(ByteView bytes) override {
        sink_.write(bytes);
        count += static_cast<std::int64_t>(bytes.size());
    }
    ByteSpan room() override { return sink_.room(); }
    void filled(std::size_t bytes) override {
        sink_.filled(bytes);
        count += static_cast<std::int64_t>(bytes);
    }
    std::int64_t count = 0;

private:
    ByteSink& sink_;
};

}  // namespace

PutInfo ThrottledStore::put(const Name& name, ByteSource& source, const PutOptions& options, std::stop_token stop) {
    if (!dynamic_cast<Spool*>(&source)) writes_->spend(static_cast<std::int64_t>(source.size()), stop);
    return store_->put(name, source, options, std::move(stop));
}

void ThrottledStore::get(const Name& name, Range range, ByteSink& sink, std::stop_token stop) {
    CountingSink counting(sink);
    store_->get(name, range, counting, stop);
    reads_->spend(counting.count, stop);
}

/// About: an object's copy or parity is read for as much as is written in its place.
bool ThrottledStore::mend(const Name& name, const IsWhole& is_whole, std::stop_token stop) {
    if (!store_->mend(name, is_whole, stop)) return false;
    if (const auto info = store_->head(name, stop)) {
        reads_->spend(static_cast<std::int64_t>(info->size), stop);
        writes_->spend(static_cast<std::int64_t>(info->size), stop);
    }
    return true;
}

bool ThrottledStore::protect(const Name& name, const IsWhole& is_whole, std::stop_token stop) {
    if (!store_->protect(name, is_whole, stop)) return false;
    if (const auto info = store_->head(name, stop)) reads_->spend(static_cast<std::int64_t>(info->size), stop);
    writes_->spend(store_->kept_beside(name, stop), stop);
    return true;
}

}  // namespace tenon::blob
