#pragma once

#include <atomic>
#include <cstring>

#include <sqlite3.h>

namespace tenon::db::testing {

/// A disk that can fail: SQLite's own file layer with a fuse in every write and sync of the write-ahead log.
class FaultDisk {
public:
    enum class Step : int { write, sync };

    /// From now on the n-th such step (from 1) fails with `code`; if `lasting`, all after it too.
    static void arm(Step step, int n, int code, bool lasting) {
        step_ = step;
        code_ = code;
        lasting_ = lasting;
        fired_ = 0;
        left_ = n;
    }
    /// The same for the first write that holds this text, which must outlive the test.
    static void arm_on(const char* text, int code) {
        text_ = text;
        arm(Step::write, 1, code, false);
    }
    static void disarm() { left_ = 0, lasting_ = false, text_ = nullptr; }
    static int fired() { return fired_; }

    /// Makes it the file layer of every connection opened from now on.
    static void install() {
        static sqlite3_vfs vfs;
        if (real_) return;
        real_ = sqlite3_vfs_find(nullptr);
        vfs = *real_;
        vfs.zName = "fault";
        vfs.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
        vfs.xOpen = open;
        sqlite3_vfs_register(&vfs, 1);
    }

private:
    struct File {
        sqlite3_file base;
        bool log;
        sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
    };

    static bool fails(sqlite3_file* f, Step step) {
        if (!reinterpret_cast<File*>(f)->log || step != step_) return false;
        if (left_ > 0 && --left_ == 0) return ++fired_, true;
        return lasting_ && fired_ > 0 && ++fired_;
    }

    static sqlite3_file* real(sqlite3_file* f) { return reinterpret_cast<File*>(f)->real(); }
    static int close(sqlite3_file* f) { return real(f)->pMethods ? real(f)->pMethods->xClose(real(f)) : SQLITE_OK; }
    static int read(sqlite3_file* f, void* p, int n, sqlite3_int64 o) { return real(f)->pMethods->xRead(real(f), p, n, o); }
    static int write(sqlite3_file* f, const void* p, int n, sqlite3_int64 o) {
        const auto* text = text_.load();
        if (text && !memmem(p, static_cast<std::size_t>(n), text, std::strlen(text))) return real(f)->pMethods->xWrite(real(f), p, n, o);
        return fails(f, Step::write) ? code_.load() : real(f)->pMethods->xWrite(real(f), p, n, o);
    }
    static int truncate(sqlite3_file* f, sqlite3_int64 n) { return real(f)->pMethods->xTruncate(real(f), n); }
    static int sync(sqlite3_file* f, int flags) {
        return fails(f, Step::sync) ? code_.load() : real(f)->pMethods->xSync(real(f), flags);
    }
    static int size(sqlite3_file* f, sqlite3_int64* n) { return real(f)->pMethods->xFileSize(real(f), n); }
    static int lock(sqlite3_file* f, int l) { return real(f)->pMethods->xLock(real(f), l); }
    static int unlock(sqlite3_file* f, int l) { return real(f)->pMethods->xUnlock(real(f), l); }
    static int reserved(sqlite3_file* f, int* out) { return real(f)->pMethods->xCheckReservedLock(real(f), out); }
    static int control(sqlite3_file* f, int op, void* arg) { return real(f)->pMethods->xFileControl(real(f), op, arg); }
    static int sector(sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); }
    static int traits(sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); }
    static int shm_map(sqlite3_file* f, int p, int n, int x, void volatile** out) {
        return real(f)->pMethods->xShmMap(real(f), p, n, x, out);
    }
    static int shm_lock(sqlite3_file* f, int o, int n, int flags) { return real(f)->pMethods->xShmLock(real(f), o, n, flags); }
    static void shm_barrier(sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); }
    static int shm_unmap(sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); }

    static int open(sqlite3_vfs*, const char* name, sqlite3_file* f, int flags, int* out) {
        static const sqlite3_io_methods methods = {2,    close,  read,     write,   truncate, sync,   size,    lock,     unlock,
                                                   reserved, control, sector, traits,  shm_map,  shm_lock, shm_barrier,
                                                   shm_unmap, nullptr, nullptr};
        auto* file = reinterpret_cast<File*>(f);
        std::memset(file, 0, sizeof(File));
        file->log = (flags & SQLITE_OPEN_WAL) != 0;
        const int code = real_->xOpen(real_, name, file->real(), flags, out);
        if (file->real()->pMethods) file->base.pMethods = &methods;
        return code;
    }

    static inline sqlite3_vfs* real_ = nullptr;
    static inline std::atomic<Step> step_ = Step::write;
    static inline std::atomic<int> code_ = 0, left_ = 0, fired_ = 0;
    static inline std::atomic<bool> lasting_ = false;
    static inline std::atomic<const char*> text_ = nullptr;
};

}  // namespace tenon::db::testing
