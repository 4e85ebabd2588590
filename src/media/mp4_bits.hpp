#pragma once

#include <media/mp4_bytes.hpp>

namespace tenon::media::mp4 {

/// Reads the bits of a NAL unit's payload, without the bytes that keep start codes out of it. Throws Corrupt at the end.
class BitReader {
public:
    explicit BitReader(ByteSpan nal) {
        bytes_.reserve(nal.size());
        for (std::size_t i = 0; i < nal.size(); ++i) {
            const bool escape = nal[i] == 3 && i >= 2 && nal[i - 1] == 0 && nal[i - 2] == 0;
            if (!escape) bytes_.push_back(nal[i]);
        }
    }
    std::uint32_t bit() {
        if (at_ / 8 >= bytes_.size()) throw Corrupt("A parameter set ends too early");
        const auto value = bytes_[at_ / 8] >> (7 - at_ % 8) & 1u;
        ++at_;
        return value;
    }
    std::uint32_t bits(int n) {
        std::uint32_t v = 0;
        while (n-- > 0) v = v << 1 | bit();
        return v;
    }
    void skip(std::size_t n) {
        if (n > bytes_.size() * 8 - at_) throw Corrupt("A parameter set ends too early");
        at_ += n;
    }
    std::uint32_t ue() {
        int zeros = 0;
        while (bit() == 0)
            if (++zeros > 31) throw Corrupt("A parameter set holds a number that is too long");
        return zeros == 0 ? 0 : (1u << zeros) - 1 + bits(zeros);
    }
    std::int32_t se() {
        const auto v = ue();
        return v & 1 ? static_cast<std::int32_t>(v / 2 + 1) : -static_cast<std::int32_t>(v / 2);
    }

private:
    Buffer bytes_;
    std::size_t at_ = 0;
};

}  // namespace tenon::media::mp4
