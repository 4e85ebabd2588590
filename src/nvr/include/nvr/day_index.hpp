#pragma once

#include <filesystem>
#include <vector>

#include <base/file.hpp>
#include <nvr/segment.hpp>

namespace tenon::nvr {

constexpr std::size_t kIndexHeaderSize = 160;
constexpr const char* kIndexName = "index.bin";

struct IndexHeader {
    std::uint32_t day = 0;
    Origin origin{};
    Time created{};
    friend bool operator==(const IndexHeader&, const IndexHeader&) = default;
};

ByteVector encode(const IndexHeader& header, const crypto::SigningKey* key);
/// Throws Corrupt, Unsupported. Does not check the signature.
IndexHeader decode_index_header(ByteView bytes);
[[nodiscard]] bool verify_index_header(ByteView bytes, const crypto::PublicKey& key);

/// An index as it was found.
struct IndexContent {
    IndexHeader header{};
    std::vector<IndexRecord> records{};  ///< In file order, amendments applied.
    std::size_t bad = 0;                 ///< Records dropped because their checksum is wrong.
    std::size_t torn = 0;                ///< Bytes behind the last whole record.
};

/// Throws NotFound, Corrupt (the header), Unsupported.
IndexContent read_index(const std::filesystem::path& file);

/// The index of one camera and day, open for appending. One thread at a time.
class DayIndex {
public:
    /// Makes the file with its header when there is none. Cuts a torn record off.
    static DayIndex open(const std::filesystem::path& folder, const IndexHeader& header, const crypto::SigningKey* key);

    void append(const std::vector<IndexRecord>& records);
    void sync();
    std::uint32_t seed() const { return seed_; }

private:
    base::Fd file_;
    std::string subject_;
    std::uint64_t size_ = 0;
    std::uint32_t seed_ = 0;
};

/// Writes a whole index, atomically, in place of whatever stands there.
void replace_index(const std::filesystem::path& folder, const IndexHeader& header,
                   const std::vector<IndexRecord>& records, const crypto::SigningKey* key);

}  // namespace tenon::nvr
