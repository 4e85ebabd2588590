#include "context.hpp"
#include "json.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

int rate(Context& context, const Args& args) {
    const RateCall call{.key = args.text("--key"), .address = args.text("--address"), .route = args.text("--route"),
                        .cost = args.integer("--cost", 1, 1, std::int64_t{1} << 53)};
    const auto calls = args.integer("--calls", 1, 1, 10'000);
    auto rates = context.session().rates();
    Table table({">CALL", "ANSWER", "RATE", ">LIMIT", ">REMAINING", ">RESET", ">RETRY AFTER"});
    boost::json::array document;
    std::vector<std::string> keys;
    for (std::int64_t n = 1; n <= calls; ++n) {
        const auto d = rates.check(call);
        document.push_back(to_json(d));
        keys.push_back(d.allowed ? "allowed" : "refused");
        const std::string name = d.limit ? to_string(d.scope) + (d.route.empty() ? "" : " " + d.route) : "none";
        const std::string limit = d.limit ? count(*d.limit) + (d.window > Duration::zero() ? " in " + length(d.window) : "") : "";
        table.row({std::to_string(n), d.allowed ? "allowed" : "refused", name, limit, d.limit ? count(d.remaining) : "",
                   d.reset > Duration::zero() ? length(d.reset) : "", d.allowed ? "" : length(d.retry_after)});
    }
    context.out().list(document, keys, table, "");
    return 0;
}

}  // namespace

Group rate_verbs() {
    constexpr std::string_view about =
        "Tries what the rates of the tenant's plan answer to calls: how many are let through at once, which rate is the tightest, and what "
        "to tell whoever is refused (--json shows the headers for HTTP). Each process counts for itself, so what is tried here "
        "costs nobody anything.";
    return {.name = "rate",
            .summary = "how often the plan lets somebody call",
            .about = about,
            .commands = {{.path = "rate",
                          .summary = "try the plan's rates",
                          .about = about,
                          .options = {{"--key", "KEY", "the calls come with this key"},
                                      {"--address", "ADDRESS", "they come from this address"},
                                      {"--route", "CLASS", "they are of this class, such as upload"},
                                      {"--cost", "N", "how much each counts; default 1"},
                                      {"--calls", "N", "how many, one after the other; default 1"}},
                          .examples = {{"rate --calls 20", "How many pass at once."},
                                       {"rate --route upload --address 192.0.2.7 --json", "With the headers of the answer."}},
                          .run = rate,
                          .looks = true}}};
}

}  // namespace tenon::cli
