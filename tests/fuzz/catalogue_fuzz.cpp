// Plan catalogues as a host or a partner writes them, and JSON in general.

#include <filesystem>

#include <base/bytes.hpp>
#include <base/file.hpp>
#include <base/json.hpp>
#include <tenant/catalogues.hpp>

#include "fuzz.hpp"

namespace tenon::fuzz {

std::vector<Input> seeds() {
    std::vector<Input> all;
    for (const auto& file : std::filesystem::directory_iterator(TENON_SOURCE "/share/tenon/plans"))
        all.push_back(seed(0, base::read_file(file.path(), 1 << 20)));
    return all;
}

}  // namespace tenon::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto text = tenon::base::text_of({data + 1, size - 1});
    tenon::fuzz::reads([&] { (void)tenon::tenant::parse_catalogue(text, "catalogue.json"); });
    return 0;
}
