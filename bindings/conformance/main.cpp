// Runs the conformance cases in C++; what a case may say is in README.md.

#include <cstdlib>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>

#include "case.hpp"

using namespace conformance;

namespace {

struct Options {
    std::filesystem::path cases{};
    Places places{};
    std::filesystem::path calls{};
    std::vector<std::string> names{};
};

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (!word.starts_with("--")) {
            options.names.push_back(word);
            continue;
        }
        if (++i == argc) throw std::runtime_error(word + " needs a value");
        if (word == "--cases") options.cases = argv[i];
        else if (word == "--footage") options.places.footage = std::filesystem::absolute(argv[i]);
        else if (word == "--camera") options.places.camera = argv[i];
        else if (word == "--calls") options.calls = argv[i];
        else throw std::runtime_error("unknown option " + word);
    }
    return options;
}

json::object read(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(stream)), {});
    return json::parse(text).as_object();
}

/// The steps of a case with those of its set-up before them.
std::vector<json::object> steps_of(const json::object& one, const json::object& file, const json::object& setup) {
    std::vector<json::object> steps;
    const auto* parts = one.if_contains("setup") ? one.if_contains("setup") : file.if_contains("setup");
    if (parts)
        for (const auto& part : parts->as_array())
            for (const auto& step : setup.at(part.as_string()).as_array()) steps.push_back(step.as_object());
    for (const auto& step : one.at("steps").as_array()) steps.push_back(step.as_object());
    return steps;
}

/// What went wrong; empty: nothing.
std::string run(const std::vector<json::object>& steps, const Places& places, const std::vector<Entry>& entries, std::set<std::string>& calls) {
    Case running(places, entries, calls);
    std::size_t number = 0;
    try {
        for (; number < steps.size(); ++number) running.step(steps[number]);
        return "";
    } catch (const std::exception& error) {
        const auto& step = steps[number];
        return "step " + std::to_string(number + 1) + " (" +
               std::string(step.contains("call") ? step.at("call").as_string() : step.at("host").as_string()) + "): " + error.what();
    }
}

bool is_wanted(const Options& options, const std::string& file, const std::string& name, const json::object& one) {
    const auto needs = [&](const char* what) {
        if (!one.contains("needs")) return false;
        for (const auto& each : one.at("needs").as_array())
            if (each.as_string() == what) return true;
        return false;
    };
    if (needs("camera") && options.places.camera.empty()) return false;
    if (needs("postgres") && !std::getenv("PGHOST")) return false;
    if (options.names.empty()) return true;
    for (const auto& wanted : options.names)
        if (wanted == file || wanted == name) return true;
    return false;
}

}  // namespace

int main(int argc, char** argv) try {
    const auto options = parse(argc, argv);
    std::vector<Entry> entries;
    add_entries(entries);
    const auto setup = read(options.cases / "setup.json");
    std::set<std::filesystem::path> files;
    for (const auto& each : std::filesystem::directory_iterator(options.cases / "cases"))
        if (each.path().extension() == ".json") files.insert(each.path());

    std::set<std::string> calls;
    int ran = 0, failed = 0;
    for (const auto& path : files) {
        const auto file = read(path);
        for (const auto& one : file.at("cases").as_array()) {
            const auto name = path.stem().string() + "." + std::string(one.at("name").as_string());
            if (!is_wanted(options, path.stem(), name, one.as_object())) continue;
            const auto began = std::chrono::steady_clock::now();
            const auto wrong = run(steps_of(one.as_object(), file, setup), options.places, entries, calls);
            ++ran;
            if (wrong.empty()) {
                std::printf("ok %s (%.2f s)\n", name.c_str(), std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
            } else {
                ++failed;
                std::printf("FAILED %s: %s\n", name.c_str(), wrong.c_str());
            }
            std::fflush(stdout);
        }
    }
    if (!options.calls.empty()) {
        std::ofstream out(options.calls);
        for (const auto& name : calls) out << name << '\n';
    }
    std::printf("%d cases, %d failed\n", ran, failed);
    return failed || !ran ? 1 : 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
}
