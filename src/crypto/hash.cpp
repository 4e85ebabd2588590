#include <crypto/hash.hpp>

#include <algorithm>

#include <tenon/error.hpp>

#include "openssl.hpp"
#include "sha256_blocks.hpp"
#include "sodium.hpp"

namespace tenon::crypto {
namespace {

constexpr std::size_t sha256_block = 64;

void feed(EVP_MD_CTX* context, ByteView data) {
    must(EVP_DigestUpdate(context, data.data(), data.size()), "hashing");
}

Digest end(EVP_MD_CTX* context) {
    Digest digest;
    must(EVP_DigestFinal_ex(context, digest.data(), nullptr), "hashing");
    return digest;
}

void copy(EVP_MD_CTX* to, const EVP_MD_CTX* from) { must(EVP_MD_CTX_copy_ex(to, from), "copying a hash"); }

constexpr Sha256State initial{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

Sha256State state_behind(std::span<const std::uint8_t, sha256_block> block) {
    auto state = initial;
    add_blocks({&state, block.data()}, 1);
    return state;
}

Digest digest_of(const Sha256State& state) {
    Digest digest;
    for (std::size_t i = 0; i < state.size(); ++i)
        for (std::size_t byte = 0; byte < 4; ++byte) digest[4 * i + byte] = static_cast<std::uint8_t>(state[i] >> (24 - 8 * byte));
    return digest;
}

/// Fills from behind `used` on what ends a message of so many bytes: up to the end of a block. How many blocks it is then.
std::size_t pad(std::span<std::uint8_t> end, std::size_t used, std::uint64_t bytes) {
    const auto blocks = (used + 1 + 8 + sha256_block - 1) / sha256_block;
    std::fill(end.begin() + static_cast<std::ptrdiff_t>(used), end.end(), std::uint8_t{0});
    end[used] = 0x80;
    for (std::size_t byte = 0; byte < 8; ++byte) end[blocks * sha256_block - 1 - byte] = static_cast<std::uint8_t>((8 * bytes) >> (8 * byte));
    return blocks;
}

/// What is hashed, from a block's end on, as stretches of whole blocks: where it begins, most of it as it lies there, its end.
class Stretches {
public:
    /// `head` is less than a block. What is less than one at the end is rest().
    void begin(const Sha256State& behind, ByteView head, ByteView message) {
        state = behind;
        parts_ = {};
        next_ = parts_.begin();
        rest_ = head.size() + message.size();
        if (rest_ >= sha256_block) {
            if (!head.empty()) {
                std::copy(head.begin(), head.end(), front_.begin());
                std::copy_n(message.begin(), sha256_block - head.size(), front_.begin() + static_cast<std::ptrdiff_t>(head.size()));
                message = message.subspan(sha256_block - head.size());
                parts_[0] = {front_.data(), 1};
                head = {};
            }
            parts_[1] = {message.data(), message.size() / sha256_block};
            rest_ = message.size() % sha256_block;
            message = message.last(rest_);
        }
        std::copy(head.begin(), head.end(), end_.begin());
        std::copy(message.begin(), message.end(), end_.begin() + static_cast<std::ptrdiff_t>(head.size()));
        skip();
    }
    /// Ends it: so many bytes were hashed in all.
    void end(std::uint64_t bytes) {
        parts_[2] = {end_.data(), pad(end_, rest_, bytes)};
        skip();
    }
    ByteView rest() const { return ByteView(end_).first(rest_); }
    bool is_done() const { return next_ == parts_.end(); }
    std::size_t blocks() const { return next_->count; }
    Sha256Lane lane() { return {&state, next_->at}; }
    void advance(std::size_t count) {
        next_->at += count * sha256_block;
        next_->count -= count;
        skip();
    }
    void run() {
        while (!is_done()) {
            const auto count = blocks();
            add_blocks(lane(), count);
            advance(count);
        }
    }

    Sha256State state{};

private:
    struct Part {
        const std::uint8_t* at;
        std::size_t count;
    };
    void skip() {
        if (is_done()) next_ = parts_.begin();  // more may have come
        while (!is_done() && next_->count == 0) ++next_;
    }
    std::array<std::uint8_t, sha256_block> front_{};
    std::array<std::uint8_t, 2 * sha256_block> end_{};
    std::size_t rest_ = 0;
    std::array<Part, 3> parts_{};
    std::array<Part, 3>::iterator next_ = parts_.end();
};

}  // namespace

Digest sha256(ByteView data) {
    thread_local const MdContext context = new_md_context();
    must(EVP_DigestInit_ex(context.get(), fetched_sha256(), nullptr), "hashing");
    feed(context.get(), data);
    return end(context.get());
}

/// With the processor's instructions a state of our own, which each() may advance beside other ones; else OpenSSL's.
struct Sha256::Impl {
    MdContext context = has_sha256_blocks() ? MdContext() : new_md_context();
    Sha256State state{};
    std::array<std::uint8_t, sha256_block> pending{};
    std::size_t held = 0;
    std::uint64_t bytes = 0;

