#pragma once

namespace tenon::db {

/// The file layer for a connection that commits: SQLite's default one, except that what a COMMIT writes to the write-ahead log goes
/// to the system in one piece instead of two for each page. SQLite shows a commit to nobody before its sync, which comes after
/// that piece. For sqlite3_open_v2.
const char* gathering_files();

/// While one lives, what its thread writes to the log is gathered up to the next sync. Around COMMIT alone: a piece that cannot be
/// written then fails the COMMIT that it belongs to, never something later.
class Gathering {
public:
    Gathering() noexcept;
    ~Gathering();  ///< What is left of a commit that failed is forgotten, as SQLite does.
    /// Writes what came after the last sync, which is nothing but on disks that tear neighbouring sectors.
    void finish();
    Gathering(const Gathering&) = delete;
    Gathering& operator=(const Gathering&) = delete;
};

}  // namespace tenon::db
