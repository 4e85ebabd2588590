#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <base/bytes.hpp>
#include <tenon/units.hpp>

namespace tenon::blob {

using base::ByteSpan;
using base::ByteVector;
using base::ByteView;

/// An object's name: components of [a-z0-9._-] joined by '/', none of them beginning with a dot, 512 bytes at most.
class Name {
public:
    Name(std::string text);  ///< Throws InvalidArgument.
    Name(const char* text) : Name(std::string(text)) {}
    const std::string& text() const noexcept { return text_; }

private:
    std::string text_;
};

/// Bytes of a known length, read once.
class ByteSource {
public:
    virtual ~ByteSource() = default;
    virtual std::uint64_t size() const = 0;
    virtual std::size_t read(ByteSpan into) = 0;  ///< 0 at the end.
    /// From the beginning once more. False: this one is read once.
    [[nodiscard]] virtual bool rewind() { return false; }
};

class ViewSource final : public ByteSource {
public:
    explicit ViewSource(ByteView bytes) : bytes_(bytes) {}
    std::uint64_t size() const override { return bytes_.size(); }
    std::size_t read(ByteSpan into) override;
    bool rewind() override {
        at_ = 0;
        return true;
    }

private:
    ByteView bytes_;
    std::size_t at_ = 0;
};

class ByteSink {
public:
    virtual ~ByteSink() = default;
    virtual void write(ByteView bytes) = 0;
    /// Memory that the next bytes may be read into, which filled() then tells of. Empty: write() them.
    virtual ByteSpan room() { return {}; }
    virtual void filled(std::size_t) {}
};

class VectorSink final : public ByteSink {
public:
    void write(ByteView more) override { base::append(bytes, more); }
    ByteVector bytes;
};

/// Fills memory that is there. Throws InternalError for more than it holds.
class SpanSink final : public ByteSink {
public:
    explicit SpanSink(ByteSpan memory) : left_(memory) {}
    void write(ByteView more) override;
    ByteSpan room() override { return left_; }
    void filled(std::size_t count) override {
        left_ = left_.subspan(count);
        count_ += count;
    }
    std::size_t count() const { return count_; }

private:
    ByteSpan left_;
    std::size_t count_ = 0;
};

/// A part of an object. What lies past its end is not delivered.
struct Range {
    std::uint64_t offset = 0;
    std::uint64_t length = ~std::uint64_t{0};
};

struct PutOptions {
    bool create_only = true;                                   ///< Conflict if the name is taken. Else replaces at once.
    std::string if_match{};                                    ///< Replaces only the object with this tag.
    std::optional<std::array<std::uint8_t, 32>> sha256{};      ///< Refuses other bytes as Corrupt.
    bool deferred = false;                                     ///< Appears, and is durable, with the next flush().
};

struct PutInfo {
    std::string tag{};  ///< Empty for a deferred put.
};

struct ObjectInfo {
    std::string name{};
    std::uint64_t size = 0;
    std::string tag{};                                         ///< Changes whenever the object does.
    std::optional<std::array<std::uint8_t, 32>> sha256{};      ///< If the store keeps one itself.
};

struct Page {
    std::vector<ObjectInfo> objects{};  ///< In byte order of their names.
    bool more = false;
};

struct RemoveOptions {
    std::string if_match{};
};

struct Capabilities {
    bool conditional_put = false;
    bool swap = false;           ///< if_match works.
    bool strong_list = false;    ///< A list shows every put that returned before it.
    bool real_deletion = false;  ///< Removed bytes are not kept as an older version.
    std::optional<std::uint64_t> free{};
};

/// A file to be written piece by piece before its name is known. Dropped without a put it leaves nothing.
class Spool : public ByteSource {
public:
    virtual void append(ByteView bytes) = 0;  ///< Throws NoSpace.
};

/// An object that says its writer lives. It stays when this is destroyed, as after a crash.
class Beacon {
public:
    virtual ~Beacon() = default;
    virtual void rewrite(ByteView bytes) = 0;
};

/// Vouches for what one store says about the objects of others. Throws Corrupt for what was not sealed with the same keys.
class Seal {
public:
    virtual ~Seal() = default;
    virtual ByteVector close(ByteView plain) const = 0;
    virtual ByteVector open(ByteView sealed, const std::string& object) const = 0;
    /// Whether it was sealed under other keys than what is closed now: they may have leaked, and will open nothing before long.
    [[nodiscard]] virtual bool is_old(ByteView sealed) const;
};

/// Says whether these are an object's bytes as they were stored.
using IsWhole = std::function<bool(ByteView)>;

/// When other stores hear of what is buried.
enum class Burial : std::uint8_t {
    at_once,        ///< Those that answer. Nobody is to have it any more.
    behind_copies,  ///< With the next catch-up. It is not needed any more because of objects which these get first.
};

/// Where objects lie. Calls block; they end early, by Cancelled, once the token is stopped.
///
/// Threads   any member, from any thread, at once.
/// Throws    RateLimited, Unavailable (retryable), NoSpace, Conflict, NotFound, PermissionDenied, Corrupt.
class Store {
public:
    virtual ~Store() = default;