    Impl() { begin(); }
    Impl(const Impl&) = delete;
    ~Impl() {
        sodium_memzero(state.data(), sizeof state);
        sodium_memzero(pending.data(), sizeof pending);
    }
    void begin() {
        if (context) return must(EVP_DigestInit_ex(context.get(), fetched_sha256(), nullptr), "hashing");
        state = initial;
        held = bytes = 0;
    }
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

Sha256& Sha256::update(ByteView data) {
    if (impl_->context) {
        feed(impl_->context.get(), data);
        return *this;
    }
    Stretches work;
    work.begin(impl_->state, ByteView(impl_->pending).first(impl_->held), data);
    work.run();
    impl_->state = work.state;
    impl_->bytes += data.size();
    const auto rest = work.rest();
    impl_->held = rest.size();
    std::copy(rest.begin(), rest.end(), impl_->pending.begin());
    return *this;
}

Digest Sha256::finish() {
    const auto digest = impl_->context ? end(impl_->context.get()) : this->digest();
    impl_->begin();
    return digest;
}

Digest Sha256::digest() const {
    if (impl_->context) {
        const auto fork = new_md_context();
        copy(fork.get(), impl_->context.get());
        return end(fork.get());
    }
    Stretches work;
    work.begin(impl_->state, ByteView(impl_->pending).first(impl_->held), {});
    work.end(impl_->bytes);
    work.run();
    return digest_of(work.state);
}

// RFC 2104 over two contexts that have swallowed the padded key already: a message then costs its own blocks and two
// copies, where OpenSSL's EVP_MAC would set up parameters each time.
struct HmacSha256::Impl {
    MdContext inner = new_md_context(), outer = new_md_context(), current = new_md_context();
    Sha256State inner_state{}, outer_state{};  // the same, where the processor has instructions

