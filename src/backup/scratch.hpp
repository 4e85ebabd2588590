#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include <base/file.hpp>
#include <crypto/cipher.hpp>

#include "wire.hpp"

namespace tenon::backup {

/// Pages that take no memory: they lie in a file that has no name, each sealed under a key that nobody else has and that goes with
/// this. Where there is no folder for it, or no room, they stay in memory.
///
/// Threads   any, at once.
class ScratchFile {
public:
    static constexpr std::size_t page_size = 4096;  ///< As it lies in the file.
    static constexpr std::size_t payload = page_size - crypto::Aes256Gcm::tag_size;

    /// `folder`: empty: none.
    explicit ScratchFile(std::filesystem::path folder);
    ~ScratchFile();

    /// `page`: payload bytes. Returns its number.
    std::uint32_t append(ByteView page);
    /// A part of a page, by way of those that were read last. Throws Unavailable where the file does not give back what was written.
    void read(std::uint32_t page, std::size_t from, ByteSpan out) const;
    /// A whole page, past those.
    void read_page(std::uint32_t page, ByteSpan out) const;
    /// A page could not be read: whoever relies on this is to make another one.
    [[nodiscard]] bool is_broken() const { return broken_; }
    /// Bytes in the file.
    [[nodiscard]] std::uint64_t size() const;
    /// For tests: what somebody does to the file.
    const base::Fd& file() const { return file_; }

private:
    static constexpr std::size_t stripes = 16, kept = 16;  // pages kept open: 1 MiB at most
    static constexpr std::uint32_t none = 0xffffffff;
    struct Page {
        std::uint32_t number = none;
        std::array<std::uint8_t, page_size> bytes;
    };
    struct Stripe {
        explicit Stripe(ByteView key) : cipher(key) {}
        std::mutex mutex;
        crypto::Aes256Gcm cipher;                         // guarded by mutex, as the next
        std::array<std::unique_ptr<Page>, kept> pages;
    };
    bool open();
    Stripe& stripe(std::uint32_t page) const;
    void load(Stripe& stripe, std::uint32_t page, ByteSpan sealed) const;
    [[nodiscard]] bool in_memory(std::uint32_t page, std::size_t from, ByteSpan out) const;

    const std::filesystem::path folder_;
    std::array<std::uint8_t, crypto::Aes256Gcm::key_size> key_{};
    mutable std::mutex mutex_;
    base::Fd file_;                                   // set by the first page
    std::unique_ptr<crypto::Aes256Gcm> cipher_;       // guarded by mutex_, as the next: of who appends
    std::uint32_t count_ = 0;
    std::atomic<std::uint32_t> in_file_{0};           // pages from here on are in memory
    bool full_ = false;                               // guarded by mutex_
    std::deque<std::unique_ptr<std::uint8_t[]>> memory_;  // guarded by mutex_
    mutable std::array<std::unique_ptr<Stripe>, stripes> stripes_;
    mutable std::array<std::once_flag, stripes> made_;
    mutable std::atomic<bool> broken_{false};
};

/// Rows of one width in the order in which they came, in pages of a scratch file.
///
/// Threads   reading from several at once is fine.
class ScratchRows {
public:
    ScratchRows(std::shared_ptr<ScratchFile> file, std::size_t width)
        : file_(std::move(file)), width_(width), in_page_(static_cast<std::uint32_t>(ScratchFile::payload / width)) {}
    std::uint32_t size() const { return size_; }
    void add(ByteView row);
    void read(std::uint32_t row, ByteSpan out) const;
    /// Calls see(number, row) for those from `first` to before `last`, each page read once.
    template <class See> void each(std::uint32_t first, std::uint32_t last, See see) const;

private:
    std::shared_ptr<ScratchFile> file_;
    std::size_t width_;
    std::uint32_t in_page_;
    std::uint32_t size_ = 0;
    std::vector<std::uint32_t> pages_;  // where in the file
    ByteVector tail_;                   // rows behind the last full page
};

template <class See> void ScratchRows::each(std::uint32_t first, std::uint32_t last, See see) const {
    ByteVector page;
    while (first < last) {
        const auto number = first / in_page_;
        ByteView rows(tail_);
        if (number < pages_.size()) {
            page.resize(ScratchFile::payload);
            file_->read_page(pages_[number], page);
            rows = page;
        }
        for (auto at = first % in_page_; at < in_page_ && first < last; ++at, ++first) see(first, rows.subspan(at * width_, width_));
    }
}

}  // namespace tenon::backup
