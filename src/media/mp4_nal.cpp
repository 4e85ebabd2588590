#include <media/mp4_nal.hpp>

#include "mp4_bits.hpp"

#include <algorithm>

namespace tenon::media::mp4 {
namespace {

int type_of(Codec codec, ByteSpan nal) {
    if (nal.empty()) return -1;
    return codec == Codec::h264 ? nal[0] & 0x1f : nal[0] >> 1 & 0x3f;
}

/// 0 VPS, 1 SPS, 2 PPS; -1 what is none.
int set_rank(Codec codec, ByteSpan nal) {
    const auto type = type_of(codec, nal);
    if (codec == Codec::h264) return type == 7 ? 1 : type == 8 ? 2
                                                               : -1;
    return type >= 32 && type <= 34 ? type - 32 : -1;
}

// The id stands within the first hundred bytes, whatever stands before it; the rest of a set is not looked at for it.
constexpr std::size_t kIdWithin = 192;
constexpr std::size_t kLargestSet = 0xffff;  // configuration records count its bytes in sixteen bits
// A stream has at most 288 of them: 32 and 256 of H.264.
constexpr std::size_t kMostSets = 512;

/// The id of a parameter set within its type. Throws Corrupt.
std::uint32_t set_id(Codec codec, ByteSpan nal) {
    const auto rank = set_rank(codec, nal);
    nal = nal.first(std::min(nal.size(), kIdWithin));
    if (codec == Codec::h264) {
        BitReader r(nal.subspan(1));
        if (rank == 1) r.skip(24);
        return r.ue();
    }
    if (nal.size() < 3) throw Corrupt("A parameter set ends too early");
    BitReader r(nal.subspan(2));
    if (rank == 0) return r.bits(4);
    if (rank == 2) return r.ue();
    r.skip(4);
    const auto layers = r.bits(3);
    r.skip(1 + 96);
    std::uint32_t present = layers > 0 ? r.bits(16) : 0;  // two flags for each of eight layers
    for (std::uint32_t i = 0; i < layers; ++i) {
        const auto flags = present >> (14 - 2 * i) & 3;
        if (flags & 2) r.skip(88);
        if (flags & 1) r.skip(8);
    }
    return r.ue();
}

/// A parameter set that can be stored. Throws Corrupt: ids have a range, which bounds how many of them a stream can have.
struct NamedSet {
    NamedSet(Codec codec, ByteSpan set) : nal(set), rank(set_rank(codec, set)) {
        if (rank < 0) throw Corrupt("Something else stands where a parameter set belongs");
        if (nal.size() > kLargestSet) throw Corrupt("A parameter set is too large");
        id = set_id(codec, nal);
        constexpr std::uint32_t highest_h264[] = {0, 31, 255}, highest_hevc[] = {15, 15, 63};
        if (id > (codec == Codec::h264 ? highest_h264 : highest_hevc)[rank]) throw Corrupt("A parameter set has an id that cannot be");
    }
    ByteSpan nal;
    int rank;
    std::uint32_t id = 0;
};

bool put_set(Codec codec, std::vector<Buffer>& sets, const NamedSet& set) {
    auto place = sets.begin();
    for (; place != sets.end(); ++place) {
        const auto other = set_rank(codec, *place);
        if (other > set.rank) break;
        if (other < set.rank || set_id(codec, *place) != set.id) continue;
        if (std::equal(set.nal.begin(), set.nal.end(), place->begin(), place->end())) return false;
        place->assign(set.nal.begin(), set.nal.end());
        return true;
    }
    sets.emplace(place, set.nal.begin(), set.nal.end());
    return true;
}

/// The first start code at or behind `from`: where it begins and where the unit behind it begins.
std::pair<std::size_t, std::size_t> find_start(ByteSpan data, std::size_t from) {
    for (std::size_t i = from; i + 3 <= data.size(); ++i) {
        if (data[i] != 0 || data[i + 1] != 0 || data[i + 2] != 1) continue;
        return {i, i + 3};
    }
    return {data.size(), data.size()};
}

bool has_start_codes(ByteSpan data) {
    if (data.size() < 4 || data[0] != 0 || data[1] != 0) return false;
    if (data[2] == 0 && data[3] == 1) return true;
    if (data[2] != 1) return false;
    // 00 00 01 xx may be the length of a unit of 256 to 511 bytes too: believe that if lengths fill the data exactly.
    std::size_t at = 0;
    while (data.size() - at >= 4) {
        const auto n = static_cast<std::size_t>(data[at]) << 24 | static_cast<std::size_t>(data[at + 1]) << 16 |
                       static_cast<std::size_t>(data[at + 2]) << 8 | data[at + 3];
        if (n == 0 || n > data.size() - at - 4) return true;
        at += 4 + n;
    }
    return at != data.size();
}

}  // namespace

NalKind nal_kind(Codec codec, ByteSpan nal) {
    const auto type = type_of(codec, nal);
    if (codec == Codec::h264) {
        switch (type) {
        case 1:
        case 2:
        case 3:
        case 4: return NalKind::slice;
        case 5: return NalKind::key_slice;
        case 7:
        case 8: return NalKind::parameter_set;
        case 9: return NalKind::delimiter;
        case 10:
        case 11: return NalKind::end;
        case 12: return NalKind::filler;
        default: return NalKind::other;
        }
    }
    if (type >= 16 && type <= 23) return NalKind::key_slice;
    if (type >= 0 && type < 32) return NalKind::slice;
    switch (type) {
    case 32:
    case 33:
    case 34: return NalKind::parameter_set;
    case 35: return NalKind::delimiter;
    case 36:
    case 37: return NalKind::end;
    case 38: return NalKind::filler;
    default: return NalKind::other;
    }
}

std::vector<ByteSpan> split_nals(ByteSpan data) {
    std::vector<ByteSpan> nals;
    if (has_start_codes(data)) {
        auto [code, begin] = find_start(data, 0);
        while (begin < data.size()) {
            const auto [next_code, next_begin] = find_start(data, begin);
            auto end = next_code;
            while (end > begin && data[end - 1] == 0) --end;  // zeros before a start code belong to nobody
            if (end > begin) nals.push_back(data.subspan(begin, end - begin));
            begin = next_begin;
        }
        return nals;
    }
    Reader r(data);
    while (r.left() > 0) {
        const auto nal = r.bytes(r.u32());
        if (!nal.empty()) nals.push_back(nal);
    }
    return nals;
}

ParameterSets ParameterSets::parse(Codec codec, ByteSpan extradata) {
    ParameterSets result{codec, {}};
    if (extradata.empty()) return result;
    if (extradata[0] != 1) {  // a configuration record begins with its version, Annex B with a zero
        result.take(split_nals(extradata));
        return result;
    }
    Reader r(extradata);
    if (codec == Codec::h264) {
        r.skip(5);
        for (auto n = r.u8() & 0x1f; n > 0; --n) result.put(r.bytes(r.u16()));
        for (auto n = r.u8(); n > 0; --n) result.put(r.bytes(r.u16()));
        return result;
    }
    r.skip(22);
    std::vector<ByteSpan> nals;
    for (auto arrays = r.u8(); arrays > 0; --arrays) {
        r.skip(1);
        for (auto n = r.u16(); n > 0; --n) nals.push_back(r.bytes(r.u16()));
    }
    result.take(nals);
    return result;
}

bool ParameterSets::put(ByteSpan nal) { return put_set(codec, sets, NamedSet(codec, nal)); }

bool ParameterSets::take(const std::vector<ByteSpan>& nals) {
    std::vector<NamedSet> found;
    for (const auto nal : nals) {
        if (nal_kind(codec, nal) != NalKind::parameter_set) continue;
        if (found.size() == kMostSets) throw Corrupt("More parameter sets come at once than a stream can have");
        found.emplace_back(codec, nal);
    }
    bool changed = false;
    for (const auto& set : found) changed |= put_set(codec, sets, set);
    return changed;
}

bool ParameterSets::contains(ByteSpan nal) const {
    return std::any_of(sets.begin(), sets.end(), [&](const Buffer& set) {
        return std::equal(nal.begin(), nal.end(), set.begin(), set.end());
    });
}

bool ParameterSets::complete() const {
    bool have[3] = {codec == Codec::h264, false, false};
    for (const auto& set : sets) have[set_rank(codec, set)] = true;
    return have[0] && have[1] && have[2];
}

Buffer ParameterSets::configuration() const {
    if (!complete()) throw Corrupt("A stream lacks its parameter sets");
    std::size_t size = 0;
    for (const auto& set : sets) size += set.size();
    if (size > kLargestSet) throw Corrupt("A stream's parameter sets are too large");  // every segment and clip repeats them
    Writer w;
    if (codec == Codec::h264) {
        const auto rank_is = [&](int rank) {
            std::vector<const Buffer*> found;
            for (const auto& set : sets)
                if (set_rank(codec, set) == rank) found.push_back(&set);
            return found;
        };
        const auto write_all = [&](const std::vector<const Buffer*>& found) {
            for (const auto* set : found) {
                w.u16(static_cast<std::uint16_t>(set->size()));
                w.bytes(*set);
            }
        };
        const auto sps = rank_is(1), pps = rank_is(2);
        if (sps[0]->size() < 4 || sps.size() > 31 || pps.size() > 255) throw Corrupt("A stream's parameter sets make no sense");
        const auto profile = (*sps[0])[1];
        w.u8(1);
        w.u8(profile);
        w.u8((*sps[0])[2]);
        w.u8((*sps[0])[3]);
        w.u8(0xff);  // lengths of four bytes
        w.u8(static_cast<std::uint8_t>(0xe0 | sps.size()));
        write_all(sps);
        w.u8(static_cast<std::uint8_t>(pps.size()));
        write_all(pps);
        if (profile == 100 || profile == 110 || profile == 122 || profile == 144) {
            const auto shape = picture_shape(*this);
            w.u8(static_cast<std::uint8_t>(0xfc | shape->chroma_format));
            w.u8(static_cast<std::uint8_t>(0xf8 | (shape->luma_depth - 8)));
            w.u8(static_cast<std::uint8_t>(0xf8 | (shape->chroma_depth - 8)));
            w.u8(0);
        }
        return w.take();
    }
    const auto shape = picture_shape(*this);
    const auto sps = std::find_if(sets.begin(), sets.end(), [&](const Buffer& s) { return set_rank(codec, s) == 1; });
    BitReader r(ByteSpan(*sps).subspan(2));
    r.skip(4);
    const auto layers = r.bits(3) + 1;
    const auto nested = r.bit();
    w.u8(1);
    for (int i = 0; i < 12; ++i) w.u8(static_cast<std::uint8_t>(r.bits(8)));  // profile, tier, level as they stand
    w.u16(0xf000);                                                            // segmentation unknown
    w.u8(0xfc);                                                               // parallelism unknown
    w.u8(static_cast<std::uint8_t>(0xfc | shape->chroma_format));
    w.u8(static_cast<std::uint8_t>(0xf8 | (shape->luma_depth - 8)));
    w.u8(static_cast<std::uint8_t>(0xf8 | (shape->chroma_depth - 8)));
    w.u16(0);  // average rate unknown
    w.u8(static_cast<std::uint8_t>(layers << 3 | nested << 2 | 3));
    w.u8(3);
    for (int rank = 0; rank < 3; ++rank) {
        w.u8(static_cast<std::uint8_t>(0x80 | (32 + rank)));
        w.u16(static_cast<std::uint16_t>(
            std::count_if(sets.begin(), sets.end(), [&](const Buffer& s) { return set_rank(codec, s) == rank; })));
        for (const auto& set : sets) {
            if (set_rank(codec, set) != rank) continue;
            w.u16(static_cast<std::uint16_t>(set.size()));
            w.bytes(set);
        }
    }
    return w.take();
}

}  // namespace tenon::media::mp4
