#include <nvr/host_lookup.hpp>

#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <base/clock.hpp>
#include <exec/thread.hpp>
#include <exec/wait.hpp>
#include <tenon/error.hpp>

namespace tenon::nvr {
namespace {

HostAddress address_of(const in_addr& v4) {
    HostAddress address;
    address.bytes[10] = address.bytes[11] = 0xff;
    std::memcpy(address.bytes.data() + 12, &v4, 4);
    return address;
}

HostAddress address_of(const in6_addr& v6) {
    HostAddress address{.v6 = true};
    std::memcpy(address.bytes.data(), &v6, 16);
    return address;
}

/// `flags`: AI_NUMERICHOST asks nobody.
std::vector<HostAddress> ask_machine(const std::string& host, int flags) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    addrinfo* raw = nullptr;
    if (getaddrinfo(host.c_str(), nullptr, &hints, &raw) != 0) return {};
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> found(raw, &freeaddrinfo);
    std::vector<HostAddress> all;
    for (const auto* entry = found.get(); entry != nullptr; entry = entry->ai_next) {
        if (entry->ai_family == AF_INET) all.push_back(address_of(reinterpret_cast<const sockaddr_in*>(entry->ai_addr)->sin_addr));
        if (entry->ai_family == AF_INET6) all.push_back(address_of(reinterpret_cast<const sockaddr_in6*>(entry->ai_addr)->sin6_addr));
    }
    return all;
}

/// One name on its way, however many wait for it.
struct Pending {
    std::optional<std::vector<HostAddress>> found{};  // under the state's mutex
};

}  // namespace

std::string HostAddress::text() const {
    char text[INET6_ADDRSTRLEN] = "";
    if (!v6) return inet_ntop(AF_INET, bytes.data() + 12, text, sizeof text);
    return "[" + std::string(inet_ntop(AF_INET6, bytes.data(), text, sizeof text)) + "]";
}

struct HostLookup::State {
    explicit State(Resolve r) : resolve(std::move(r)) {}

    const Resolve resolve;
    std::mutex mutex;
    exec::Condition changed{mutex, base::system_clock()};  // other machines keep real time, whatever Clock a test owns
    std::map<std::string, std::shared_ptr<Pending>> pending;  // under mutex
};

HostLookup::HostLookup(Resolve resolve) : state_(std::make_shared<State>(std::move(resolve))) {}

HostLookup& HostLookup::of_process() {
    // Never destroyed: a lookup may still be under way while the process ends.
    static auto& lookup = *new HostLookup([](const std::string& host) { return ask_machine(host, 0); });
    return lookup;
}

std::vector<HostAddress> HostLookup::addresses(const std::string& host, Duration patience, const std::stop_token& stop) {
    if (auto known = ask_machine(host, AI_NUMERICHOST); !known.empty()) return known;
    const auto refuse = [&](const char* why) { throw Unavailable(why, {.subject = host}); };
    const auto state = state_;
    std::unique_lock lock(state->mutex);
    auto& place = state->pending[host];
    if (!place) {
        place = std::make_shared<Pending>();
        const auto mine = place;
        const auto forget = [&] { state->pending.erase(host); };
        if (state->pending.size() > most_at_once) {
            forget();
            refuse("too many host names wait for an answer: does the name server answer?");
        }
        try {
            exec::start_thread("host lookup", [state, mine, host] {
                std::vector<HostAddress> found;
                try {
                    found = state->resolve(host);
                } catch (const std::exception&) {
                    // Without memory, say: nothing is known.
                }
                const std::lock_guard done(state->mutex);
                mine->found = std::move(found);
                state->pending.erase(host);
                state->changed.notify_all();
            }).detach();
        } catch (const std::system_error&) {
            forget();
            refuse("no thread is left to look a host name up");
        }
    }
    const auto asked = place;
    if (!state->changed.wait_for(lock, stop, patience, [&] { return asked->found.has_value(); }))
        refuse("nobody says in time where the camera's host is: does the name server answer?");
    if (asked->found->empty()) refuse("the camera's host name is not known");
    return *asked->found;
}

}  // namespace tenon::nvr
