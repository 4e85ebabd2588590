#include "progress.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "interrupt.hpp"
#include "text.hpp"

namespace tenon::cli {
namespace {

using namespace std::chrono_literals;

std::string bar(double percent, std::size_t cells, bool utf8) {
    static constexpr std::array eighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const double part = std::clamp(percent, 0.0, 100.0) / 100 * static_cast<double>(cells);
    const auto full = static_cast<std::size_t>(part);
    std::string out;
    for (std::size_t i = 0; i < full; ++i) out += utf8 ? "█" : "#";
    if (utf8 && full < cells) out += eighths[static_cast<std::size_t>((part - std::floor(part)) * 8)];
    return utf8 ? pad(out, cells) : "[" + pad(out, cells) + "]";
}

std::string how_much(const Progress& p) {
    if (p.unit.empty() || (p.done == 0 && p.total == 0)) return {};
    const auto show = [&](std::int64_t n) { return p.unit == "bytes" ? size({n}) : count(n); };
    const std::string unit = p.unit == "bytes" ? "" : " " + clean(p.unit);
    return p.total > 0 ? show(p.done) + " of " + show(p.total) + unit : show(p.done) + unit;
}

std::string how_fast(const Progress& p) {
    std::string text;
    if (p.per_second > 0)
        text = p.unit == "bytes" ? size({std::llround(p.per_second)}) + "/s" : count(std::llround(p.per_second)) + " " + clean(p.unit) + "/s";
    if (p.files_per_second >= 1) text += (text.empty() ? "" : ", ") + count(std::llround(p.files_per_second)) + " files/s";
    return text;
}

class Display {
public:
    Display(const Context& context, std::string_view what)
        : what_(what),
          bar_(stderr_is_terminal() && context.out().style() != Style::quiet),
          lines_(!bar_ && context.out().people()),
          utf8_(terminal_is_utf8()) {}
    ~Display() { clear(); }
    Display(const Display&) = delete;
    Display& operator=(const Display&) = delete;

    void show(const Progress& p) {
        if (bar_) {
            const std::string text = progress_line(p, what_, terminal_columns(), utf8_);
            std::fprintf(stderr, "\r%s", pad(text, drawn_).c_str());
            drawn_ = width(text);
        } else if (lines_) {
            const int tenth = static_cast<int>(p.percent / 10);
            if (p.stage == stage_ && tenth == tenth_) return;
            stage_ = p.stage;
            tenth_ = tenth;
            std::fprintf(stderr, "%s\n", progress_line(p, what_, 0, false).c_str());
        }
    }

    void clear() {
        if (drawn_ > 0) std::fprintf(stderr, "\r%s\r", std::string(drawn_, ' ').c_str());
        drawn_ = 0;
    }

    void say(const char* text) {
        clear();
        if (bar_ || lines_) std::fprintf(stderr, "%s\n", text);
    }

private:
    std::string what_;
    bool bar_;
    bool lines_;
    bool utf8_;
    std::size_t drawn_ = 0;
    std::string stage_ = "\n";  // like no stage
    int tenth_ = -1;
};

}  // namespace

std::string progress_line(const Progress& p, std::string_view what, std::size_t columns, bool utf8) {
    std::string head = std::string(what);
    if (!p.stage.empty() && p.stage != what) head += ": " + clean(p.stage);
    std::string tail = percent(p.percent);
    if (const auto much = how_much(p); !much.empty()) tail += "  " + much;
    if (const auto fast = how_fast(p); !fast.empty()) tail += "  " + fast;
    if (p.eta && *p.eta > Duration::zero()) tail += "  " + length(std::chrono::ceil<std::chrono::seconds>(*p.eta)) + " left";
    if (columns == 0) return head + "  " + tail;
    // Room for the longest usual figures, so that the bar keeps its length while they grow.
    const std::size_t taken = std::max<std::size_t>(width(head), 20) + std::max<std::size_t>(width(tail), 40) + 4;
    const std::size_t cells = columns > taken + 8 ? std::min<std::size_t>(columns - taken, 30) : 0;
    std::string line = pad(head, 20) + "  " + (cells > 0 ? bar(p.percent, cells, utf8) + "  " : "") + tail;
    while (width(line) >= columns && !line.empty()) {  // a line that wraps could not be drawn over
        do line.pop_back();
        while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xC0) == 0x80);
        if (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xC0) == 0xC0) line.pop_back();
    }
    return line;
}

void follow(const Context& context, const std::function<bool()>& ended, const std::function<void()>& cancel,
            const std::function<Progress()>& progress, std::string_view what) {
    const Interrupt interrupt;
    Display display(context, what);
    bool cancelling = false;
    while (!ended()) {
        if (Interrupt::came() && !cancelling) {
            cancelling = true;
            cancel();
            display.say("Cancelling; a second Ctrl-C ends the program at once.");
        }
        if (!cancelling) display.show(progress());
    }
    if (!cancelling && context.out().people()) display.show(progress());
    display.clear();
}

void follow(const Context& context, Job& job, std::string_view what) {
    follow(context, [&] { return job.join_for(200ms); }, [&] { job.cancel(); }, [&] { return job.progress(); }, what);
}

}  // namespace tenon::cli
