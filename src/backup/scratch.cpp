#include "scratch.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <crypto/secret.hpp>
#include <tenon/error.hpp>

namespace tenon::backup {
namespace {

/// A disk on which little more is free has better uses for it.
constexpr std::uint64_t leave_free = 64 << 20;

bool write_page(int fd, ByteView bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const auto count = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        bytes = bytes.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return true;
}

bool read_back(int fd, ByteSpan bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const auto count = pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        bytes = bytes.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return true;
}

}  // namespace

ScratchFile::ScratchFile(std::filesystem::path folder) : folder_(std::move(folder)) {}

ScratchFile::~ScratchFile() = default;

/// With mutex_ held.
bool ScratchFile::open() {
    if (folder_.empty()) return false;
    struct statvfs disk {};
    if (statvfs(folder_.c_str(), &disk) != 0 || disk.f_bavail * disk.f_frsize < leave_free) return false;
    int fd = ::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        auto name = (folder_ / ".scratch-XXXXXX").string();
        fd = mkostemp(name.data(), O_CLOEXEC);
        if (fd >= 0) unlink(name.c_str());
    }
    if (fd < 0) return false;
    file_ = base::Fd(fd);
    crypto::fill_random(key_);
    cipher_ = std::make_unique<crypto::Aes256Gcm>(key_);
    return true;
}

std::uint32_t ScratchFile::append(ByteView page) {
    const std::lock_guard lock(mutex_);
    if (count_ == none) throw Unsupported("more pages than a scratch file counts");
    if (!full_ && !file_ && !open()) full_ = true;
    if (!full_) {
        std::array<std::uint8_t, page_size> sealed;
        // No number twice under a key: each page is written once.
        cipher_->seal(crypto::nonce_of(count_), {}, page, sealed);
        if (write_page(file_.get(), sealed, std::uint64_t{count_} * page_size)) {
            in_file_ = count_ + 1;
            return count_++;
        }
        full_ = true;
    }
    memory_.push_back(std::make_unique<std::uint8_t[]>(payload));
    std::copy(page.begin(), page.end(), memory_.back().get());
    return count_++;
}

bool ScratchFile::in_memory(std::uint32_t page, std::size_t from, ByteSpan out) const {
    if (page < in_file_) return false;
    const std::lock_guard lock(mutex_);
    std::copy_n(memory_[page - in_file_].get() + from, out.size(), out.data());
    return true;
}

ScratchFile::Stripe& ScratchFile::stripe(std::uint32_t page) const {
    const auto at = page % stripes;
    std::call_once(made_[at], [&] { stripes_[at] = std::make_unique<Stripe>(key_); });
    return *stripes_[at];
}

/// With the stripe's mutex held. Opens in place.
void ScratchFile::load(Stripe& stripe, std::uint32_t page, ByteSpan sealed) const {
    if (read_back(file_.get(), sealed, std::uint64_t{page} * page_size) &&
        stripe.cipher.open(crypto::nonce_of(page), {}, sealed, sealed.first(payload)))
        return;
    broken_ = true;
    throw Unavailable("what was kept on the disk for this work could not be read back: it is to be begun again",
                      {.subject = folder_.string(), .retryable = true});
}

void ScratchFile::read(std::uint32_t page, std::size_t from, ByteSpan out) const {
    if (in_memory(page, from, out)) return;
    auto& stripe = this->stripe(page);
    const std::lock_guard lock(stripe.mutex);
    auto& kept_page = stripe.pages[page / stripes % kept];
    if (!kept_page) kept_page = std::make_unique<Page>();
    if (kept_page->number != page) {
        kept_page->number = none;
        load(stripe, page, kept_page->bytes);
        kept_page->number = page;
    }
    std::copy_n(kept_page->bytes.data() + from, out.size(), out.data());
}

void ScratchFile::read_page(std::uint32_t page, ByteSpan out) const {
    if (in_memory(page, 0, out)) return;
    std::array<std::uint8_t, page_size> sealed;
    auto& stripe = this->stripe(page);
    const std::lock_guard lock(stripe.mutex);
    load(stripe, page, sealed);
    std::copy_n(sealed.data(), payload, out.data());
}

std::uint64_t ScratchFile::size() const { return std::uint64_t{in_file_} * page_size; }

void ScratchRows::add(ByteView row) {
    if (size_ == 0xffffffff) throw Unsupported("more rows than are counted");
    tail_.insert(tail_.end(), row.begin(), row.end());
    ++size_;
    if (size_ % in_page_ != 0) return;
    tail_.resize(ScratchFile::payload);
    pages_.push_back(file_->append(tail_));
    tail_.clear();
}

void ScratchRows::read(std::uint32_t row, ByteSpan out) const {
    const auto number = row / in_page_;
    const auto from = row % in_page_ * width_;
    if (number < pages_.size()) return file_->read(pages_[number], from, out);
    std::copy_n(tail_.data() + from, out.size(), out.data());
}

}  // namespace tenon::backup
