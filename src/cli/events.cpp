#include <algorithm>
#include <chrono>

#include "context.hpp"
#include "interrupt.hpp"
#include "json.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

using namespace std::chrono_literals;
using Watch = std::chrono::steady_clock;

void show(const Output& out, const Event& e) {
    if (out.json()) return out.document(to_json(e));
    if (e.dropped_before > 0) out.remark(count(e.dropped_before) + " events were lost here: nobody took them in time, or they are kept no longer.");
    if (out.people()) out.line(clock(e.at) + "  " + pad(std::to_string(e.id), 6, true) + "  " + clean(e.kind) + "  " +
                               clean(e.subject) + "  " + clean(e.data));
    else out.line(std::to_string(e.id));
}

int follow_events(Context& context, const Args& args) {
    SubscribeOptions options{.kinds = args.all("--kind")};
    if (args.has("--after")) options.after = args.integer("--after", 0, 0, INT64_MAX);
    const auto limit = args.duration("--for");
    const Interrupt interrupt;
    Session session = context.session();
    EventStream events = session.subscribe(options);
    const auto begin = Watch::now();
    while (!Interrupt::came() && !output_gone()) {
        Duration left = 250ms;
        if (limit) left = std::min(left, *limit - std::chrono::floor<Duration>(Watch::now() - begin));
        if (const auto event = events.next(std::max(left, Duration(1ms)))) show(context.out(), *event);
        else if (limit && Watch::now() - begin >= *limit) break;
    }
    return 0;
}

}  // namespace

Group event_verbs() {
    return {.name = "events",
            .summary = "news as it happens",
            .about = "Events tell what becomes of jobs, cameras and backups.",
            .commands = {{.path = "events follow",
                          .summary = "print events as they come",
                          .about = "Prints events as they come, one a line, until Ctrl-C. With --after it first prints what came "
                                   "after that event, 0 for all that is kept. With --json each line is one document.",
                          .options = {{"--kind", "KIND", "only these, such as job.succeeded, or job. for all of jobs", true},
                                      {"--after", "ID", "begin behind this event"},
                                      {"--for", "LENGTH", "stop after this long"}},
                          .examples = {{"events follow --kind camera.", "What cameras do."},
                                       {"events follow --after 0 --for 0s --json", "What is kept, and no more."}},
                          .run = follow_events,
                          .looks = true}}};
}

}  // namespace tenon::cli
