#include "file_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include <exec/wait.hpp>
#include <tenon/error.hpp>

namespace tenon::backup {
namespace {

constexpr std::size_t block = 512;
constexpr std::size_t most_ahead = 8;         // jobs; of as many buffers as hold their chunks
constexpr std::uint64_t shared_from = 8 << 20;  // smaller files are one thread's

std::vector<Extent> without(const std::vector<Extent>& holes, std::uint64_t size) {
    std::vector<Extent> data;
    std::uint64_t at = 0;
    for (const auto& hole : holes) {
        if (hole.offset > at) data.push_back({at, hole.offset - at});
        at = hole.offset + hole.length;
    }
    if (size > at) data.push_back({at, size - at});
    return data;
}

}  // namespace

base::Fd open_quietly(const base::Fd& folder, const std::string& name, int flags) {
    const int common = flags | O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    base::Fd fd(openat(folder.get(), name.c_str(), common | O_NOATIME));
    if (!fd && errno == EPERM) fd = base::Fd(openat(folder.get(), name.c_str(), common));
    if (!fd) fail_file("cannot open", errno);
    return fd;
}

void ChunkJob::run(Lane& lane) noexcept {
    try {
        lane.chunks(run_, refs_);
    } catch (...) {
        failure_ = std::current_exception();
    }
    done_.store(true, std::memory_order_release);
    done_.notify_all();
}

void ChunkJob::give_up() noexcept {
    if (is_done()) return;
    failure_ = std::make_exception_ptr(Cancelled("the backup has ended"));
    done_.store(true, std::memory_order_release);
    done_.notify_all();
}

std::span<const ChunkRef> ChunkJob::result() const {
    done_.wait(false, std::memory_order_acquire);
    if (failure_) std::rethrow_exception(failure_);
    return std::span(refs_).first(run_.size());
}

bool FileReader::is_lent(const ByteVector* buffer) const {
    return std::any_of(ahead_.begin(), ahead_.end(), [&](const auto& job) { return job->buffer() == buffer; });
}

void FileReader::make_room(ListBuilder& list, std::size_t begin, std::size_t end) {
    auto& [size, most, current, others] = buffers_;
    const auto free = [&] { return std::find_if(others.begin(), others.end(), [&](const auto& other) { return !is_lent(other.get()); }); };
    while (is_lent(current.get()) && free() == others.end() && others.size() >= most) take_back(list, ahead_.size() - 1);
    if (!is_lent(current.get())) {
        std::memmove(current->data(), current->data() + begin, end - begin);
        return;
    }
    auto other = free();
    if (other == others.end()) other = others.insert(other, std::make_shared<ByteVector>(current->size()));
    if ((*other)->size() < current->size()) (*other)->resize(current->size());
    std::memcpy((*other)->data(), current->data() + begin, end - begin);
    std::swap(current, *other);
}

FileReader::Result FileReader::read(const base::Fd& folder, const std::string& name,
                                    const std::function<void(std::int64_t)>& on_bytes) {
    const auto fd = open_quietly(folder, name, 0);
    Result result;
    try {
        if (read_once(fd, result, name, on_bytes)) return result;
        if (!read_once(fd, result, name, on_bytes)) result.entry.flags |= Entry::unstable;
        return result;
    } catch (...) {
        // The next file is read into the same buffers: nobody may be at work on what lies there now.
        for (const auto& job : ahead_) job->wait();
        ahead_.clear();
        throw;
    }
}

bool FileReader::read_once(const base::Fd& fd, Result& result, const std::string& name,
                           const std::function<void(std::int64_t)>& on_bytes) {
    struct stat before {}, after {};
    if (fstat(fd.get(), &before) != 0) fail_file("cannot look at the file", errno);
    if (!S_ISREG(before.st_mode)) throw FileFailure{Errc::conflict, "is no longer a file"};
    result.entry = entry_of(name, before, accounts_);
    auto& entry = result.entry;
    read_xattrs(fd, entry);
    if (static_cast<std::uint64_t>(before.st_blocks) * block < entry.size) entry.holes = find_holes(fd, entry.size);
    const bool complete = read_content(fd, entry, result.bytes_read, on_bytes);
    if (fstat(fd.get(), &after) != 0) fail_file("cannot look at the file", errno);
    return complete && same_state(before, after);
}

/// Where a chunk ends is found by one thread; what comes after may be any one's.
void FileReader::add(ListBuilder& list, const ChunkRun& run, bool shares) {
    if (shares) {
        const auto job = std::make_shared<ChunkJob>(buffers_.current, run);
        if (offer_(job)) {
            ahead_.push_back(job);
            return take_back(list, most_ahead);
        }
    }
    if (ahead_.empty()) {
        std::array<ChunkRef, ChunkRun::most> refs;
        lane_.chunks(run, refs);
        for (std::size_t i = 0; i < run.size(); ++i) list.add(refs[i], lane_);
        return;
    }
    ahead_.push_back(std::make_shared<ChunkJob>(run, lane_));
    take_back(list, most_ahead);
}

void FileReader::take_back(ListBuilder& list, std::size_t most) {
    for (; !ahead_.empty() && (ahead_.size() > most || ahead_.front()->is_done()); ahead_.pop_front())
        for (const auto& ref : ahead_.front()->result()) list.add(ref, lane_);
}

bool FileReader::read_content(const base::Fd& fd, Entry& entry, std::int64_t& bytes_read,
                              const std::function<void(std::int64_t)>& on_bytes) {
    const auto parts = without(entry.holes, entry.size);
    std::uint64_t left = 0;  // in the file, not in the buffer
    for (const auto& part : parts) left += part.length;
    if (left > buffers_.size) posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    const auto room = std::min<std::uint64_t>(left, buffers_.size + Chunker::max_size);
    if (buffers_.current->size() < room) buffers_.current = std::make_shared<ByteVector>(room);
    const bool shares = offer_ && left >= shared_from;

    ListBuilder list;
    std::size_t begin = 0, end = 0;  // of what is in the buffer
    const auto& buffer = buffers_.current;
    std::size_t part = 0;
    std::uint64_t into = 0;          // how far the part was read
    bool complete = true;
    while (left > 0 || begin < end) {
        exec::check_stop(stop_);
        if (left > 0 && end - begin < Chunker::max_size) {
            make_room(list, begin, end);
            end -= begin;
            begin = 0;
            while (left > 0 && end < buffer->size()) {
                const auto wanted = std::min<std::uint64_t>(buffer->size() - end, parts[part].length - into);
                const auto got = pread(fd.get(), buffer->data() + end, wanted, static_cast<off_t>(parts[part].offset + into));
                if (got < 0 && errno == EINTR) continue;
                if (got < 0) fail_file("cannot read", errno);
                if (got == 0) {
                    // It was cut meanwhile. The entry says what the chunks hold, or a restore would find it damaged.
                    complete = false;
                    left = 0;
                    entry.size = parts[part].offset + into;
                    std::erase_if(entry.holes, [&](const Extent& hole) { return hole.offset >= entry.size; });
                    break;
                }
                end += static_cast<std::size_t>(got);
                into += static_cast<std::uint64_t>(got);
                left -= static_cast<std::uint64_t>(got);
                bytes_read += got;
                on_bytes(got);
                if (into == parts[part].length) ++part, into = 0;
            }
        }
        const ChunkRun run(chunker_, {buffer->data() + begin, end - begin}, left == 0);
        if (run.size() > 0) add(list, run, shares);
        begin += run.bytes();
    }
    take_back(list, 0);
    list.finish(entry, lane_);
    return complete;
}

}  // namespace tenon::backup
