#pragma once

#include <filesystem>

#include <blob/store.hpp>

namespace tenon::base { class Clock; }

namespace tenon::blob {

/// Objects as files below a folder, which is made if missing (0700; files 0600).
///
/// A name appears only once its bytes are on the disk, by link(2), so that of two creators one fails, and a killed
/// writer leaves nothing where the file system knows nameless files. A beacon holds an open-file-description lock, which
/// dies with its process.
class FileStore final : public Store {
public:
    FileStore(std::filesystem::path root, std::shared_ptr<const base::Clock> clock);
    ~FileStore() override;

    PutInfo put(const Name& name, ByteSource& source, const PutOptions& options, std::stop_token stop) override;
    void get(const Name& name, Range range, ByteSink& sink, std::stop_token stop) override;
    std::optional<ObjectInfo> head(const Name& name, std::stop_token stop) override;
    Page list(std::string_view prefix, std::string_view after, int limit, std::stop_token stop) override;
    bool remove(const Name& name, const RemoveOptions& options, std::stop_token stop) override;
    Capabilities capabilities() const override;
    Time server_time(std::stop_token stop) override;
    void flush(std::stop_token stop) override;
    void make_durable(const std::vector<std::string>& names, std::stop_token stop) override;
    void discard() noexcept override;
    std::unique_ptr<Spool> spool() override;
    std::unique_ptr<Beacon> beacon(const Name& name, ByteView bytes) override;
    std::optional<bool> beacon_lives(const Name& name) override;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::blob
