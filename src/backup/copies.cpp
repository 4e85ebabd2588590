#include "copies.hpp"

#include <crypto/hash.hpp>
#include <tenon/error.hpp>

#include "annotations.hpp"
#include "superblock.hpp"

namespace tenon::backup {
namespace {

class ControlSeal final : public blob::Seal {
public:
    explicit ControlSeal(const Keys& keys) {
        keys_.repo = keys.repo;
        const auto& control = keys.ring.control();
        auto& mine = keys_.ring.classes[control_class];
        for (const auto& [number, dek] : control.dek) mine.dek.emplace(number, dek.clone());
    }
    ByteVector close(ByteView plain) const override { return seal_object(keys_, Kind::collector, plain); }
    ByteVector open(ByteView sealed, const std::string& object) const override { return open_object(keys_, Kind::collector, sealed, object); }

private:
    Keys keys_;
};

}  // namespace

std::shared_ptr<const blob::Seal> seal_of(const Keys& keys) { return std::make_shared<ControlSeal>(keys); }

bool is_ours(const Keys& keys, const std::string& name, ByteView bytes) {
    try {
        if (name == "super" || name == "super.1") return decode_superblock(bytes, name).repo == keys.repo;
        if (name.starts_with("index/")) (void)open_object(keys, Kind::index, bytes, name);
        else if (name.starts_with("snap/")) (void)open_object(keys, Kind::snapshot, bytes, name);
        else if (name.starts_with("log/")) (void)open_object(keys, Kind::log, bytes, name);
        else if (const auto hash = blob::hash_in(name)) return name.starts_with("par/") || crypto::sha256(bytes) == *hash;
        else return name.starts_with("par/");
        return true;
    } catch (const Corrupt&) {
    } catch (const Unsupported&) {
    }
    return false;
}

}  // namespace tenon::backup
