#include "secret.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <tenon/error.hpp>

#include "interrupt.hpp"
#include "text.hpp"

namespace tenon::cli {
namespace {

class Terminal {
public:
    Terminal() : fd_(open("/dev/tty", O_RDWR | O_CLOEXEC)) {}
    ~Terminal() {
        if (fd_ >= 0) close(fd_);
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    explicit operator bool() const { return fd_ >= 0; }

    std::string ask(const std::string& prompt, bool echo) const {
        const Interrupt interrupt;
        termios before{};
        tcgetattr(fd_, &before);
        termios silent = before;
        if (!echo) silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        tcsetattr(fd_, TCSAFLUSH, &silent);
        say(prompt);
        std::string line;
        char c = 0;
        ssize_t n = 0;
        while ((n = readable(fd_) ? read(fd_, &c, 1) : -1) == 1 && c != '\n') line += c;
        tcsetattr(fd_, TCSAFLUSH, &before);
        if (!echo) say("\n");
        if (n != 1) throw Cancelled("nothing was entered", {});
        return line;
    }

private:
    void say(const std::string& text) const {
        if (write(fd_, text.data(), text.size()) < 0) return;  // a prompt nobody sees is no reason to fail
    }

    int fd_;
};

Secret first_line(std::istream& in) {
    std::string line;
    std::getline(in, line);
    if (line.ends_with('\r')) line.pop_back();
    return Secret(std::move(line));
}

}  // namespace

Secret::~Secret() { explicit_bzero(value_.data(), value_.size()); }

Secret read_secret_file(const std::string& path) {
    if (path == "-") return first_line(std::cin);
    std::ifstream file(path);
    if (!file)
        throw_error(errno == EACCES ? Errc::permission_denied : Errc::not_found,
                    "cannot read the file “" + clean(path) + "”: " + std::strerror(errno), {.subject = path});
    return first_line(file);
}

Secret read_password(const Context& context, const Args& args, std::string_view variable, std::string_view prompt,
                     bool twice, const Option& file) {
    if (args.has(file.name)) return read_secret_file(args.text(file.name));
    const std::string name = context.variable(variable);
    if (const char* value = std::getenv(name.c_str())) return Secret(value);
    const Terminal terminal;
    if (!terminal)
        throw UsageError((file.name == password_file.name ? "a password is needed: give " : "a key is needed: give ") + std::string(file.name) +
                         " FILE, set " + name + ", or run this in a terminal");
    Secret first(terminal.ask(std::string(prompt) + ": ", false));
    if (twice && terminal.ask("Again: ", false) != first.value()) throw UsageError("the two passwords differ");
    return first;
}

void confirm(const Context& context, const Args& args, std::string_view question) {
    if (args.has(yes.name)) return;
    const Terminal terminal;
    if (!terminal || !context.out().people())
        throw UsageError("this cannot be undone: add --yes if you mean it (" + std::string(question) + ")");
    const std::string answer = terminal.ask(clean(question) + " [y/N] ", true);
    if (answer != "y" && answer != "yes") throw Cancelled("nothing was done", {});
}

}  // namespace tenon::cli
