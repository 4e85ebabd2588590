// What the repositories in tests/backup/vectors are about, and how they are read.
#pragma once

#include "fixture.hpp"

#include <cstdlib>

#include <fcntl.h>
#include <sys/stat.h>

#include <crypto/hash.hpp>

namespace tenon::tests {

class VectorTest : public BackupTest {
protected:
    static std::filesystem::path vectors() { return std::filesystem::path(TENON_SOURCE) / "tests/backup/vectors"; }

    static base::ByteVector bytes_of(std::string_view name, std::size_t size) {
        base::ByteVector bytes;
        for (std::uint32_t i = 0; bytes.size() < size; ++i) base::append(bytes, crypto::sha256(base::view_of(std::string(name) + std::to_string(i))));
        bytes.resize(size);
        return bytes;
    }
    /// What is in all of them.
    static void make_tree(const std::filesystem::path& root) {
        write(root / "empty", "");
        write(root / "letter.txt", "Whoever reads this has the keys.\n");
        write(root / "umlaute äöü 🎬/words.txt", [] {
            std::string text;
            for (int i = 0; i < 3000; ++i) text += "word " + std::to_string(i % 97) + '\n';
            return text;
        }());
        write(root / "noise.bin", bytes_of("noise", 20'000));
        write(root / "folder/deeper/twice.bin", bytes_of("twice", 9'000));
        write(root / "folder/again.bin", bytes_of("twice", 9'000));
        std::filesystem::create_symlink("../letter.txt", root / "folder/link");
        std::filesystem::create_directories(root / "nothing in it");
        const auto sparse = root / "sparse.bin";
        write(sparse, bytes_of("sparse", 4'096));
        std::filesystem::resize_file(sparse, 1 << 20);
        settle_tree(root);
    }
    /// Modes and times that are the same wherever it is made.
    static void settle_tree(const std::filesystem::path& root) {
        std::vector<std::filesystem::path> all;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) all.push_back(entry.path());
        std::sort(all.begin(), all.end());
        for (const auto& path : all) {
            if (std::filesystem::is_symlink(path)) continue;
            std::filesystem::permissions(path, std::filesystem::is_directory(path) ? std::filesystem::perms(0755) : std::filesystem::perms(0640));
        }
        // Folders last, as their content sets their time.
        for (auto path = all.rbegin(); path != all.rend(); ++path) stamp(*path);
        stamp(root);
    }
    static void stamp(const std::filesystem::path& path) {
        const timespec times[2] = {{1'600'000'000, 123'456'789}, {1'600'000'000, 123'456'789}};
        utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW);
    }
    static base::ByteVector counted(std::uint8_t from) {
        base::ByteVector bytes(32);
        for (auto& byte : bytes) byte = from++;
        return bytes;
    }
    static bool has_cryptography() { return std::system("/usr/bin/python3 -c 'import cryptography' 2> /dev/null") == 0; }
    /// Whether a script of tests/backup ends well.
    static bool runs(const std::string& script, const std::string& arguments) {
        return std::system(("/usr/bin/python3 -B " + (std::filesystem::path(TENON_SOURCE) / "tests/backup" / script).string() + ' ' + arguments +
                            " > /dev/null")
                               .c_str()) == 0;
    }
    /// The root's own metadata is the snapshot's business, not the tree's.
    std::string what_differs(const std::filesystem::path& one, const std::filesystem::path& other) {
        auto lines = differences(one, other);
        std::erase_if(lines, [](const auto& line) { return line.starts_with(".:"); });
        return all(lines);
    }
};

}  // namespace tenon::tests