    explicit Impl(ByteView key) {
        std::array<std::uint8_t, sha256_block> block{};
        if (key.size() > block.size()) {
            auto digest = sha256(key);
            std::copy(digest.begin(), digest.end(), block.begin());
            sodium_memzero(digest.data(), digest.size());
        } else {
            std::copy(key.begin(), key.end(), block.begin());
        }
        for (auto& byte : block) byte ^= 0x36;
        begin(inner.get(), block);
        if (has_sha256_blocks()) inner_state = state_behind(block);
        for (auto& byte : block) byte ^= 0x36 ^ 0x5c;
        begin(outer.get(), block);
        if (has_sha256_blocks()) outer_state = state_behind(block);
        sodium_memzero(block.data(), block.size());
        copy(current.get(), inner.get());
    }
    Impl(const Impl&) = delete;
    ~Impl() {
        sodium_memzero(inner_state.data(), sizeof inner_state);
        sodium_memzero(outer_state.data(), sizeof outer_state);
    }
    static void begin(EVP_MD_CTX* context, ByteView block) {
        must(EVP_DigestInit_ex(context, fetched_sha256(), nullptr), "hashing");
        feed(context, block);
    }
};

HmacSha256::HmacSha256(ByteView key) : impl_(std::make_unique<Impl>(key)) {}
HmacSha256::HmacSha256(HmacSha256&&) noexcept = default;
HmacSha256& HmacSha256::operator=(HmacSha256&&) noexcept = default;
HmacSha256::~HmacSha256() = default;

HmacSha256& HmacSha256::update(ByteView data) {
    feed(impl_->current.get(), data);
    return *this;
}

Digest HmacSha256::finish() {
    const auto current = impl_->current.get();
    const auto digest = end(current);
    copy(current, impl_->outer.get());
    feed(current, digest);
    const auto mac = end(current);
    copy(current, impl_->inner.get());
    return mac;
}

ByteView HmacSha256::each(ByteView head, std::span<const ByteView> messages, std::span<Digest> macs, HashBeside beside) {
    if (head.size() >= sha256_block || macs.size() != messages.size()) throw InternalError("hashing several messages: sizes that do not fit");
    if (!has_sha256_blocks()) {
        for (std::size_t i = 0; i < messages.size(); ++i) macs[i] = update(head).update(messages[i]).finish();
        return beside.data;
    }
    struct Lane {
        Stretches work;
        Digest* mac = nullptr;  // none: what comes beside
        bool busy = false;
    };
    std::array<Lane, 2> lanes;
    auto& [one, other] = lanes;
    std::size_t next = 0;
    const auto refill = [&](Lane& lane) {
        lane.busy = next < messages.size();
        if (!lane.busy) return;
        lane.work.begin(impl_->inner_state, head, messages[next]);
        lane.work.end(sha256_block + head.size() + messages[next].size());
        lane.mac = &macs[next++];
    };
    const auto finish = [&](Lane& lane) {
        std::array<std::uint8_t, sha256_block> block{};
        const auto digest = digest_of(lane.work.state);
        std::copy(digest.begin(), digest.end(), block.begin());
        pad(block, digest.size(), sha256_block + digest.size());
        auto state = impl_->outer_state;
        add_blocks({&state, block.data()}, 1);
        *lane.mac = digest_of(state);
    };
    const auto put_down = [&](Lane& lane) {
        const auto left = lane.work.is_done() ? 0 : lane.work.blocks();
        const auto done = (beside.data.size() / sha256_block - left) * sha256_block;
        beside.hash->impl_->state = lane.work.state;
        beside.hash->impl_->bytes += done;
        beside.data = beside.data.subspan(done);
    };
    if (beside.hash) {
        const auto to_block = (sha256_block - beside.hash->impl_->held) % sha256_block;
        const auto odd = beside.data.first(std::min(to_block, beside.data.size()));
        beside.hash->update(odd);
        beside.data = beside.data.subspan(odd.size());
        one.busy = beside.data.size() >= sha256_block;
        if (one.busy) one.work.begin(beside.hash->impl_->state, {}, beside.data.first(beside.data.size() / sha256_block * sha256_block));
    }
    if (!one.busy) refill(one);
    refill(other);
    const auto has_message = [](const Lane& lane) { return lane.busy && lane.mac; };
    while (has_message(one) || has_message(other)) {
        if (one.busy && other.busy) {
            const auto count = std::min(one.work.blocks(), other.work.blocks());
            add_blocks(one.work.lane(), other.work.lane(), count);
            one.work.advance(count);
            other.work.advance(count);
        } else {
            (one.busy ? one : other).work.run();
        }
        for (auto& lane : lanes) {
            if (!lane.busy || !lane.work.is_done()) continue;
            lane.mac ? finish(lane) : put_down(lane);
            refill(lane);
        }
    }
    if (one.busy) put_down(one);
    return beside.data;
}

bool HmacSha256::hashes_beside() noexcept { return has_sha256_blocks(); }

Digest hmac_sha256(ByteView key, ByteView data) { return HmacSha256(key).update(data).finish(); }

Digest blake2b_256(ByteView key, ByteView data) {
    start_sodium();
    if (key.size() < crypto_generichash_KEYBYTES_MIN || key.size() > crypto_generichash_KEYBYTES_MAX)
        throw InternalError("a BLAKE2b key has 16 to 64 bytes");
    Digest digest;
    must(crypto_generichash(digest.data(), digest.size(), data.data(), data.size(), key.data(), key.size()) + 1,
         "hashing");
    return digest;
}

}  // namespace tenon::crypto
