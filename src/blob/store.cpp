#include <blob/store.hpp>

#include <algorithm>

#include <crypto/encoding.hpp>
#include <tenon/error.hpp>

namespace tenon::blob {
namespace {

bool belongs(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool is_name(std::string_view text) {
    if (text.empty() || text.size() > 512) return false;
    char before = '/';
    for (const char c : text) {
        if (c == '/' ? before == '/' : !belongs(c) || (c == '.' && before == '/')) return false;
        before = c;
    }
    return before != '/';
}

class BoundedSink final : public ByteSink {
public:
    BoundedSink(const Name& name, std::uint64_t limit) : name_(name), limit_(limit) {}
    void write(ByteView more) override {
        if (more.size() > limit_ - bytes.size())
            throw Corrupt("the object is larger than it can be", {.subject = name_.text()});
        base::append(bytes, more);
    }
    ByteVector bytes;

private:
    const Name& name_;
    std::uint64_t limit_;
};

}  // namespace

Name::Name(std::string text) : text_(std::move(text)) {
    if (!is_name(text_)) throw InvalidArgument("not the name of an object", {.subject = text_.substr(0, 64)});
}

std::size_t ViewSource::read(ByteSpan into) {
    const auto count = std::min(into.size(), bytes_.size() - at_);
    std::copy_n(bytes_.data() + at_, count, into.data());
    at_ += count;
    return count;
}

void SpanSink::write(ByteView more) {
    if (more.size() > left_.size()) throw InternalError("more was read than asked for");
    std::copy(more.begin(), more.end(), left_.begin());
    filled(more.size());
}

bool Store::mend(const Name&, const IsWhole&, std::stop_token) { return false; }
bool Store::can_mend(const Name&, const IsWhole&, std::stop_token) { return false; }
std::int64_t Store::beside(const Name&, std::uint64_t) const { return 0; }
std::int64_t Store::kept_beside(const Name&, std::stop_token) { return 0; }
bool Store::protect(const Name&, const IsWhole&, std::stop_token) { return false; }
std::int64_t Store::bury(const std::vector<std::string>&, Burial, std::stop_token) { return 0; }
void Store::make_durable(const std::vector<std::string>&, std::stop_token) {}
void Store::trust(std::shared_ptr<const Seal>) {}
bool Seal::is_old(ByteView) const { return false; }

std::optional<std::array<std::uint8_t, 32>> hash_in(std::string_view name) {
    if (name.size() < 65 || (name[name.size() - 65] != '/' && name[name.size() - 65] != '-')) return std::nullopt;
    const auto bytes = crypto::from_hex(name.substr(name.size() - 64));
    std::array<std::uint8_t, 32> hash{};
    if (!bytes || bytes->size() != hash.size()) return std::nullopt;
    std::copy(bytes->begin(), bytes->end(), hash.begin());
    return hash;
}

ByteVector get_all(Store& store, const Name& name, std::uint64_t limit, std::stop_token stop) {
    BoundedSink sink(name, limit);
    store.get(name, {}, sink, std::move(stop));
    return std::move(sink.bytes);
}

PutInfo put_bytes(Store& store, const Name& name, ByteView bytes, const PutOptions& options, std::stop_token stop) {
    ViewSource source(bytes);
    return store.put(name, source, options, std::move(stop));
}

std::int64_t weight(const Store& store, const Name& name, std::uint64_t size) { return static_cast<std::int64_t>(size) + store.beside(name, size); }

std::vector<ObjectInfo> list_all(Store& store, std::string_view prefix, std::stop_token stop) {
    std::vector<ObjectInfo> all;
    for (bool more = true; more;) {
        auto page = store.list(prefix, all.empty() ? std::string() : all.back().name, 1000, stop);
        more = page.more && !page.objects.empty();
        std::move(page.objects.begin(), page.objects.end(), std::back_inserter(all));
    }
    return all;
}

}  // namespace tenon::blob
