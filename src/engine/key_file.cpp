#include "key_file.hpp"

#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>

#include <base/file.hpp>

namespace tenon::engine {
namespace {

/// Far more than a key and words about it.
constexpr std::size_t largest = 4096;

/// Content of a key file, wiped when it goes.
struct Content {
    base::ByteVector bytes;
    Content() = default;
    explicit Content(const std::string& text) : bytes(text.begin(), text.end()) {}
    Content(const Content&) = delete;
    Content& operator=(const Content&) = delete;
    ~Content() { crypto::wipe(bytes); }
};

/// As ssh does it: a key that anybody on the machine may have copied is none to rely on.
void check_private(const base::Fd& file, const std::filesystem::path& path) {
    struct ::stat about{};
    if (::fstat(file.get(), &about) != 0) base::throw_errno("cannot look at the key file", path);
    if (!S_ISREG(about.st_mode)) throw InvalidArgument("a key is read from a regular file", {.subject = path.string()});
    if ((about.st_mode & 077) == 0) return;
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(about.st_mode & 07777));
    throw InvalidArgument("others on this machine may read or change the key file (mode " + std::string(mode) +
                              "): make it 0600. Where that cannot be, hand over its content instead",
                          {.subject = path.string()});
}

}  // namespace

void KeyFile::check_path(const std::filesystem::path& path) {
    if (path.empty() || !path.has_filename()) throw InvalidArgument("a key file needs a name", {.subject = "path"});
    if (path.native().find('\0') != std::string::npos) throw InvalidArgument("the path holds a NUL byte", {.subject = "path"});
}

KeyFile KeyFile::read(const std::filesystem::path& path) {
    // Without O_NONBLOCK a FIFO of that name would keep the caller for ever.
    const auto file = base::open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    check_private(file, path);
    Content content;
    content.bytes.resize(largest + 1);
    content.bytes.resize(base::pread_up_to(file, content.bytes, 0, path.string()));
    try {
        if (content.bytes.size() <= largest)
            if (auto key = backup::KeySource::key_file(content.bytes)) return KeyFile(*std::move(key));
    } catch (const Corrupt& error) {
        throw Corrupt(error.what(), {.subject = path.string()});
    }
    throw InvalidArgument("this is no key file, or was cut: it has no line that begins with “key-file”, nor is it 32 random bytes",
                          {.subject = path.string()});
}

KeyFile KeyFile::make(const std::filesystem::path& path) {
    KeyFile made(backup::KeySource::new_key_file());
    auto text = backup::key_file_text(made.key_.secret.bytes());
    const Content content(text);
    crypto::wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
    if (!base::create_file_once(path, content.bytes, 0600))
        throw Conflict("there is something of this name, and a key file never takes another's place", {.subject = path.string()});
    made.made_ = path;
    return made;
}

KeyFile::KeyFile(KeyFile&& other) noexcept : key_(std::move(other.key_)), made_(std::move(other.made_)) { other.made_.clear(); }

KeyFile::~KeyFile() {
    std::error_code ignored;
    if (!made_.empty()) std::filesystem::remove(made_, ignored);
}

}  // namespace tenon::engine
