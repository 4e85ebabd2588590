#pragma once

#include <functional>

#include "chunker.hpp"
#include "metadata.hpp"
#include "session.hpp"

namespace tenon::backup {

/// Reads files into a session: chunks, ids, metadata. One thread's.
class FileReader {
public:
    FileReader(WriteSession& session, const Id16& class_id, const Chunker& chunker, std::stop_token stop)
        : lane_(session, class_id), chunker_(chunker), stop_(std::move(stop)) {}

    struct Result {
        Entry entry;
        std::int64_t bytes_read = 0;
    };
    /// `on_bytes` hears how much was read, as it is read. Throws FileFailure when this file cannot be read; anything else
    /// ends the backup.
    Result read(const base::Fd& folder, const std::string& name, const std::function<void(std::int64_t)>& on_bytes);
    Lane& lane() { return lane_; }

private:
    /// False: the file changed meanwhile.
    bool read_once(const base::Fd& fd, Result& result, const std::string& name, const std::function<void(std::int64_t)>& on_bytes);
    /// The bytes outside of holes. False: there are fewer than the size says.
    bool read_content(const base::Fd& fd, Entry& entry, std::int64_t& bytes_read, const std::function<void(std::int64_t)>& on_bytes);

    Lane lane_;
    const Chunker& chunker_;
    const std::stop_token stop_;
    AccountNames accounts_;
    ByteVector buffer_;
};

/// Opens without following a link, without a change of the access time where that is allowed, without waiting for a fifo.
base::Fd open_quietly(const base::Fd& folder, const std::string& name, int flags);

}  // namespace tenon::backup
