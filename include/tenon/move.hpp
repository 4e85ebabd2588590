#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/job.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

/// A home whose metadata go from its own file into a PostgreSQL database: see move_to_postgres().
struct MoveOptions {
    std::filesystem::path home{};      ///< Required. No process has it open.
    std::string postgres{};            ///< Required. As EngineOptions::postgres, of a database that holds no metadata yet.
};

/// One table of the metadata, as the file and the database have it.
struct MovedTable {
    std::string name{};
    std::int64_t rows = 0;
    /// Of its rows in the order of their key, every value with its kind and length: computed from what was read from the file, and again
    /// from what the database gave back. 64 hexadecimal digits.
    std::string sha256{};
};

/// What was moved.
struct MovedHome {
    std::vector<MovedTable> tables{};  ///< By name.
    std::int64_t rows = 0;             ///< Of all of them.
    Duration took{};
};

/// Moves the metadata of a home that nobody has open from its own file into a PostgreSQL database, reads all of it back and compares.
/// From then on the home opens with EngineOptions::postgres alone; its other files stay where they are. All or nothing: whatever
/// fails or is killed, the home opens as before or the call, made again, ends what was begun, and a half-filled database is never
/// taken for a home's. Takes the memory of one portion of rows, and the time of reading all of them twice.
///
/// Throws    InvalidArgument, NotFound (no such home, no such database), Conflict (the home is open, was moved already; the database
///           holds metadata), Unsupported (a text that PostgreSQL cannot hold; a login that security by row does not bind), Corrupt
///           (the two differ), PermissionDenied, Unavailable, NoSpace, Cancelled.
/// Cancel    cancel_move(), from another thread, between two rows; nothing has changed then.
TENON_API MovedHome move_to_postgres(const MoveOptions& options);
/// How far the newest move of that home in this process is. Throws InvalidArgument, NotFound (there was none).
TENON_API Progress move_progress(const std::filesystem::path& home);
/// Asks the move of that home, if this process is at one, to stop, and returns at once. Throws InvalidArgument.
TENON_API void cancel_move(const std::filesystem::path& home);

TENON_END
