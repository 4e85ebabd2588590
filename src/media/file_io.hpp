#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>

#include <base/file.hpp>

#include "av.hpp"

namespace tenon::media {

/// A regular file for reading. Throws what `Input::open` promises.
base::Fd open_for_reading(const std::filesystem::path& path);

/// How the library reaches files: through this and nothing else, so that no path is ever taken for a URL and a
/// cancelled job stops at its next read.
class FileIo {
public:
    FileIo(base::Fd fd, bool writable, std::stop_token stop);
    FileIo(const FileIo&) = delete;
    FileIo& operator=(const FileIo&) = delete;

    AVIOContext* context() { return context_.get(); }
    int descriptor() const { return fd_.get(); }
    std::int64_t size() const;
    int error() const { return error_; }   ///< The first failure of a read or write, as the library's number; 0: none.

private:
    static int read(void* self, std::uint8_t* buffer, int size);
    static int write(void* self, std::uint8_t* buffer, int size);
    static std::int64_t seek(void* self, std::int64_t offset, int whence);

    base::Fd fd_;
    std::stop_token stop_;
    std::int64_t position_ = 0;
    int error_ = 0;
    Av<AVIOContext> context_;
};

}  // namespace tenon::media
