#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include <blob/store.hpp>

#include "container.hpp"

namespace tenon::backup {

/// Who may collect: whoever wrote it last. gc/lease
struct Lease {
    std::uint64_t epoch = 0;
    Id16 writer{};
    Id16 session{};
};

/// What a collection will drop. gc/<epoch>/intent
struct Intent {
    std::set<Id> packs{};
};

/// Says, once for all, that a collection drops what its intent names, or that it never will. gc/<epoch>/sweep
struct Sweep {
    bool is_void = false;
    std::set<Id16> expired{};  ///< Sessions that it did not wait for any longer.
};

/// One collection, as far as it has come.
struct Epoch {
    std::uint64_t number = 0;
    std::optional<Intent> intent{};
    std::optional<Sweep> sweep{};
    bool has_wait = false;
    bool intent_damaged = false, sweep_damaged = false;

    bool has_intent() const { return intent || intent_damaged; }
    bool has_sweep() const { return sweep || sweep_damaged; }
    /// Whether what it names may vanish at any moment from now on.
    bool is_void() const { return sweep && sweep->is_void; }
};

std::string lease_name();
std::string gc_name(std::uint64_t epoch, std::string_view what);
std::string beacon_name(const Id16& writer, const Id16& session);

ByteVector encode(const Lease& lease);
ByteVector encode(const Intent& intent);
ByteVector encode(const Sweep& sweep);
ByteVector encode_wait(const std::vector<std::string>& sessions);
Lease decode_lease(ByteView payload, const std::string& object);
Intent decode_intent(ByteView payload, const std::string& object);
Sweep decode_sweep(ByteView payload, const std::string& object);
/// Throws Corrupt unless it is one.
void check_gc_object(const Keys& keys, ByteView raw, const std::string& object);

/// What lies under gc/, each of its objects read once. Thread-safe.
class Collections {
public:
    /// The oldest first.
    std::vector<Epoch> read(const Keys& keys, blob::Store& store, const std::stop_token& stop);

private:
    using Known = std::variant<std::monostate, Intent, Sweep>;
    std::mutex mutex_;
    std::map<std::string, Known> known_;  // guarded by mutex_: by name and tag; nothing: damaged
};

/// Packs that may vanish: every intent's that is not void.
std::set<Id> leaving(const std::vector<Epoch>& epochs);
/// Sessions that some collection gave up.
std::set<Id16> named(const std::vector<Epoch>& epochs);

}  // namespace tenon::backup
