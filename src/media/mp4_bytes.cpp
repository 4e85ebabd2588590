#include <media/mp4_bytes.hpp>

namespace tenon::media::mp4 {

std::string to_text(FourCC type) {
    std::string text(4, ' ');
    for (int i = 0; i < 4; ++i) {
        const auto c = static_cast<char>(type >> (24 - 8 * i));
        text[static_cast<std::size_t>(i)] = c >= 0x20 && c < 0x7f ? c : '?';
    }
    return text;
}

void Writer::patch_u32(std::size_t at, std::uint32_t v) {
    for (std::size_t i = 0; i < 4; ++i) out_[at + i] = static_cast<std::uint8_t>(v >> (24 - 8 * i));
}

void Writer::end() {
    const auto at = open_.back();
    open_.pop_back();
    const auto size = out_.size() - at;
    if (size > 0xffff'ffffu) throw InvalidArgument("An MP4 box grew beyond 4 GiB");
    patch_u32(at, static_cast<std::uint32_t>(size));
}

}  // namespace tenon::media::mp4
