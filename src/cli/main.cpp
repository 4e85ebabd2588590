#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>

#include "context.hpp"
#include "help.hpp"
#include "report.hpp"

namespace tenon::cli {
namespace {

int run(const Program& program, const Parsed& parsed) {
    if (parsed.version) {
        std::printf("%s %s\n", program.brand.product.c_str(), Engine::version().c_str());
        return 0;
    }
    if (parsed.help || parsed.group == nullptr) {
        std::fputs(help_text(program, parsed).c_str(), stdout);
        return 0;
    }
    if (parsed.command == nullptr) throw UsageError("“" + std::string(parsed.group->name) + "” needs a verb");
    Context context(program, parsed.args, *parsed.command);
    const int code = parsed.command->run(context, parsed.args);
    context.close();
    return code;
}

int guarded(const Program& program, const std::vector<std::string>& words) {
    // Until the words are understood, an error must still know how it is to be said.
    bool json = std::find(words.begin(), words.end(), "--json") != words.end();
    Parsed parsed;
    try {
        parse(words, parsed);
        json = parsed.args.has("--json");
        const int code = run(program, parsed);
        flush_output();
        return code;
    } catch (const UsageError& error) {
        return report_usage(program, parsed, json, error.what());
    } catch (const Error& error) {
        return report(program, parsed.command, json, error);
    } catch (const std::exception& error) {
        return report(program, parsed.command, json, InternalError(error.what(), {}));
    }
}

}  // namespace
}  // namespace tenon::cli

int main(int argc, char** argv) {
    // A reader that goes away (`| head`) is noticed at the next write, so that the engine closes in order.
    std::signal(SIGPIPE, SIG_IGN);
    const tenon::cli::Program program(argc > 0 ? argv[0] : "tenon");
    return tenon::cli::guarded(program, {argv + (argc > 0 ? 1 : 0), argv + argc});
}
