#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

#include "dispatch.hpp"

namespace conformance {

/// Where things are that cases use.
struct Places {
    std::filesystem::path footage{};
    std::string camera{};  ///< The program; empty: none.
};

/// One case in a folder of its own, from its first step to the end of everything it opened.
class Case {
public:
    Case(const Places& places, const std::vector<Entry>& entries, std::set<std::string>& calls);
    Case(const Case&) = delete;
    Case& operator=(const Case&) = delete;
    ~Case();

    /// Throws Difference, or whatever went wrong.
    void step(const json::object& raw);

private:
    json::value filled(const json::value& value);
    json::value filled_text(std::string text);
    json::value look_up(const std::string& reference);
    void once(const json::object& step);
    void host(const json::object& step);
    void start_camera(const std::string& name);
    void end_cameras();
    Result called(const json::object& step);
    Result member(const Saved& target, const std::string& name, const json::object& step);
    Result invoke(const Entry& entry, void* self, const Saved* target, const json::object& step);
    const Entry& entry_for(std::string owner, const std::string& name, const json::array& args) const;
    void save(const std::string& name, Saved value);
    void error_form_fits(const tenon::Error& error, const json::object& step);

    struct Camera {
        pid_t pid = -1;
        int input = -1;
        int output = -1;
    };

    const Places& places_;
    const std::vector<Entry>& entries_;
    std::set<std::string>& calls_;
    std::filesystem::path folder_;
    World world_;
    std::vector<Camera> cameras_;
    std::int64_t count_ = 1;
};

}  // namespace conformance
