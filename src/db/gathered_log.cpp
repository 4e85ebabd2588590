#include "gathered_log.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

#include <sqlite3.h>

#include "errors.hpp"

namespace tenon::db {
namespace {

// Of a larger commit, so much at once: 29 pages. SQLite's layer for Unix takes the length of a write modulo 128 KiB.
constexpr std::size_t most = 120 * 1024;

struct LogFile;
thread_local bool gathering = false;
thread_local LogFile* filled = nullptr;  ///< The log that holds what was gathered.

/// The log of one connection, as SQLite sees it: made in memory that SQLite hands over, with the real file's behind it.
struct LogFile {
    sqlite3_file base;
    unsigned char* bytes;  ///< What was gathered: `size` of them, for the place `begin`. Allocated when first needed.
    std::size_t size;
    sqlite3_int64 begin;

    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
    int flush() {
        if (size == 0) return SQLITE_OK;
        const auto count = static_cast<int>(std::exchange(size, 0));
        return real()->pMethods->xWrite(real(), bytes, count, begin);
    }
    bool takes(int count, sqlite3_int64 at) const {
        return size > 0 && at == begin + static_cast<sqlite3_int64>(size) && size + static_cast<std::size_t>(count) <= most;
    }
};

LogFile& log_of(sqlite3_file* file) { return *reinterpret_cast<LogFile*>(file); }
sqlite3_file* real(sqlite3_file* file) { return log_of(file).real(); }

int write(sqlite3_file* file, const void* from, int count, sqlite3_int64 at) {
    auto& log = log_of(file);
    if (!log.takes(count, at)) {
        if (const int code = log.flush(); code != SQLITE_OK) return code;
        if (gathering && !log.bytes) log.bytes = static_cast<unsigned char*>(std::malloc(most));
        if (!gathering || !log.bytes || static_cast<std::size_t>(count) > most) return real(file)->pMethods->xWrite(real(file), from, count, at);
        log.begin = at;
        filled = &log;
    }
    std::memcpy(log.bytes + log.size, from, static_cast<std::size_t>(count));
    log.size += static_cast<std::size_t>(count);
    return SQLITE_OK;
}

/// Before everything for which it matters what the file holds.
template <class Then>
int flushed(sqlite3_file* file, const Then& then) {
    const int code = log_of(file).flush();
    return code == SQLITE_OK ? then(real(file)) : code;
}

int close(sqlite3_file* file) {
    if (filled == &log_of(file)) filled = nullptr;
    std::free(log_of(file).bytes);
    return real(file)->pMethods->xClose(real(file));
}
int read(sqlite3_file* file, void* to, int count, sqlite3_int64 at) {
    return flushed(file, [&](sqlite3_file* f) { return f->pMethods->xRead(f, to, count, at); });
}
int truncate(sqlite3_file* file, sqlite3_int64 size) {
    return flushed(file, [&](sqlite3_file* f) { return f->pMethods->xTruncate(f, size); });
}
int sync(sqlite3_file* file, int flags) {
    return flushed(file, [&](sqlite3_file* f) { return f->pMethods->xSync(f, flags); });
}
int size(sqlite3_file* file, sqlite3_int64* out) {
    return flushed(file, [&](sqlite3_file* f) { return f->pMethods->xFileSize(f, out); });
}
int lock(sqlite3_file* file, int level) { return real(file)->pMethods->xLock(real(file), level); }
int unlock(sqlite3_file* file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }
int reserved(sqlite3_file* file, int* out) { return real(file)->pMethods->xCheckReservedLock(real(file), out); }
int control(sqlite3_file* file, int what, void* argument) { return real(file)->pMethods->xFileControl(real(file), what, argument); }
int sector(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int traits(sqlite3_file* file) { return real(file)->pMethods->xDeviceCharacteristics(real(file)); }

/// Over one layer that was the default when a connection was opened.
struct Layer {
    sqlite3_vfs vfs;  // first: SQLite hands its address back
    sqlite3_vfs* below;
    char name[32];
};

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
    static const sqlite3_io_methods methods = {1, close, read, write, truncate, sync, size, lock, unlock,
                                               reserved, control, sector, traits, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
    auto* below = reinterpret_cast<Layer*>(vfs)->below;
    if ((flags & SQLITE_OPEN_WAL) == 0) return below->xOpen(below, name, file, flags, out);
    auto* log = new (file) LogFile{};
    const int code = below->xOpen(below, name, log->real(), flags, out);
    if (log->real()->pMethods) log->base.pMethods = &methods;
    return code;
}

std::unique_ptr<Layer> layer_over(sqlite3_vfs* below) {
    auto layer = std::make_unique<Layer>(Layer{*below, below, {}});
    // A host may have two copies of this library beside one SQLite.
    std::snprintf(layer->name, sizeof layer->name, "log-%p", static_cast<void*>(layer.get()));
    layer->vfs.zName = layer->name;
    layer->vfs.pNext = nullptr;
    layer->vfs.szOsFile = static_cast<int>(sizeof(LogFile)) + below->szOsFile;
    layer->vfs.xOpen = open;
    return layer;
}

}  // namespace

const char* gathering_files() {
    // Never freed: SQLite keeps them in its list.
    static auto& layers = *new std::map<sqlite3_vfs*, std::unique_ptr<Layer>>;
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    auto* below = sqlite3_vfs_find(nullptr);
    if (!below) return nullptr;
    auto& layer = layers[below];
    if (!layer) {
        layer = layer_over(below);
        if (sqlite3_vfs_register(&layer->vfs, 0) != SQLITE_OK) return nullptr;
    }
    return layer->name;
}

Gathering::Gathering() noexcept { gathering = true; }

Gathering::~Gathering() {
    gathering = false;
    if (auto* log = std::exchange(filled, nullptr)) log->size = 0;
}

void Gathering::finish() {
    auto* log = std::exchange(filled, nullptr);
    const int code = log ? log->flush() : SQLITE_OK;
    if (code != SQLITE_OK) throw_sqlite(code, "the end of a commit could not be written");
}

}  // namespace tenon::db
