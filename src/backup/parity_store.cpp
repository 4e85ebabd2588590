#include <backup/parity_store.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include <crypto/hash.hpp>
#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "parity.hpp"

namespace tenon::backup {
namespace {

using blob::IsWhole;
using blob::Name;

constexpr std::size_t read_size = std::size_t{1} << 20;
constexpr std::uint64_t largest_kept = std::uint64_t{64} << 20;

/// What of an object is not as it lies in the store.
struct Patch {
    std::uint64_t size = 0;
    std::map<std::uint64_t, ByteVector> stripes{};  // by where they begin

    std::uint64_t bytes() const {
        std::uint64_t sum = 0;
        for (const auto& [at, stripe] : stripes) sum += stripe.size();
        return sum;
    }
};

ByteVector read_range(blob::Store& store, const Name& name, std::uint64_t offset, std::uint64_t length, const std::stop_token& stop) {
    blob::VectorSink sink;
    try {
        store.get(name, {.offset = offset, .length = length}, sink, stop);
    } catch (const NotFound&) {
        // As good as all lost.
    }
    return std::move(sink.bytes);
}

ByteVector read_patched(blob::Store& store, const Name& name, const Patch& patch, std::uint64_t offset, std::uint64_t length,
                        const std::stop_token& stop) {
    if (offset >= patch.size) return {};
    length = std::min(length, patch.size - offset);
    auto bytes = read_range(store, name, offset, length, stop);
    bytes.resize(length);
    for (auto at = patch.stripes.upper_bound(offset - offset % stripe_size); at != patch.stripes.begin();) {
        --at;  // the one that the range begins in, if it is there
        if (at->first + at->second.size() <= offset) break;
        const auto from = std::max(at->first, offset);
        const auto to = std::min(at->first + at->second.size(), offset + length);
        std::copy_n(&at->second[from - at->first], to - from, &bytes[from - offset]);
        break;
    }
    for (auto at = patch.stripes.upper_bound(offset); at != patch.stripes.end() && at->first < offset + length; ++at) {
        const auto count = std::min(at->second.size(), static_cast<std::size_t>(offset + length - at->first));
        std::copy_n(at->second.data(), count, &bytes[at->first - offset]);
    }
    return bytes;
}

class PatchedSource final : public blob::ByteSource {
public:
    PatchedSource(blob::Store& store, const Name& name, const Patch& patch, const std::stop_token& stop)
        : store_(store), name_(name), patch_(patch), stop_(stop) {}
    std::uint64_t size() const override { return patch_.size; }
    std::size_t read(ByteSpan into) override {
        const auto bytes = read_patched(store_, name_, patch_, at_, into.size(), stop_);
        std::copy(bytes.begin(), bytes.end(), into.begin());
        at_ += bytes.size();
        return bytes.size();
    }

private:
    blob::Store& store_;
    const Name& name_;
    const Patch& patch_;
    const std::stop_token& stop_;
    std::uint64_t at_ = 0;
};

/// Makes the parity of what another reads.
class Tee final : public blob::ByteSource {
public:
    Tee(blob::ByteSource& from, std::function<void(ByteView)> see) : from_(from), see_(std::move(see)) {}
    std::uint64_t size() const override { return from_.size(); }
    std::size_t read(ByteSpan into) override {
        const auto count = from_.read(into);
        if (count > 0) see_(ByteView(into).first(count));
        return count;
    }

private:
    blob::ByteSource& from_;
    const std::function<void(ByteView)> see_;
};

/// The parity of bytes that come in order: a copy of few, sums over the stripes of many.
class Maker {
public:
    Maker(Parity mode, std::uint64_t size) {
        if (size > stripe_size) sums_.emplace(mode, size);
    }
    void add(ByteView bytes) {
        if (sums_) sums_->add(bytes);
        else base::append(copy_, bytes);
    }
    ByteVector finish() { return sums_ ? sums_->finish() : std::move(copy_); }

private:
    std::optional<ParityMaker> sums_;
    ByteVector copy_;
};

const char* twin_of(std::string_view name) {
    if (name == "super") return "super.1";
    return name == "super.1" ? "super" : nullptr;
}

}  // namespace

struct ParityStore::Impl {
    std::shared_ptr<blob::Store> inner;
    Parity mode;
    std::mutex mend_mutex;                                // held while one object is mended
    std::mutex mutex;
    std::map<std::string, std::shared_ptr<const Patch>> patches;  // guarded by mutex: of objects that could not be replaced
    std::atomic<bool> has_patches{false};

