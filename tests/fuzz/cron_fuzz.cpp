// Expressions of recurring jobs, as hosts and their users type them.

#include <stdexcept>
#include <string_view>

#include <jobs/cron.hpp>

#include "fuzz.hpp"

namespace tenon::fuzz {

std::vector<Input> seeds() {
    using namespace std::literals;
    return {seed(0, "30 2 * * *"sv), seed(1, "*/15 9-17 * * mon-fri"sv), seed(2, "0 0 29 2 *"sv), seed(0, "@weekly"sv),
            seed(1, "5/25 0,12 1-31/2 JAN,jul 0-7"sv)};
}

}  // namespace tenon::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tenon;
    if (size == 0) return 0;
    fuzz::reads([&] {
        const auto cron = jobs::Cron::parse({reinterpret_cast<const char*>(data + 1), size - 1});
        constexpr const char* zones[] = {"UTC", "Europe/Berlin", "America/Santiago"};
        const tenant::Zone zone(zones[data[0] % 3]);
        auto after = Time{std::chrono::sys_days(std::chrono::year(2026) / 3 / 28)};
        for (int i = 0; i < 3; ++i) {
            const auto next = cron.next(after, zone);
            if (!next) return;
            if (*next <= after) throw std::logic_error("a time that is not after the one before");
            after = *next;
        }
    });
    return 0;
}
