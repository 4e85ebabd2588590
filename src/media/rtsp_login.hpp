#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::media::rtsp {

struct Message;

/// What a server asks of a login: one challenge of a WWW-Authenticate header (RFC 7617, RFC 7616, RFC 2069).
struct Challenge {
    bool digest = false;             ///< Else Basic.
    std::string realm, nonce, opaque, algorithm, qop;
    bool stale = false;
};

/// The challenges of a header's value, in its order; only those that can be answered.
std::vector<Challenge> read_challenges(std::string_view value);

/// The header's value that answers a digest challenge. `count`: how often this nonce has been answered.
std::string digest_answer(const Challenge& challenge, const std::string& user, const std::string& password, std::string_view method,
                          std::string_view uri, const std::string& client_nonce, std::uint32_t count);

/// A camera's user and password, and how they are shown to it. None of it is ever in an error or message.
class Login {
public:
    /// Of a URL, with its escapes.
    explicit Login(std::string_view user_info);

    /// After a 401: takes up what is asked. False: there is no login, no way to answer, or the answer was refused. Whoever
    /// calls asks once more and not again: cameras lock accounts.
    [[nodiscard]] bool challenged(const Message& refusal);
    /// The value of Authorization; empty as long as nothing was asked.
    std::string answer(std::string_view method, std::string_view uri);

private:
    bool given_;
    std::string user_, password_;
    std::optional<Challenge> challenge_;
    std::uint32_t count_ = 0;
};

}  // namespace tenon::media::rtsp
