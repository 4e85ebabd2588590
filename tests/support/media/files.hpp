#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <sys/mount.h>
#include <unistd.h>

namespace tenon::test {

inline std::filesystem::path footage(const char* name) { return std::filesystem::path(TENON_FOOTAGE) / name; }
inline std::filesystem::path vtest() { return footage("vtest.avi"); }            // 768 x 576, 10 fps, 79.5 s, no sound
inline std::filesystem::path balle() { return footage("balle-jbart.mp4"); }      // 720 x 576, 25 fps, 10.2 s, AAC

inline std::vector<char> read_bytes(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const std::filesystem::path& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// A folder that goes away with its owner.
class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "media-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) std::abort();
        path_ = name;
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

/// A small file system on a folder, for as long as this lives, whoever still has something open there. Not there unless the tests
/// may mount.
class SmallDisk {
public:
    SmallDisk(const std::filesystem::path& folder, const char* size) : folder_(folder) {
        mounted_ = ::geteuid() == 0 && ::mount("none", folder.c_str(), "tmpfs", 0, size) == 0;
    }
    ~SmallDisk() {
        if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    explicit operator bool() const { return mounted_; }

private:
    std::filesystem::path folder_;
    bool mounted_ = false;
};

}  // namespace tenon::test
