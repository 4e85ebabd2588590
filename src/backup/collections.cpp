#include "collections.hpp"

#include <algorithm>
#include <charconv>

#include <tenon/error.hpp>

#include "cbor.hpp"
#include "snapshot.hpp"

namespace tenon::backup {
namespace {

constexpr std::string_view gc_prefix = "gc/";
constexpr std::uint64_t gc_limit = 256 << 20;

/// The epoch and the rest of such a name.
std::optional<std::pair<std::uint64_t, std::string>> split_gc_name(std::string_view name) {
    if (!name.starts_with(gc_prefix)) return std::nullopt;
    name.remove_prefix(gc_prefix.size());
    const auto slash = name.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    std::uint64_t epoch = 0;
    const auto end = std::from_chars(name.data(), name.data() + slash, epoch);
    if (end.ec != std::errc() || end.ptr != name.data() + slash) return std::nullopt;
    return std::pair(epoch, std::string(name.substr(slash + 1)));
}

template <std::size_t N, class Set> void write_ids(cbor::Writer& out, const Set& ids) {
    out.array(ids.size());
    for (const std::array<std::uint8_t, N>& id : ids) out.bytes(id);
}

template <std::size_t N> std::set<std::array<std::uint8_t, N>> read_ids(cbor::Reader& reader) {
    std::set<std::array<std::uint8_t, N>> ids;
    for (auto left = reader.array(); left > 0; --left) ids.insert(reader.fixed<N>());
    return ids;
}

}  // namespace

std::string lease_name() { return "gc/lease"; }
std::string gc_name(std::uint64_t epoch, std::string_view what) {
    return std::string(gc_prefix) + sequence_text(epoch) + '/' + std::string(what);
}
std::string beacon_name(const Id16& writer, const Id16& session) { return "sess/" + hex(writer) + '/' + hex(session); }

ByteVector encode(const Lease& lease) {
    // Of one size whatever its epoch, so that taking it never weighs anything.
    ByteVector epoch;
    base::append_le(epoch, lease.epoch);
    cbor::Writer out;
    out.map(3).uint(1).bytes(epoch).uint(2).bytes(lease.writer).uint(3).bytes(lease.session);
    return out.take();
}

ByteVector encode(const Intent& intent) {
    cbor::Writer out;
    out.map(1).uint(1);
    write_ids<32>(out, intent.packs);
    return out.take();
}

ByteVector encode(const Sweep& sweep) {
    cbor::Writer out;
    out.map(2).uint(1).uint(sweep.is_void ? 1 : 0).uint(2);
    write_ids<16>(out, sweep.expired);
    return out.take();
}

ByteVector encode_wait(const std::vector<std::string>& sessions) {
    cbor::Writer out;
    out.map(1).uint(1).array(sessions.size());
    for (const auto& session : sessions) out.text(session);
    return out.take();
}

Lease decode_lease(ByteView payload, const std::string& object) {
    cbor::Reader reader(payload, object);
    Lease lease;
    cbor::each_key(reader, [&](std::uint64_t key) {
        if (key == 1) lease.epoch = base::load_le<std::uint64_t>(reader.fixed<8>().data());
        else if (key == 2) lease.writer = reader.fixed<16>();
        else if (key == 3) lease.session = reader.fixed<16>();
        else return false;
        return true;
    });
    reader.expect_done();
    return lease;
}

Intent decode_intent(ByteView payload, const std::string& object) {
    cbor::Reader reader(payload, object);
    Intent intent;
    cbor::each_key(reader, [&](std::uint64_t key) {
        if (key != 1) return false;
        intent.packs = read_ids<32>(reader);
        return true;
    });
    reader.expect_done();
    return intent;
}

Sweep decode_sweep(ByteView payload, const std::string& object) {
    cbor::Reader reader(payload, object);
    Sweep sweep;
    cbor::each_key(reader, [&](std::uint64_t key) {
        if (key == 1) sweep.is_void = reader.uint_at_most(1) == 1;
        else if (key == 2) sweep.expired = read_ids<16>(reader);
        else return false;
        return true;
    });
    reader.expect_done();
    return sweep;
}

void check_gc_object(const Keys& keys, ByteView raw, const std::string& object) {
    const auto payload = open_object(keys, Kind::collector, raw, object);
    if (object == lease_name()) {
        (void)decode_lease(payload, object);
        return;
    }
    const auto parts = split_gc_name(object);
    if (!parts) throw Corrupt("this is not an object of a collection", {.subject = object});
    if (parts->second == "intent") (void)decode_intent(payload, object);
    else if (parts->second == "sweep") (void)decode_sweep(payload, object);
    else if (parts->second == "wait") (void)cbor::Reader(payload, object).skip();
    else throw Corrupt("this is not an object of a collection", {.subject = object});
}

std::vector<Epoch> Collections::read(const Keys& keys, blob::Store& store, const std::stop_token& stop) {
    const auto objects = blob::list_all(store, gc_prefix, stop);
    const std::lock_guard lock(mutex_);
    std::map<std::string, Known> now;
    std::map<std::uint64_t, Epoch> epochs;
    for (const auto& object : objects) {
        const auto parts = split_gc_name(object.name);
        if (!parts) continue;
        const auto& [number, what] = *parts;
        if (what == "wait") epochs[number].has_wait = true;
        if (what != "intent" && what != "sweep") continue;
        Known content;
        // With its tag: should a lost lease ever make a number come again, it is another object.
        const auto key = object.name + ' ' + object.tag;
        if (auto known = known_.extract(key)) {
            content = std::move(known.mapped());
        } else {
            try {
                const auto payload =
                    open_object(keys, Kind::collector, blob::get_all(store, object.name, gc_limit, stop), object.name);
                if (what == "intent") content = decode_intent(payload, object.name);
                else content = decode_sweep(payload, object.name);
            } catch (const NotFound&) {
                continue;  // that collection has come to its end
            } catch (const Corrupt&) {
            }
        }
        auto& epoch = epochs[number];
        if (const auto* intent = std::get_if<Intent>(&content)) epoch.intent = *intent;
        else if (const auto* sweep = std::get_if<Sweep>(&content)) epoch.sweep = *sweep;
        else (what == "intent" ? epoch.intent_damaged : epoch.sweep_damaged) = true;
        now.emplace(key, std::move(content));
    }
    known_ = std::move(now);
    std::vector<Epoch> all;
    for (auto& [number, epoch] : epochs) {
        epoch.number = number;
        all.push_back(std::move(epoch));
    }
    return all;
}

std::set<Id> leaving(const std::vector<Epoch>& epochs) {
    std::set<Id> packs;
    for (const auto& epoch : epochs)
        if (epoch.intent && !epoch.is_void()) packs.insert(epoch.intent->packs.begin(), epoch.intent->packs.end());
    return packs;
}

std::set<Id16> named(const std::vector<Epoch>& epochs) {
    std::set<Id16> sessions;
    for (const auto& epoch : epochs)
        if (epoch.sweep && !epoch.sweep->is_void) sessions.insert(epoch.sweep->expired.begin(), epoch.sweep->expired.end());
    return sessions;
}

}  // namespace tenon::backup
