#include "footage_files.hpp"

#include <utility>

#include <fcntl.h>

#include <base/file.hpp>
#include <media/mp4_read.hpp>
#include <nvr/recovery.hpp>
#include <tenon/error.hpp>

namespace tenon::nvr {
namespace {

namespace mp4 = media::mp4;

constexpr std::uint32_t kNone = 0x1'0000;

/// The head, moov and one record are read; what a recorder is writing behind them does not matter.
std::uint32_t scan_first(const base::Fd& file, const std::string& name) {
    const auto boxes = mp4::top_boxes(file.get(), 0, base::file_size(file, name), 4).boxes;
    if (boxes.size() < 4 || boxes[3].uuid != kRecordUuid) return kNone;  // empty yet: the newest of all
    const auto bytes = mp4::read_at(file.get(), boxes[3].offset + 20 + boxes[3].header, 2);
    return base::load_le<std::uint16_t>(bytes.data());
}

}  // namespace

DayFiles::DayFiles(std::filesystem::path folder) : folder_(std::move(folder)), names_(segments_of(folder_)) {}

std::filesystem::path DayFiles::find(std::uint16_t ordinal) {
    for (;;) {
        const auto names = names_.size();
        try {
            return search(ordinal);
        } catch (const Error&) {
            if (names_.size() == names) throw;  // else a file that cannot be read: the others are searched without it
        }
    }
}

std::uint32_t DayFiles::first() {
    while (!names_.empty()) {
        try {
            return ordinal_of(names_.front());
        } catch (const Error&) {  // it is off the list now
        }
    }
    return kNone;
}

std::filesystem::path DayFiles::search(std::uint16_t ordinal) {
    std::size_t low = 0, high = names_.size();
    while (low < high) {
        const auto middle = (low + high) / 2;
        if (ordinal_of(names_[middle]) < ordinal) low = middle + 1;
        else high = middle;
    }
    if (low == names_.size() || ordinal_of(names_[low]) != ordinal)
        throw NotFound("the footage is not there any more", {.subject = folder_.filename().string()});
    return folder_ / names_[low];
}

std::uint32_t DayFiles::ordinal_of(const std::string& name) {
    const auto known = ordinals_.find(name);
    if (known != ordinals_.end()) return known->second;
    try {
        return ordinals_[name] = scan_first(base::open_file(folder_ / name, O_RDONLY), name);
    } catch (const Error&) {
        std::erase(names_, std::string(name));
        throw;
    }
}

}  // namespace tenon::nvr
