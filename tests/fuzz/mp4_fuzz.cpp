// Boxes of MP4 files: moov, moof, heads.

#include <algorithm>

#include <base/file.hpp>
#include <media/mp4_read.hpp>
#include <media/mp4_write.hpp>

#include "fuzz.hpp"

namespace tenon::fuzz {

std::vector<Input> seeds() {
    using namespace media::mp4;
    const auto file = base::read_file(TENON_FOOTAGE "/clapper.mp4", 1 << 20);
    Buffer whole(file.begin(), file.end());
    const auto moov = need_box(whole, fourcc("moov"));
    const FragmentTrack tracks[] = {{1, 0, {{100, 3000, 1, true}, {50, 3000, 0, false}}}};
    auto fragment = write_fragment(1, tracks);
    fragment.resize(fragment.size() - 8);
    return {Input(moov.body.begin() - 8, moov.body.end()), fragment};
}

}  // namespace tenon::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tenon::media::mp4::Buffer copy(data, data + size);
    return tenon::media::mp4::fuzz(copy);
}
