#pragma once

#include <string>
#include <string_view>

#include "command.hpp"
#include "context.hpp"

namespace tenon::cli {

/// A password, wiped when it goes. It never comes from the command line, where other users of the machine could read it:
/// --password-file FILE ('-': standard input) or what stands for it, then the environment variable, then a prompt without echo.
class Secret {
public:
    explicit Secret(std::string value) : value_(std::move(value)) {}
    ~Secret();
    Secret(Secret&& other) noexcept : value_(std::move(other.value_)) {}
    Secret& operator=(Secret&&) = delete;

    const std::string& value() const { return value_; }

private:
    std::string value_;
};

inline constexpr Option password_file{"--password-file", "FILE",
                                      "read the password from the first line of FILE; - is standard input"};

inline constexpr Option deferred_key_file{"--key-file", "FILE", "read the key from the first line of FILE; - is standard input"};

/// `twice`: a prompt asks again, to catch a slip. Throws UsageError where there is nobody to ask.
Secret read_password(const Context& context, const Args& args, std::string_view variable, std::string_view prompt,
                     bool twice = false, const Option& file = password_file);

/// The first line of a file.
Secret read_secret_file(const std::string& path);

/// Asks before something that cannot be undone. --yes answers; where there is nobody to ask it is required.
void confirm(const Context& context, const Args& args, std::string_view question);

inline constexpr Option yes{"--yes", "", "do not ask"};

}  // namespace tenon::cli