    std::shared_ptr<const Patch> patch_of(const std::string& name) {
        if (!has_patches) return nullptr;
        const std::lock_guard lock(mutex);
        const auto found = patches.find(name);
        return found == patches.end() ? nullptr : found->second;
    }
    void forget_patch(const std::string& name) {
        if (!has_patches) return;
        const std::lock_guard lock(mutex);
        patches.erase(name);
        has_patches = !patches.empty();
    }
    bool keep_patch(const std::string& name, Patch patch) {
        const std::lock_guard lock(mutex);
        std::uint64_t sum = patch.bytes();
        for (const auto& [other, kept] : patches) sum += kept->bytes();
        if (sum > largest_kept) return false;
        patches[name] = std::make_shared<const Patch>(std::move(patch));
        has_patches = true;
        return true;
    }

    [[nodiscard]] bool is_whole_now(const Name& name, const IsWhole& is_whole, const std::stop_token& stop);
    std::optional<Patch> rebuild(const Name& name, const IsWhole& is_whole, const std::stop_token& stop);
    void put_parity(const Name& name, std::uint64_t size, ByteView parity, bool deferred, const std::stop_token& stop);
    void remove_parity(const Name& name, const std::stop_token& stop);
};

ParityStore::ParityStore(std::shared_ptr<blob::Store> inner, Parity mode) : impl_(new Impl) {
    impl_->inner = std::move(inner);
    impl_->mode = mode;
}

ParityStore::~ParityStore() = default;

// ---- writing ----

void ParityStore::Impl::put_parity(const Name& name, std::uint64_t size, ByteView parity, bool deferred, const std::stop_token& stop) {
    const Name there = parity_name(name.text(), size);
    try {
        blob::put_bytes(*inner, there, parity, {.create_only = deferred, .deferred = deferred}, stop);
    } catch (const Conflict&) {
        // Of bytes that a name stands for there is one parity of each mode, and this is one.
    }
}

void ParityStore::Impl::remove_parity(const Name& name, const std::stop_token& stop) {
    for (const auto size : {std::uint64_t{0}, stripe_size + 1}) inner->remove(parity_name(name.text(), size), {}, stop);
}

blob::PutInfo ParityStore::put(const Name& name, blob::ByteSource& source, const blob::PutOptions& options, std::stop_token stop) {
    const auto size = source.size();
    if (!is_protected(name.text())) return impl_->inner->put(name, source, options, stop);
    impl_->forget_patch(name.text());
    if (impl_->mode == Parity::none || size > largest_striped) {
        if (!options.create_only && !blob::hash_in(name.text())) impl_->remove_parity(name, stop);  // a copy of what had the name before
        return impl_->inner->put(name, source, options, stop);
    }
    Maker maker(impl_->mode, size);
    // Where the name says what the bytes are, parity goes first: then no object ever lies there without.
    if (blob::hash_in(name.text()) && source.rewind()) {
        ByteVector buffer(std::min<std::uint64_t>(read_size, std::max<std::uint64_t>(size, 1)));
        while (const auto count = source.read(buffer)) {
            exec::check_stop(stop);
            maker.add(ByteView(buffer).first(count));
        }
        if (!source.rewind()) throw InternalError("a source was read twice and cannot be");
        impl_->put_parity(name, size, maker.finish(), options.deferred && options.create_only, stop);
        return impl_->inner->put(name, source, options, stop);
    }
    // What takes the place of another: killed behind it, the copy of that one would stay, under keys that may be on their way out.
    if (!options.create_only) impl_->remove_parity(name, stop);
    Tee tee(source, [&](ByteView bytes) { maker.add(bytes); });
    auto info = impl_->inner->put(name, tee, options, stop);
    try {
        impl_->put_parity(name, size, maker.finish(), options.deferred && options.create_only, {});
    } catch (const std::exception&) {
        // The object stands, and whoever put it must hear so. The next repair makes the parity.
    }
    return info;
}

bool ParityStore::remove(const Name& name, const blob::RemoveOptions& options, std::stop_token stop) {
    if (is_protected(name.text()) && options.if_match.empty()) {
        impl_->forget_patch(name.text());
        // First: what was killed behind it is an object that lacks its parity, and whoever removes the object comes again. The other way
        // round a copy of it would stay, under keys that somebody may want to be rid of.
        impl_->remove_parity(name, stop);
    }
    return impl_->inner->remove(name, options, stop);
}

std::int64_t ParityStore::beside(const Name& name, std::uint64_t size) const {
    return is_protected(name.text()) ? static_cast<std::int64_t>(parity_size(impl_->mode, size)) : 0;
}

std::int64_t ParityStore::kept_beside(const Name& name, std::stop_token stop) {
    if (!is_protected(name.text())) return 0;
    std::int64_t bytes = 0;
    for (const auto size : {std::uint64_t{0}, stripe_size + 1})
        if (const auto info = impl_->inner->head(parity_name(name.text(), size), stop)) bytes += static_cast<std::int64_t>(info->size);
    return bytes;
}

bool ParityStore::protect(const Name& name, const IsWhole& is_whole, std::stop_token stop) {
    if (!is_protected(name.text())) return false;
    if (impl_->mode == Parity::none) {
        // Made while another mode was asked for, and no good: nobody is to hear of it again.
        if (kept_beside(name, stop) == 0 || !impl_->is_whole_now(name, is_whole, stop)) return false;
        impl_->remove_parity(name, stop);
        return true;
    }
    const auto info = impl_->inner->head(name, stop);
    if (!info || info->size > largest_striped) return false;
    const auto promised = blob::hash_in(name.text());
    Maker maker(impl_->mode, info->size);
    crypto::Sha256 hash;
    ByteVector whole;
    std::uint64_t seen = 0;
    while (seen < info->size) {
        exec::check_stop(stop);
        const auto bytes = read_range(*impl_->inner, name, seen, std::min<std::uint64_t>(read_size, info->size - seen), stop);
        if (bytes.empty()) return false;
        maker.add(bytes);
        if (promised) hash.update(bytes);
        else base::append(whole, bytes);
        seen += bytes.size();
    }
    if (promised ? hash.finish() != *promised : !is_whole || !is_whole(whole)) return false;
    impl_->put_parity(name, info->size, maker.finish(), false, stop);
    // It may have been removed while this was made.
    if (impl_->inner->head(name, stop)) return true;
    impl_->inner->remove(parity_name(name.text(), info->size), {}, stop);
    return false;
}

// ---- mending ----

bool ParityStore::Impl::is_whole_now(const Name& name, const IsWhole& is_whole, const std::stop_token& stop) {
    const auto info = inner->head(name, stop);
    if (!info) return false;
    const auto promised = blob::hash_in(name.text());
    if (!promised) return is_whole && is_whole(read_range(*inner, name, 0, info->size, stop));
    crypto::Sha256 hash;
    for (std::uint64_t at = 0; at < info->size;) {
        exec::check_stop(stop);
        const auto bytes = read_range(*inner, name, at, read_size, stop);
        if (bytes.empty()) return false;
        hash.update(bytes);
        at += bytes.size();
    }
    return hash.finish() == *promised;
}

/// What is to be changed of the object to have it as it was, proven by its hash, or by whom the caller asks.
std::optional<Patch> ParityStore::Impl::rebuild(const Name& name, const IsWhole& is_whole, const std::stop_token& stop) {
    const auto promised = blob::hash_in(name.text());
    if (!promised && !is_whole && inner->head(name, stop)) return std::nullopt;  // nobody can say which is right
    const auto proven = [&](const Patch& patch) {
        if (!promised) return !is_whole || is_whole(read_patched(*inner, name, patch, 0, patch.size, stop));
        PatchedSource source(*inner, name, patch, stop);
        crypto::Sha256 hash;
        ByteVector buffer(read_size);
        while (const auto count = source.read(buffer)) {
            exec::check_stop(stop);
            hash.update(ByteView(buffer).first(count));
        }
        return hash.finish() == *promised;
    };
    const auto fetch = [&](std::uint64_t size) {
        return blob::get_all(*inner, parity_name(name.text(), size), parity_size(Parity::full, largest_striped), stop);
    };
    if (const auto twin = twin_of(name.text())) {
        auto bytes = read_range(*inner, Name(twin), 0, stripe_size, stop);
        Patch patch{.size = bytes.size(), .stripes = {}};
        if (bytes.empty() || !is_whole) return std::nullopt;
        patch.stripes.emplace(0, std::move(bytes));
        if (proven(patch)) return patch;
        return std::nullopt;
    }
    try {
        auto copy = fetch(0);
        Patch patch{.size = copy.size(), .stripes = {}};
        if (copy.size() <= stripe_size && !copy.empty()) {
            patch.stripes.emplace(0, std::move(copy));
            if (proven(patch)) return patch;
        }
    } catch (const NotFound&) {
    } catch (const Corrupt&) {
    }
    try {
        const auto file = ParityFile::parse(fetch(stripe_size + 1), name.text());
        const auto read = [&](std::uint64_t offset, std::uint64_t length) {
            exec::check_stop(stop);
            return read_range(*inner, name, offset, length, stop);
        };
        auto made = file.rebuild(read);
        if (!made) return std::nullopt;
        Patch patch{.size = file.size(), .stripes = {}};
        for (auto& stripe : *made) patch.stripes.emplace(stripe.number * stripe_size, std::move(stripe.bytes));
        if (proven(patch)) return patch;
    } catch (const NotFound&) {
    } catch (const Corrupt&) {
    }
    return std::nullopt;
}

bool ParityStore::can_mend(const Name& name, const IsWhole& is_whole, std::stop_token stop) {
    if (!is_protected(name.text()) && !twin_of(name.text())) return false;
    return !impl_->is_whole_now(name, is_whole, stop) && impl_->rebuild(name, is_whole, stop).has_value();
}

bool ParityStore::mend(const Name& name, const IsWhole& is_whole, std::stop_token stop) {
    const auto& text = name.text();
    if (!is_protected(text) && !twin_of(text)) return false;
    const std::lock_guard lock(impl_->mend_mutex);
    const auto promised = blob::hash_in(text);
    if (impl_->patch_of(text)) return true;
    if (impl_->is_whole_now(name, is_whole, stop)) return true;
    auto patch = impl_->rebuild(name, is_whole, stop);
    if (!patch) return false;
    try {
        PatchedSource source(*impl_->inner, name, *patch, stop);
        impl_->inner->put(name, source, {.create_only = false, .sha256 = promised}, stop);
        if (twin_of(text) || kept_beside(name, stop) > 0) return true;
        // It was being removed, parity first: what was put back here must not outlive it.
        impl_->inner->remove(name, {}, stop);
        return false;
    } catch (const Cancelled&) {
        throw;
    } catch (const Error&) {
        // Full, or read-only: what is asked for is read from what was made again.
        return impl_->keep_patch(text, std::move(*patch));
    }
}

// ---- reading ----

void ParityStore::get(const Name& name, blob::Range range, blob::ByteSink& sink, std::stop_token stop) {
    const auto patch = impl_->patch_of(name.text());
    if (!patch) return impl_->inner->get(name, range, sink, stop);
    while (range.length > 0) {
        const auto bytes = read_patched(*impl_->inner, name, *patch, range.offset, std::min<std::uint64_t>(range.length, read_size), stop);
        if (bytes.empty()) return;
        sink.write(bytes);
        range.offset += bytes.size();
        range.length -= bytes.size();
    }
}

std::optional<blob::ObjectInfo> ParityStore::head(const Name& name, std::stop_token stop) { return impl_->inner->head(name, stop); }
blob::Page ParityStore::list(std::string_view prefix, std::string_view after, int limit, std::stop_token stop) {
    return impl_->inner->list(prefix, after, limit, stop);
}
blob::Capabilities ParityStore::capabilities() const { return impl_->inner->capabilities(); }
Time ParityStore::server_time(std::stop_token stop) { return impl_->inner->server_time(stop); }
void ParityStore::make_durable(const std::vector<std::string>& names, std::stop_token stop) { impl_->inner->make_durable(names, stop); }
void ParityStore::flush(std::stop_token stop) { impl_->inner->flush(stop); }
void ParityStore::discard() noexcept { impl_->inner->discard(); }
std::unique_ptr<blob::Spool> ParityStore::spool() { return impl_->inner->spool(); }
std::unique_ptr<blob::Beacon> ParityStore::beacon(const Name& name, ByteView bytes) { return impl_->inner->beacon(name, bytes); }
std::optional<bool> ParityStore::beacon_lives(const Name& name) { return impl_->inner->beacon_lives(name); }
std::int64_t ParityStore::bury(const std::vector<std::string>& names, blob::Burial why, std::stop_token stop) {
    return impl_->inner->bury(names, why, std::move(stop));
}
void ParityStore::trust(std::shared_ptr<const blob::Seal> seal) { impl_->inner->trust(std::move(seal)); }

}  // namespace tenon::backup