    /// All of the source under that name, or nothing.
    virtual PutInfo put(const Name& name, ByteSource& source, const PutOptions& options, std::stop_token stop) = 0;
    virtual void get(const Name& name, Range range, ByteSink& sink, std::stop_token stop) = 0;
    [[nodiscard]] virtual std::optional<ObjectInfo> head(const Name& name, std::stop_token stop) = 0;
    /// Objects whose names begin with `prefix` and come after `after`.
    virtual Page list(std::string_view prefix, std::string_view after, int limit, std::stop_token stop) = 0;
    /// False: there was none.
    virtual bool remove(const Name& name, const RemoveOptions& options, std::stop_token stop) = 0;
    virtual Capabilities capabilities() const = 0;
    /// The store's own clock.
    virtual Time server_time(std::stop_token stop) = 0;

    /// Makes every deferred put durable, then visible, at the price of one.
    virtual void flush(std::stop_token stop) = 0;
    /// Forgets deferred puts that were not flushed.
    virtual void discard() noexcept = 0;
    virtual std::unique_ptr<Spool> spool() = 0;

    virtual std::unique_ptr<Beacon> beacon(const Name& name, ByteView bytes) = 0;
    /// Whether a beacon's writer lives; unset where the store cannot tell.
    [[nodiscard]] virtual std::optional<bool> beacon_lives(const Name& name) = 0;

    /// Looks for the object as it was stored, and puts it in the place of one that is damaged or missing. True: reading it again gives
    /// it. `is_whole` is asked where the name does not end with its hash. A store that has no second copy mends nothing.
    [[nodiscard]] virtual bool mend(const Name& name, const IsWhole& is_whole, std::stop_token stop);
    /// Whether the object is damaged or missing, and mend() would make it good now. Changes nothing.
    [[nodiscard]] virtual bool can_mend(const Name& name, const IsWhole& is_whole, std::stop_token stop);
    /// What a put of an object of that size writes besides it, for mend() to work from.
    [[nodiscard]] virtual std::int64_t beside(const Name& name, std::uint64_t size) const;
    /// And what lies there for it now.
    [[nodiscard]] virtual std::int64_t kept_beside(const Name& name, std::stop_token stop);
    /// Makes that anew from an object that is whole. False: it is not, or this store keeps no such thing.
    [[nodiscard]] virtual bool protect(const Name& name, const IsWhole& is_whole, std::stop_token stop);
    /// Names that are about to be removed and never come back, wherever copies of them are. Said before any of them goes. Returns what
    /// it took to write that down.
    virtual std::int64_t bury(const std::vector<std::string>& names, Burial why, std::stop_token stop);
    /// What these show of puts and removals, whoever did them, survives a power cut from here on: of names, or of folders, which end with '/'.
    virtual void make_durable(const std::vector<std::string>& names, std::stop_token stop);
    /// The keys with which bury() is made sure of. Until then nothing can be buried.
    virtual void trust(std::shared_ptr<const Seal> seal);
};

/// The hash that such a name ends with: "packs/ab/<sha256>", "index/…-<sha256>".
std::optional<std::array<std::uint8_t, 32>> hash_in(std::string_view name);

/// The whole object. NotFound if there is none; Corrupt if it is larger than `limit`.
ByteVector get_all(Store& store, const Name& name, std::uint64_t limit, std::stop_token stop = {});
PutInfo put_bytes(Store& store, const Name& name, ByteView bytes, const PutOptions& options = {}, std::stop_token stop = {});
/// All that a put of an object of that size writes.
std::int64_t weight(const Store& store, const Name& name, std::uint64_t size);
/// Every object under `prefix`, however many pages that takes.
std::vector<ObjectInfo> list_all(Store& store, std::string_view prefix, std::stop_token stop = {});

}  // namespace tenon::blob
