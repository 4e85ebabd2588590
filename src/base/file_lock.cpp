#include <base/file.hpp>

#include <cerrno>
#include <mutex>
#include <set>
#include <utility>

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

namespace tenon::base {

struct FileLock::State {
    Fd fd;
};

namespace {

// A forked child shares the open file and with it the lock, which would then outlive its owner. Every lock held in
// this process is known here so that the child can let go of them.
std::mutex held_mutex;
std::set<Fd*>& held() {  // guarded by held_mutex; never destroyed: a lock may be dropped by a static destructor
    static auto* const locks = new std::set<Fd*>;
    return *locks;
}

void let_go_in_children() {
    static const int registered = pthread_atfork([] { held_mutex.lock(); }, [] { held_mutex.unlock(); },
                                                 [] {
                                                     for (auto* const fd : held()) fd->reset();
                                                     held().clear();
                                                     held_mutex.unlock();
                                                 });
    if (registered != 0) throw_errno("cannot watch for forks", std::string("file lock"), registered);
}

}  // namespace

std::optional<FileLock> FileLock::try_acquire(const std::filesystem::path& file, Kind kind) {
    let_go_in_children();
    auto state = std::make_unique<State>();
    // The registry's lock is held across open and fcntl, so that no fork falls between them.
    const std::lock_guard guard(held_mutex);
    state->fd = open_file(file, O_RDWR | O_CREAT);
    struct flock lock{};
    lock.l_type = kind == Kind::exclusive ? F_WRLCK : F_RDLCK;
    lock.l_whence = SEEK_SET;
    if (fcntl(state->fd.get(), F_OFD_SETLK, &lock) != 0) {
        if (errno == EAGAIN || errno == EACCES) return {};
        throw_errno("cannot lock the file", file);
    }
    held().insert(&state->fd);
    return FileLock(std::move(state));
}

FileLock::FileLock(std::unique_ptr<State> state) : state_(std::move(state)) {}
FileLock::FileLock(FileLock&&) noexcept = default;

FileLock& FileLock::operator=(FileLock&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
}

FileLock::~FileLock() {
    if (!state_) return;
    const std::lock_guard guard(held_mutex);
    held().erase(&state_->fd);
    if (!state_->fd) return;
    // Said aloud, since closing alone would leave it to a child that was forked a moment ago and has not let go yet.
    struct flock none{};
    none.l_type = F_UNLCK;
    none.l_whence = SEEK_SET;
    fcntl(state_->fd.get(), F_OFD_SETLK, &none);
    state_->fd.reset();
}

}  // namespace tenon::base
