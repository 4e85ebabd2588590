#include "twin.hpp"

#include <algorithm>

#include <tenon/error.hpp>

namespace tenon::backup {
namespace {

/// None: nothing is there. Empty: it cannot be read.
std::optional<ByteVector> try_get(blob::Store& store, const std::string& name, std::uint64_t limit, std::stop_token stop) {
    try {
        return blob::get_all(store, name, limit, std::move(stop));
    } catch (const NotFound&) {
        return std::nullopt;
    } catch (const Corrupt&) {
        return ByteVector{};
    }
}

}  // namespace

void mend_twin(blob::Store& store, const std::string& whole, ByteView bytes, const std::string& broken,
               const std::optional<ByteVector>& was, std::stop_token stop) {
    try {
        const auto seen = store.head(broken, stop);
        const auto limit = std::max<std::uint64_t>(bytes.size(), was ? was->size() : 0);
        if (try_get(store, broken, limit, stop) != was) return;
        const auto still = try_get(store, whole, bytes.size(), stop);
        if (!still || !std::equal(still->begin(), still->end(), bytes.begin(), bytes.end())) return;
        blob::PutOptions as{.create_only = !seen};
        if (seen && store.capabilities().swap) as.if_match = seen->tag;
        blob::put_bytes(store, broken, bytes, as, stop);
        // Removed meanwhile, by somebody who saw nothing here: a key that was taken away must not come back.
        if (!store.head(whole, stop)) store.remove(broken, {}, stop);
    } catch (const Error&) {
        // A store that cannot be written can still be read.
    }
}

ByteVector load_twin(blob::Store& store, const std::string& name, std::uint64_t limit,
                     const std::function<bool(ByteView)>& good, std::stop_token stop) {
    const std::string names[] = {name, name + ".1"};
    std::optional<ByteVector> found[2];
    for (int i = 0; i < 2; ++i) found[i] = try_get(store, names[i], limit, stop);
    if (!found[0] && !found[1]) throw NotFound("there is no such object", {.subject = name});
    const bool fine[] = {found[0] && good(*found[0]), found[1] && good(*found[1])};
    if (!fine[0] && !fine[1]) throw Corrupt("both copies are damaged", {.subject = name});
    const int best = fine[0] ? 0 : 1;
    if (!fine[1 - best]) mend_twin(store, names[best], *found[best], names[1 - best], found[1 - best], stop);
    return std::move(*found[best]);
}

void store_twin(blob::Store& store, const std::string& name, ByteView bytes, std::stop_token stop) {
    blob::put_bytes(store, name, bytes, {}, stop);
    blob::put_bytes(store, name + ".1", bytes, {.create_only = false}, stop);
}

void replace_twin(blob::Store& store, const std::string& name, ByteView bytes, std::stop_token stop) {
    // One of the two is whole at any moment, and the first one read is the old one as long as the new one is not there twice.
    blob::put_bytes(store, name + ".1", bytes, {.create_only = false}, stop);
    blob::put_bytes(store, name, bytes, {.create_only = false}, stop);
}

void remove_twin(blob::Store& store, const std::string& name, std::stop_token stop) {
    // The copy first: a kill between the two leaves the object as it was. And once more: who read the one before it went may have
    // mended the other.
    store.remove(name + ".1", {}, stop);
    store.remove(name, {}, stop);
    store.remove(name + ".1", {}, stop);
}

}  // namespace tenon::backup
