#include "board.hpp"

#include <array>
#include <chrono>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include <base/bytes.hpp>
#include <crypto/hash.hpp>

#include "statements.hpp"

namespace tenon::jobs {
namespace {

/// CRC32C of what follows u32, length u32, when the attempt began i64, text.
constexpr std::size_t record_size = 1024, head_size = 16;
constexpr auto abandoned_after = std::chrono::minutes(10);
constexpr const char* extension = ".progress";

}  // namespace

std::filesystem::path Board::file_of(const JobId& id) const { return folder_ / (id.text() + extension); }

void Board::Place::write(const Board& board, const JobId& id, Time started, const Progress& progress) {
    const auto text = progress_json(progress);
    std::array<std::uint8_t, record_size> record{};
    if (text.size() > record.size() - head_size) return;  // whoever asks is told what the database says
    base::store_le(record.data() + 4, static_cast<std::uint32_t>(text.size()));
    base::store_le(record.data() + 8, static_cast<std::int64_t>(started.time_since_epoch().count()));
    std::copy(text.begin(), text.end(), record.begin() + head_size);
    base::store_le(record.data(), crypto::crc32c(base::ByteView(record).subspan(4)));
    const std::lock_guard lock(mutex_);
    if (left_) return;
    if (!file_) file_ = base::open_file(board.file_of(id), O_WRONLY | O_CREAT);
    base::pwrite_all(file_, record, 0, id.text());
}

void Board::Place::leave(const Board& board, const JobId& id) noexcept {
    const std::lock_guard lock(mutex_);
    left_ = true;
    if (!file_) return;
    file_.reset();
    board.remove(id);
}

std::optional<Progress> Board::read(const JobId& id, const std::optional<Time>& started) const noexcept {
    try {
        const base::Fd file(open(file_of(id).c_str(), O_RDONLY | O_CLOEXEC));
        if (!file) return std::nullopt;
        // What is being written at this moment has another sum.
        constexpr int most_tries = 5;
        for (int tried = 0; tried < most_tries; ++tried) {
            std::array<std::uint8_t, record_size> record{};
            if (base::pread_up_to(file, record, 0, "") != record.size()) return std::nullopt;
            if (base::load_le<std::uint32_t>(record.data()) != crypto::crc32c(base::ByteView(record).subspan(4))) continue;
            const auto length = base::load_le<std::uint32_t>(record.data() + 4);
            if (length > record.size() - head_size) return std::nullopt;
            if (started && base::load_le<std::int64_t>(record.data() + 8) != started->time_since_epoch().count()) return std::nullopt;
            return progress_from(std::string(record.begin() + head_size, record.begin() + head_size + length));
        }
    } catch (const std::exception&) {
        // It is no more than a faster way to know what the database says, too.
    }
    return std::nullopt;
}

void Board::remove(const JobId& id) const noexcept {
    std::error_code ignored;
    std::filesystem::remove(file_of(id), ignored);
}

void Board::sweep() const noexcept {
    try {
        const auto now = std::filesystem::file_time_type::clock::now();
        for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
            if (entry.path().extension() != extension) continue;
            std::error_code ignored;
            const auto written = std::filesystem::last_write_time(entry.path(), ignored);
            if (!ignored && now - written > abandoned_after) std::filesystem::remove(entry.path(), ignored);
        }
    } catch (const std::exception&) {
        // Somebody else sweeps as well, or the next one does.
    }
}

}  // namespace tenon::jobs
