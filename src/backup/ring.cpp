#include "ring.hpp"

#include <algorithm>
#include <set>

#include <crypto/kdf.hpp>
#include <tenon/error.hpp>

#include "cbor.hpp"
#include "container.hpp"

namespace tenon::backup {
namespace {

crypto::Secret ring_key(const crypto::Secret& root, const Id16& repo) {
    ByteVector info;
    base::append(info, base::view_of("tenon/1/ring"));
    base::append(info, repo);
    return crypto::hkdf_expand(root.bytes(), info, 32);
}

crypto::Secret read_key(cbor::Reader& reader) {
    const auto bytes = reader.bytes();
    if (bytes.size() != 32) reader.fail();
    return crypto::Secret::copy_of(bytes);
}

ClassKeys read_class(cbor::Reader& reader) {
    ClassKeys keys;
    cbor::each_key(reader, [&](std::uint64_t key) {
        switch (key) {
            case 1:
                for (auto left = reader.map(); left > 0; --left) {
                    const auto number = static_cast<std::uint16_t>(reader.uint_at_most(0xffff));
                    keys.dek.emplace(number, read_key(reader));
                }
                return true;
            case 2: keys.k_id = read_key(reader); return true;
            case 3: keys.k_cdc = read_key(reader); return true;
            case 4: keys.state = reader.uint(); return true;
            case 5: keys.created = Time(Duration(reader.integer())); return true;
            case 6: keys.subject = reader.text(); return true;
            default: return false;
        }
    });
    if (keys.dek.empty() || keys.k_id.empty() || keys.k_cdc.empty()) reader.fail();
    return keys;
}

}  // namespace

ClassKeys ClassKeys::make(Time now, std::string subject) {
    ClassKeys keys;
    keys.subject = std::move(subject);
    keys.dek.emplace(std::uint16_t{1}, crypto::Secret::random(32));
    keys.k_id = crypto::Secret::random(32);
    keys.k_cdc = crypto::Secret::random(32);
    keys.created = now;
    return keys;
}

PackKey derive_pack_key(ByteView ikm, const Id& salt, const Id16& repo, const Id16& class_id, Kind kind) {
    ByteVector info;
    base::append(info, base::view_of("tenon/1/pack"));
    base::append(info, repo);
    base::append(info, class_id);
    info.push_back(static_cast<std::uint8_t>(kind));
    const auto okm = crypto::hkdf(salt, ikm, info, 64);
    PackKey key{.key = crypto::Secret::copy_of(okm.part(0, 32))};
    std::copy_n(okm.part(32, 32).begin(), 32, key.commitment.begin());
    return key;
}

const Id16& Ring::data_class() const {
    for (const auto& [id, keys] : classes)
        if (id != control_class && keys.subject.empty()) return id;
    throw InternalError("the ring has no class for files");
}

std::optional<Id16> Ring::class_of(std::string_view subject) const {
    for (const auto& [id, keys] : classes)
        if (id != control_class && keys.subject == subject) return id;
    return std::nullopt;
}

void Ring::add_data_keys() {
    for (auto& [id, keys] : classes) {
        if (keys.current() == 0xffff) throw Conflict("this repository's data keys were replaced 65,534 times: begin a new repository");
        keys.dek.emplace(static_cast<std::uint16_t>(keys.current() + 1), crypto::Secret::random(32));
    }
}

bool Ring::has_old_data_keys() const {
    return std::any_of(classes.begin(), classes.end(), [](const auto& each) { return each.second.dek.size() > 1; });
}

const crypto::Secret& Ring::dek(const Id16& class_id, std::uint16_t number, const std::string& object) const {
    if (const auto keys = classes.find(class_id); keys != classes.end())
        if (const auto found = keys->second.dek.find(number); found != keys->second.dek.end()) return found->second;
    throw Corrupt("the object names a key that this repository does not have", {.subject = object});
}

Ring make_ring(Time now) {
    Ring ring;
    ring.identity = crypto::Secret::random(32);
    ring.classes.emplace(control_class, ClassKeys::make(now));
    Id16 id{};
    // Class zero is taken; a random id is never it.
    crypto::fill_random(id);
    ring.classes.emplace(id, ClassKeys::make(now));
    return ring;
}

ByteVector seal_ring(const Ring& ring, const crypto::Secret& root, const Id16& repo) {
    cbor::Writer out;
    out.map(2 + (ring.identity.empty() ? 0u : 1u) + (ring.erased.empty() ? 0u : 1u)).uint(1).uint(ring.generation).uint(2).map(ring.classes.size());
    for (const auto& [id, keys] : ring.classes) {
        out.bytes(id).map(6).uint(1).map(keys.dek.size());
        for (const auto& [number, dek] : keys.dek) out.uint(number).bytes(dek.bytes());
        out.uint(2).bytes(keys.k_id.bytes()).uint(3).bytes(keys.k_cdc.bytes()).uint(4).uint(keys.state);
        out.uint(5).integer(keys.created.time_since_epoch().count()).uint(6).text(keys.subject);
    }
    if (!ring.identity.empty()) out.uint(3).bytes(ring.identity.bytes());
    if (!ring.erased.empty()) {
        out.uint(4).map(ring.erased.size());
        for (const auto& [id, said] : ring.erased) out.bytes(id).array(2).text(said.receipt).text(said.signature);
    }
    auto plain = out.take();
    auto sealed = seal_small(ring_key(root, repo).bytes(), repo, Kind::ring, 0, plain);
    crypto::wipe(plain);
    return sealed;
}

Ring decode_ring(ByteView plain, const std::string& name) {
    cbor::Reader reader(plain, name);
    Ring ring;
    cbor::each_key(reader, [&](std::uint64_t item) {
        if (item == 1) {
            ring.generation = static_cast<std::uint32_t>(reader.uint_at_most(0xffffffff));
            return true;
        }
        if (item == 3) {
            ring.identity = read_key(reader);
            return true;
        }
        if (item == 4) {
            for (auto left = reader.map(); left > 0; --left) {
                const auto id = reader.fixed<16>();
                reader.array_of(2);
                Ring::Erased said{.receipt = std::string(reader.text())};
                said.signature = reader.text();
                ring.erased.emplace(id, std::move(said));
            }
            return true;
        }
        if (item != 2) return false;
        for (auto left = reader.map(); left > 0; --left) {
            const auto id = reader.fixed<16>();
            ring.classes.emplace(id, read_class(reader));
        }
        return true;
    });
    reader.expect_done();
    // One class holds what has no other, and no two have a subject in common.
    std::set<std::string> subjects;
    for (const auto& [id, keys] : ring.classes)
        if (id != control_class && !subjects.insert(keys.subject).second) reader.fail();
    if (!ring.classes.contains(control_class) || !subjects.contains("")) reader.fail();
    return ring;
}

Ring open_ring(ByteView raw, const crypto::Secret& root, const Id16& repo, const std::string& name) {
    const auto header = decode_header(raw, name);
    const auto key = derive_pack_key(ring_key(root, repo).bytes(), header.salt, repo, control_class, Kind::ring);
    if (header.kind != Kind::ring || header.class_id != control_class ||
        !crypto::equal_constant_time(key.commitment, header.commitment))
        throw Corrupt("the key ring was not sealed with this root key", {.subject = name});
    auto plain = open_small(raw, key, repo, header, name);
    auto ring = decode_ring(plain, name);
    crypto::wipe(plain);
    return ring;
}

}  // namespace tenon::backup
