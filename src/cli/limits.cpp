#include "limits.hpp"

#include <tenon/units.hpp>

#include "text.hpp"

namespace tenon::cli {

bool take_limits(const Args& args, WorkLimits& limits) {
    limits.threads = static_cast<std::int32_t>(args.integer(threads_option.name, limits.threads, 0, 64));
    limits.memory = args.size(memory_option.name).value_or(limits.memory);
    limits.upload_per_second = args.size(upload_option.name).value_or(limits.upload_per_second);
    limits.download_per_second = args.size(download_option.name).value_or(limits.download_per_second);
    return args.has(threads_option.name) || args.has(memory_option.name) || args.has(upload_option.name) || args.has(download_option.name);
}

WorkLimits limits_of(const Args& args) {
    WorkLimits limits;
    take_limits(args, limits);
    return limits;
}

std::string limits_text(const WorkLimits& limits) {
    std::string text;
    const auto add = [&](const std::string& limit) { text += (text.empty() ? "" : ", ") + limit; };
    if (limits.threads > 0) add(count(limits.threads) + (limits.threads == 1 ? " thread" : " threads"));
    if (limits.memory.count > 0) add(size(limits.memory) + " of memory");
    if (limits.upload_per_second.count > 0) add("up " + size(limits.upload_per_second) + " a second");
    if (limits.download_per_second.count > 0) add("down " + size(limits.download_per_second) + " a second");
    return text;
}

}  // namespace tenon::cli
