// What the typemaps of java.i call: text, paths, boxed numbers and arrays between C++ and the Java VM, and errors. None of it
// throws: a false or null result means that a Java exception is pending.
#pragma once

#include <jni.h>

#include <cstdint>
#include <exception>
#include <filesystem>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tenon/error.hpp>
#include <tenon/units.hpp>

#include "utf.hpp"

namespace tenon_java {

// Classes live as long as the VM; looked up once, by the class loader that loads this library.
struct Known {
    jclass error = nullptr, longs = nullptr, ints = nullptr, doubles = nullptr, bools = nullptr, text = nullptr, bytes = nullptr;
    jstring no_text = nullptr;
    jmethodID make_error = nullptr, box_long = nullptr, box_int = nullptr, box_double = nullptr, box_bool = nullptr;
    jmethodID long_of = nullptr, int_of = nullptr, double_of = nullptr, bool_of = nullptr;
};
inline Known known;

inline jclass find(JNIEnv* env, const char* name) {
    const jclass local = env->FindClass(name);
    return local ? static_cast<jclass>(env->NewGlobalRef(local)) : nullptr;
}

inline bool load(JNIEnv* env) {
    known.error = find(env, "io/tenon/TenonException");
    known.longs = find(env, "java/lang/Long");
    known.ints = find(env, "java/lang/Integer");
    known.doubles = find(env, "java/lang/Double");
    known.bools = find(env, "java/lang/Boolean");
    known.text = find(env, "java/lang/String");
    known.bytes = find(env, "[B");
    if (const jstring empty = env->NewStringUTF("")) known.no_text = static_cast<jstring>(env->NewGlobalRef(empty));
    if (!known.error || !known.longs || !known.ints || !known.doubles || !known.bools || !known.text || !known.bytes || !known.no_text)
        return false;
    known.make_error = env->GetStaticMethodID(known.error, "make",
                                              "(ILjava/lang/String;Ljava/lang/String;Ljava/lang/String;IJJJ)Lio/tenon/TenonException;");
    known.box_long = env->GetStaticMethodID(known.longs, "valueOf", "(J)Ljava/lang/Long;");
    known.box_int = env->GetStaticMethodID(known.ints, "valueOf", "(I)Ljava/lang/Integer;");
    known.box_double = env->GetStaticMethodID(known.doubles, "valueOf", "(D)Ljava/lang/Double;");
    known.box_bool = env->GetStaticMethodID(known.bools, "valueOf", "(Z)Ljava/lang/Boolean;");
    known.long_of = env->GetMethodID(known.longs, "longValue", "()J");
    known.int_of = env->GetMethodID(known.ints, "intValue", "()I");
    known.double_of = env->GetMethodID(known.doubles, "doubleValue", "()D");
    known.bool_of = env->GetMethodID(known.bools, "booleanValue", "()Z");
    return known.make_error && known.box_long && known.box_int && known.box_double && known.box_bool && known.long_of &&
           known.int_of && known.double_of && known.bool_of;
}

inline void unload(JNIEnv* env) {
    for (const jclass each : {known.error, known.longs, known.ints, known.doubles, known.bools, known.text, known.bytes})
        if (each) env->DeleteGlobalRef(each);
    if (known.no_text) env->DeleteGlobalRef(known.no_text);
    known = {};
}

inline void throw_named(JNIEnv* env, const char* name, const char* message) {
    if (const jclass kind = env->FindClass(name)) env->ThrowNew(kind, message);
}

inline void null_argument(JNIEnv* env, const char* what) { throw_named(env, "java/lang/NullPointerException", what); }

// Text: Java's modified UTF-8 breaks emoji, so both ways go through UTF-16.
inline jstring text(JNIEnv* env, std::string_view utf8) noexcept {
    jchar small[256];
    if (utf8.size() <= std::size(small)) {
        const auto length = tenon_utf::to_utf16(utf8, small);
        return env->NewString(small, static_cast<jsize>(length));
    }
    try {
        std::vector<jchar> large(utf8.size());
        const auto length = tenon_utf::to_utf16(utf8, large.data());
        return env->NewString(large.data(), static_cast<jsize>(length));
    } catch (const std::bad_alloc&) {
        throw_named(env, "java/lang/OutOfMemoryError", "text of the engine");
        return nullptr;
    }
}

struct Details {
    std::string_view subject, resource;
    bool retryable = false;
    std::optional<std::int64_t> limit, used, resets_at;
};

inline void throw_made(JNIEnv* env, int code, std::string_view message, const Details& details) {
    const jint known_of = (details.retryable ? 1 : 0) | (details.limit ? 2 : 0) | (details.used ? 4 : 0) | (details.resets_at ? 8 : 0);
    const auto detail = [env](std::string_view said) { return said.empty() ? known.no_text : text(env, said); };
    const jstring said = text(env, message), subject = detail(details.subject), resource = detail(details.resource);
    if (!said || !subject || !resource) return;
    const auto made = static_cast<jthrowable>(env->CallStaticObjectMethod(
        known.error, known.make_error, static_cast<jint>(code), said, subject, resource, known_of, static_cast<jlong>(details.limit.value_or(0)),
        static_cast<jlong>(details.used.value_or(0)), static_cast<jlong>(details.resets_at.value_or(0))));
    if (!env->ExceptionCheck()) env->Throw(made);
}

inline void throw_error(JNIEnv* env, const tenon::Error& error) {
    const auto resets = error.resets_at();
    throw_made(env, static_cast<int>(error.code()), error.what(),
               {error.subject(), error.resource(), error.retryable(), error.limit(), error.used(),
                resets ? std::optional<std::int64_t>(resets->time_since_epoch().count()) : std::nullopt});
}

inline void throw_plain(JNIEnv* env, tenon::Errc code, std::string_view message) {
    throw_made(env, static_cast<int>(code), message, {});
}

/// Makes a Java exception of the C++ one that is being handled.
inline void raise(JNIEnv* env) noexcept {
    if (env->ExceptionCheck()) return;
    try {
        throw;
    } catch (const tenon::Error& error) {
        throw_error(env, error);
    } catch (const std::bad_alloc&) {
        throw_named(env, "java/lang/OutOfMemoryError", "the engine has no memory left");
    } catch (const std::exception& error) {
        throw_plain(env, tenon::Errc::internal_error, error.what());
    } catch (...) {
        throw_plain(env, tenon::Errc::internal_error, "an exception of an unknown kind");
    }
}

inline void closed(JNIEnv* env) { throw_plain(env, tenon::Errc::closed, "this object is closed"); }

inline bool text(JNIEnv* env, jstring from, std::string& to) noexcept {
    if (!from) {
        null_argument(env, "text is null");
        return false;
    }
    try {
        const jsize length = env->GetStringLength(from);
        jchar small[256];
        std::vector<jchar> large(static_cast<std::size_t>(length) > std::size(small) ? static_cast<std::size_t>(length) : 0);
        jchar* const units = large.empty() ? small : large.data();
        env->GetStringRegion(from, 0, length, units);
        const auto lone = tenon_utf::to_utf8(units, static_cast<std::size_t>(length), to);
        if (!lone) return true;
        throw_plain(env, tenon::Errc::invalid_argument, "the text has half a surrogate pair at index " + std::to_string(*lone));
    } catch (...) {
        raise(env);
    }
    return false;
}

// Paths are bytes on this system, whatever the VM's locale says.
inline jbyteArray path(JNIEnv* env, const std::filesystem::path& from) noexcept {
    const auto& bytes = from.native();
    const auto made = env->NewByteArray(static_cast<jsize>(bytes.size()));
    if (made) env->SetByteArrayRegion(made, 0, static_cast<jsize>(bytes.size()), reinterpret_cast<const jbyte*>(bytes.data()));
    return made;
}

inline bool path(JNIEnv* env, jbyteArray from, std::filesystem::path& to) noexcept {
    if (!from) {
        null_argument(env, "path is null");
        return false;
    }
    try {
        std::string bytes(static_cast<std::size_t>(env->GetArrayLength(from)), '\0');
        env->GetByteArrayRegion(from, 0, static_cast<jsize>(bytes.size()), reinterpret_cast<jbyte*>(bytes.data()));
        to = std::move(bytes);
        return true;
    } catch (...) {
        raise(env);
        return false;
    }
}

inline jbyteArray bytes(JNIEnv* env, const tenon::Buffer& from) noexcept {
    const auto made = env->NewByteArray(static_cast<jsize>(from.size()));
    if (made) env->SetByteArrayRegion(made, 0, static_cast<jsize>(from.size()), reinterpret_cast<const jbyte*>(from.data()));
    return made;
}

inline bool bytes(JNIEnv* env, jbyteArray from, tenon::Buffer& to) noexcept {
    if (!from) {
        null_argument(env, "bytes are null");
        return false;
    }
    try {
        to.resize(static_cast<std::size_t>(env->GetArrayLength(from)));
        env->GetByteArrayRegion(from, 0, static_cast<jsize>(to.size()), reinterpret_cast<jbyte*>(to.data()));
        return true;
    } catch (...) {
        raise(env);
        return false;
    }
}

// Optional numbers.
inline jobject boxed(JNIEnv* env, const std::optional<std::int64_t>& from) {
    return from ? env->CallStaticObjectMethod(known.longs, known.box_long, static_cast<jlong>(*from)) : nullptr;
}
inline jobject boxed(JNIEnv* env, const std::optional<std::int32_t>& from) {
    return from ? env->CallStaticObjectMethod(known.ints, known.box_int, static_cast<jint>(*from)) : nullptr;
}
inline jobject boxed(JNIEnv* env, const std::optional<double>& from) {
    return from ? env->CallStaticObjectMethod(known.doubles, known.box_double, static_cast<jdouble>(*from)) : nullptr;
}
inline jobject boxed(JNIEnv* env, const std::optional<bool>& from) {
    return from ? env->CallStaticObjectMethod(known.bools, known.box_bool, static_cast<jboolean>(*from)) : nullptr;
}
inline void unboxed(JNIEnv* env, jobject from, std::optional<std::int64_t>& to) {
    if (from) to = env->CallLongMethod(from, known.long_of);
}
inline void unboxed(JNIEnv* env, jobject from, std::optional<std::int32_t>& to) {
    if (from) to = env->CallIntMethod(from, known.int_of);
}
inline void unboxed(JNIEnv* env, jobject from, std::optional<double>& to) {
    if (from) to = env->CallDoubleMethod(from, known.double_of);
}
inline void unboxed(JNIEnv* env, jobject from, std::optional<bool>& to) {
    if (from) to = env->CallBooleanMethod(from, known.bool_of) == JNI_TRUE;
}

// Values cross as addresses: of copies that Java's proxies own, or of proxies that are kept alive during the call.
template <class T>
jlong address(T* value) noexcept {
    return static_cast<jlong>(reinterpret_cast<std::intptr_t>(value));
}
template <class T>
T* value_at(jlong address) noexcept {
    return reinterpret_cast<T*>(static_cast<std::intptr_t>(address));
}

template <class T>
jlong copied(JNIEnv* env, const T& from) noexcept {
    try {
        return address(new T(from));
    } catch (...) {
        raise(env);
        return 0;
    }
}

template <class T>
jlong copied(JNIEnv* env, const std::optional<T>& from) noexcept {
    return from ? copied(env, *from) : 0;
}

template <class T>
jlongArray addresses(JNIEnv* env, const std::vector<T>& from) noexcept {
    std::vector<jlong> made;
    try {
        made.reserve(from.size());
        for (const auto& each : from) made.push_back(address(new T(each)));
    } catch (...) {
        raise(env);
    }
    const auto array = env->ExceptionCheck() ? nullptr : env->NewLongArray(static_cast<jsize>(made.size()));
    if (array)
        env->SetLongArrayRegion(array, 0, static_cast<jsize>(made.size()), made.data());
    else
        for (const jlong each : made) delete value_at<T>(each);
    return array;
}

template <class T>
bool values(JNIEnv* env, jlongArray from, std::vector<T>& to) noexcept {
    if (!from) {
        null_argument(env, "list is null");
        return false;
    }
    try {
        std::vector<jlong> given(static_cast<std::size_t>(env->GetArrayLength(from)));
        env->GetLongArrayRegion(from, 0, static_cast<jsize>(given.size()), given.data());
        to.reserve(given.size());
        for (const jlong each : given) to.push_back(*value_at<T>(each));
        return true;
    } catch (...) {
        raise(env);
        return false;
    }
}

// Lists of what is not a struct: arrays of text, of paths' bytes, of numbers.
inline jobject item(JNIEnv* env, const std::string& from) { return text(env, from); }
inline jobject item(JNIEnv* env, const std::filesystem::path& from) { return path(env, from); }
inline bool item(JNIEnv* env, jobject from, std::string& to) { return text(env, static_cast<jstring>(from), to); }
inline bool item(JNIEnv* env, jobject from, std::filesystem::path& to) { return path(env, static_cast<jbyteArray>(from), to); }

template <class T>
jobjectArray objects(JNIEnv* env, jclass kind, const std::vector<T>& from) noexcept {
    const auto array = env->NewObjectArray(static_cast<jsize>(from.size()), kind, nullptr);
    for (jsize at = 0; array && at < static_cast<jsize>(from.size()); ++at) {
        const jobject made = item(env, from[static_cast<std::size_t>(at)]);
        if (!made) return nullptr;
        env->SetObjectArrayElement(array, at, made);
        env->DeleteLocalRef(made);
    }
    return array;
}

template <class T>
bool objects(JNIEnv* env, jobjectArray from, std::vector<T>& to) noexcept {
    if (!from) {
        null_argument(env, "list is null");
        return false;
    }
    try {
        const jsize length = env->GetArrayLength(from);
        to.resize(static_cast<std::size_t>(length));
        for (jsize at = 0; at < length; ++at) {
            const jobject each = env->GetObjectArrayElement(from, at);
            if (!item(env, each, to[static_cast<std::size_t>(at)])) return false;
            env->DeleteLocalRef(each);
        }
        return true;
    } catch (...) {
        raise(env);
        return false;
    }
}

inline jdoubleArray numbers(JNIEnv* env, const std::vector<double>& from) noexcept {
    const auto array = env->NewDoubleArray(static_cast<jsize>(from.size()));
    if (array) env->SetDoubleArrayRegion(array, 0, static_cast<jsize>(from.size()), from.data());
    return array;
}

inline bool numbers(JNIEnv* env, jdoubleArray from, std::vector<double>& to) noexcept {
    if (!from) {
        null_argument(env, "list is null");
        return false;
    }
    try {
        to.resize(static_cast<std::size_t>(env->GetArrayLength(from)));
        env->GetDoubleArrayRegion(from, 0, static_cast<jsize>(to.size()), to.data());
        return true;
    } catch (...) {
        raise(env);
        return false;
    }
}

// Whole numbers, times, durations and enums cross as 64 bits each.
template <class T, class Count>
jlongArray counts(JNIEnv* env, const std::vector<T>& from, Count count) noexcept {
    const auto array = env->NewLongArray(static_cast<jsize>(from.size()));
    for (jsize at = 0; array && at < static_cast<jsize>(from.size()); ++at) {
        const jlong number = count(from[static_cast<std::size_t>(at)]);
        env->SetLongArrayRegion(array, at, 1, &number);
    }
    return array;
}

template <class T, class Make>
bool counts(JNIEnv* env, jlongArray from, std::vector<T>& to, Make make) noexcept {
    if (!from) {
        null_argument(env, "list is null");
        return false;
    }
    try {
        const jsize length = env->GetArrayLength(from);
        to.reserve(static_cast<std::size_t>(length));
        for (jsize at = 0; at < length; ++at) {
            jlong number = 0;
            env->GetLongArrayRegion(from, at, 1, &number);
            to.push_back(make(number));
        }
        return true;
    } catch (...) {
        raise(env);
        return false;
    }
}

}  // namespace tenon_java

extern "C" {
JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM* vm, void*) {
    JNIEnv* env = nullptr;
    if (vm->GetEnv(reinterpret_cast<void**>(&env), JNI_VERSION_10) != JNI_OK) return JNI_ERR;
    return tenon_java::load(env) ? JNI_VERSION_10 : JNI_ERR;
}
JNIEXPORT void JNICALL JNI_OnUnload(JavaVM* vm, void*) {
    JNIEnv* env = nullptr;
    if (vm->GetEnv(reinterpret_cast<void**>(&env), JNI_VERSION_10) == JNI_OK) tenon_java::unload(env);
}
}
