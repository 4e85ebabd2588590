// What the typemaps of csharp.i call: text, lists and errors between C++ and the CLR. Numbers are little-endian words of this
// machine; what goes out lies in one buffer per thread until the next call of that thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <exception>
#include <filesystem>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <tenon/error.hpp>
#include <tenon/units.hpp>

namespace tenon_cs {

// ---- errors ----
struct Fault {
    std::int32_t code;
    std::int32_t retryable;
    const char* message;
    std::int64_t message_size;
    const char* subject;
    std::int64_t subject_size;
    const char* resource;
    std::int64_t resource_size;
    const std::int64_t* limit;
    const std::int64_t* used;
    const std::int64_t* resets_at;
};
using Report = void (*)(const Fault*);
inline Report report = nullptr;

inline void tell(std::int32_t code, std::string_view message) {
    const Fault fault{code, 0, message.data(), static_cast<std::int64_t>(message.size()), "", 0, "", 0, nullptr, nullptr, nullptr};
    report(&fault);
}

inline void tell(const tenon::Error& error) {
    const std::string_view message = error.what();
    const auto limit = error.limit(), used = error.used();
    const auto resets = error.resets_at();
    const std::int64_t resets_at = resets ? resets->time_since_epoch().count() : 0;
    const Fault fault{static_cast<std::int32_t>(error.code()),
                      error.retryable() ? 1 : 0,
                      message.data(),
                      static_cast<std::int64_t>(message.size()),
                      error.subject().data(),
                      static_cast<std::int64_t>(error.subject().size()),
                      error.resource().data(),
                      static_cast<std::int64_t>(error.resource().size()),
                      limit ? &*limit : nullptr,
                      used ? &*used : nullptr,
                      resets ? &resets_at : nullptr};
    report(&fault);
}

constexpr std::int32_t no_memory = -1;

/// Makes a pending C# exception of the C++ one that is being handled.
inline void raise() noexcept {
    try {
        throw;
    } catch (const tenon::Error& error) {
        tell(error);
    } catch (const std::bad_alloc&) {
        tell(no_memory, "the engine has no memory left");
    } catch (const std::exception& error) {
        tell(static_cast<std::int32_t>(tenon::Errc::internal_error), error.what());
    } catch (...) {
        tell(static_cast<std::int32_t>(tenon::Errc::internal_error), "an exception of an unknown kind");
    }
}

inline void closed() noexcept { tell(static_cast<std::int32_t>(tenon::Errc::closed), "this object is closed"); }

// ---- in: C# has checked for null and made UTF-8 ----
// Text is its size in 4 bytes, then the bytes; a list is its count in 4 bytes, then its items.
inline std::int32_t size_at(const unsigned char*& at) noexcept {
    std::int32_t size = 0;
    std::memcpy(&size, at, sizeof size);
    at += sizeof size;
    return size;
}

inline void read(const unsigned char*& at, std::string& to) {
    const auto size = static_cast<std::size_t>(size_at(at));
    to.assign(reinterpret_cast<const char*>(at), size);
    at += size;
}

inline void read(const unsigned char*& at, std::filesystem::path& to) {
    std::string bytes;
    read(at, bytes);
    to = std::move(bytes);
}

inline void read(const unsigned char*& at, tenon::Buffer& to) {
    const auto size = static_cast<std::size_t>(size_at(at));
    to.assign(at, at + size);
    at += size;
}

inline void read(const unsigned char*& at, double& to) {
    std::memcpy(&to, at, sizeof to);
    at += sizeof to;
}

inline std::int64_t word(const unsigned char*& at) {
    std::int64_t to = 0;
    std::memcpy(&to, at, sizeof to);
    at += sizeof to;
    return to;
}
inline void read(const unsigned char*& at, std::int64_t& to) { to = word(at); }
inline void read(const unsigned char*& at, bool& to) { to = word(at) != 0; }
inline void read(const unsigned char*& at, std::int32_t& to) { to = static_cast<std::int32_t>(word(at)); }
inline void read(const unsigned char*& at, tenon::Duration& to) { to = tenon::Duration(word(at)); }
inline void read(const unsigned char*& at, tenon::Time& to) { to = tenon::Time(tenon::Duration(word(at))); }
template <class T>
requires std::is_enum_v<T>
void read(const unsigned char*& at, T& to) {
    to = static_cast<T>(word(at));
}

template <class T>
bool read_one(const void* from, T& to) noexcept {
    try {
        auto at = static_cast<const unsigned char*>(from);
        read(at, to);
        return true;
    } catch (...) {
        raise();
        return false;
    }
}

template <class T>
bool read_list(const void* from, std::vector<T>& to) noexcept {
    try {
        auto at = static_cast<const unsigned char*>(from);
        to.resize(static_cast<std::size_t>(size_at(at)));
        for (auto& each : to) read(at, each);
        return true;
    } catch (...) {
        raise();
        return false;
    }
}

/// Addresses of values: their count, then each.
template <class T>
bool read_values(const void* from, std::vector<T>& to) noexcept {
    try {
        const auto words = static_cast<void* const*>(from);
        const auto count = reinterpret_cast<std::uintptr_t>(words[0]);
        to.reserve(count);
        for (std::uintptr_t at = 1; at <= count; ++at) to.push_back(*static_cast<const T*>(words[at]));
        return true;
    } catch (...) {
        raise();
        return false;
    }
}

// ---- out ----
inline std::string& buffer() {
    static thread_local std::string bytes;
    return bytes;
}

inline void write(std::string& to, std::string_view text) {
    const auto size = static_cast<std::int32_t>(text.size());
    to.append(reinterpret_cast<const char*>(&size), sizeof size);
    to.append(text);
}
inline void write(std::string& to, const std::string& text) { write(to, std::string_view(text)); }
inline void write(std::string& to, const std::filesystem::path& path) { write(to, std::string_view(path.native())); }
inline void write(std::string& to, const tenon::Buffer& bytes) {
    write(to, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}
inline void write(std::string& to, double number) { to.append(reinterpret_cast<const char*>(&number), sizeof number); }
inline void write(std::string& to, std::int64_t number) { to.append(reinterpret_cast<const char*>(&number), sizeof number); }
inline void write(std::string& to, std::int32_t number) { write(to, std::int64_t{number}); }
inline void write(std::string& to, bool yes) { write(to, std::int64_t{yes}); }
inline void write(std::string& to, tenon::Duration duration) { write(to, std::int64_t{duration.count()}); }
inline void write(std::string& to, tenon::Time time) { write(to, std::int64_t{time.time_since_epoch().count()}); }
template <class T>
requires std::is_enum_v<T>
void write(std::string& to, T item) {
    write(to, static_cast<std::int64_t>(item));
}

template <class T>
const void* written(const T& value) noexcept {
    try {
        auto& bytes = buffer();
        bytes.clear();
        if (bytes.capacity() > 1 << 20) bytes.shrink_to_fit();  // one large text must not stay for ever
        write(bytes, value);
        return bytes.data();
    } catch (...) {
        raise();
        return nullptr;
    }
}

template <class T>
const void* written(const std::optional<T>& value) noexcept {
    return value ? written(*value) : nullptr;
}

template <class T>
const void* written_list(const std::vector<T>& values) noexcept {
    try {
        auto& bytes = buffer();
        bytes.clear();
        const auto count = static_cast<std::int32_t>(values.size());
        bytes.append(reinterpret_cast<const char*>(&count), sizeof count);
        for (const auto& each : values) write(bytes, each);
        return bytes.data();
    } catch (...) {
        raise();
        return nullptr;
    }
}

template <class T>
void* copied(const T& from) noexcept {
    try {
        return new T(from);
    } catch (...) {
        raise();
        return nullptr;
    }
}

template <class T>
void* copied(const std::optional<T>& from) noexcept {
    return from ? copied(*from) : nullptr;
}

/// Copies that C#'s proxies will own: their count in 8 bytes, then their addresses.
template <class T>
const void* copies(const std::vector<T>& values) noexcept {
    std::vector<T*> made;
    try {
        made.reserve(values.size());
        for (const auto& each : values) made.push_back(new T(each));
        auto& bytes = buffer();
        bytes.clear();
        write(bytes, static_cast<std::int64_t>(made.size()));
        bytes.append(reinterpret_cast<const char*>(made.data()), made.size() * sizeof(T*));
        return bytes.data();
    } catch (...) {
        for (T* each : made) delete each;
        raise();
        return nullptr;
    }
}

}  // namespace tenon_cs

// SWIG checks for a pending exception after each call whose wrapper names this.
inline void SWIG_CSharpSetPendingExceptionTenon(const tenon::Error& error) noexcept { tenon_cs::tell(error); }
inline void SWIG_CSharpSetPendingExceptionTenon() noexcept { tenon_cs::raise(); }
inline void SWIG_CSharpSetPendingExceptionClosed() noexcept { tenon_cs::closed(); }

extern "C" __attribute__((visibility("default"))) void tenon_csharp_report(tenon_cs::Report report) {
    tenon_cs::report = report;
}
