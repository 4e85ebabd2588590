#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>

#include "cameras.hpp"
#include "interrupt.hpp"
#include "json.hpp"
#include "text.hpp"

namespace tenon::cli {
namespace {

using namespace std::chrono_literals;
using Watch = std::chrono::steady_clock;

/// What is worth a line when it changes.
struct Seen {
    CameraState state;
    Recording recording;
    std::string problem;
    bool operator==(const Seen&) const = default;
};

/// Says each change once: a line for people, a document a line for programs.
class Changes {
public:
    explicit Changes(const Output& out) : out_(out) {}

    void show(const std::vector<CameraInfo>& cameras) {
        for (const auto& c : cameras) {
            const Seen now{c.state, c.recording, c.problem};
            const auto known = seen_.find(c.id);
            if (known != seen_.end() && known->second == now) continue;
            seen_.insert_or_assign(c.id, now);
            if (out_.json()) {
                auto document = to_json(c);
                document["at"] = stamp(std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()));
                out_.document(document);
            } else if (out_.people()) {
                std::string text = clock(std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now())) + "  " +
                                   clean(c.name) + ": " + to_string(c.state);
                if (!c.problem.empty()) text += " (" + clean(c.problem) + ")";
                out_.line(text);
            }
        }
    }

private:
    const Output& out_;
    std::map<CameraId, Seen> seen_;
};

/// The table of all cameras, drawn over itself on a terminal.
class Screen {
public:
    void show(const std::vector<CameraInfo>& cameras, Watch::duration open) {
        const std::string text = camera_table(cameras).text() + "open for " +
                                 length(std::chrono::floor<std::chrono::seconds>(open)) + ", Ctrl-C ends it\n";
        if (lines_ > 0) std::fprintf(stderr, "\033[%zuA\033[J", lines_);
        std::fputs(text.c_str(), stderr);
        // A line wider than the terminal takes several of its rows.
        lines_ = 0;
        const std::size_t columns = terminal_columns();
        for (std::size_t begin = 0; begin < text.size();) {
            const auto end = text.find('\n', begin);
            lines_ += std::max<std::size_t>(1, (width(std::string_view(text).substr(begin, end - begin)) + columns - 1) / columns);
            begin = end + 1;
        }
    }

private:
    std::size_t lines_ = 0;
};

}  // namespace

int run_cameras(Context& context, const Args& args) {
    const auto limit = args.duration("--for");
    const Interrupt interrupt;
    const Session session = context.session();
    const auto cameras = session.cameras();
    const bool screen_wanted = context.out().people() && stderr_is_terminal();
    Changes changes(context.out());
    Screen screen;
    const auto begin = Watch::now();
    if (cameras.list().empty()) context.out().remark("No camera yet. " + context.command("camera add") + " adds one; this keeps waiting.");
    while (!Interrupt::came() && !output_gone()) {
        const auto open = Watch::now() - begin;
        if (limit && open >= *limit) break;
        const auto all = cameras.list();
        if (screen_wanted) screen.show(all, open);
        else changes.show(all);
        const auto left = limit ? std::chrono::ceil<std::chrono::milliseconds>(*limit - open) : 500ms;
        pause(static_cast<int>(std::min<std::chrono::milliseconds>(left, 500ms).count()));
    }
    context.out().remark("Closing; what was recorded is kept.");
    return 0;
}

}  // namespace tenon::cli
