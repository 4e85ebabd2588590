#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include <tenon/error.hpp>

#include "repository_impl.hpp"

namespace tenon::backup {

/// Looks at everything a repository has, and writes down what is wrong with it.
class CheckRun {
public:
    CheckRun(Repository::Impl& repository, CheckDepth depth, bool repair, const std::vector<std::string>& known, const CheckShare& share,
             exec::ProgressSink& progress, std::stop_token stop);
    /// Once more where a collection took away what this was looking at.
    CheckReport run();

private:
    CheckReport look();
    bool mend(const CheckReport& report, std::set<std::string>& tried, std::set<std::string>& mended);
    std::vector<std::string> suspects(const CheckProblem& problem) const;
    [[nodiscard]] bool is_left_behind(const std::string& name) const;
    bool drop(const std::string& name);
    bool changed_meanwhile(bool or_come);
    void collections();
    void count_unused();
    void count_old();
    void keys();
    void look_at_keys();
    void twin(blob::Store& store, const std::string& prefix, const std::string& name, const std::function<void(ByteView)>& open);
    void list_objects();
    void choose_packs();
    void segments();
    struct PackBuffers {
        ByteVector read, opened;
    };
    /// The packs that are read, by threads beside whatever else is looked at meanwhile, and by whoever has come to finish().
    class Packs {
    public:
        explicit Packs(CheckRun& run);
        /// Behind the last of what was begun; the others stay unread unless finish() was called.
        ~Packs();
        Packs(const Packs&) = delete;
        Packs& operator=(const Packs&) = delete;
        /// Throws what any of the threads met.
        void finish();

    private:
        void take();

        CheckRun& run_;
        std::map<std::string, const PackInfo*> known_;
        std::vector<std::pair<std::string, std::uint64_t>> all_;  ///< Names and sizes.
        std::atomic<std::size_t> next_{0};
        std::vector<std::exception_ptr> failures_;
        std::vector<std::jthread> threads_;
    };
    void pack(const std::string& name, std::uint64_t size, const PackInfo* known, PackBuffers& buffers);
    bool agree(const PackInfo& known, const std::vector<PackChunk>& table) const;
    void snapshots();
    void directory(NodeSource& nodes, const Id& root, const std::string& snapshot);
    void file(NodeSource& nodes, const Entry& entry, const std::string& path);
    void need(const Id& id);
    void logs();
    void sessions();
    void evidence();
    void compare();
    void parity();
    void doubt(const std::string& name);
    bool is_matched(const std::string& name, ByteView bytes);
    void protect(CheckReport& report);
    void say_what_is_repairable(CheckReport& report);
    void advise(CheckReport& report) const;
    void note_packs(CheckReport& report);
    void problem(const std::string& object, const std::string& message);
    void problem(const Error& error, const std::string& object);
    std::size_t problems();
    /// Takes back those behind the first `known` whose objects begin so.
    void forgive(std::size_t known, std::string_view prefix);
    void count_read(std::uint64_t bytes);
    /// Runs `look`; what it throws as damage becomes a problem of `object`.
    template <class Look> void guard(const std::string& object, Look look) {
        try {
            look();
        } catch (const KeyIsRetired&) {
            // Left by a process that slept through a rotation: no damage, and collections remove it.
        } catch (const Corrupt& error) {
            problem(error, object);
        } catch (const NotFound& error) {
            problem(error, object);
        } catch (const Unsupported& error) {
            problem(error, object);
        }
    }
    ByteVector fetch(const std::string& name, std::uint64_t size);

    Repository::Impl& repository_;
    const CheckDepth depth_;
    const bool repair_;
    const std::vector<std::string>& known_;
    const CheckShare& share_;
    exec::ProgressSink& progress_;
    const std::stop_token stop_;
    std::map<std::string, std::uint64_t> objects_;      ///< Names and sizes.
    std::set<std::string> snapshots_;                   ///< Names of those that were there before the rest was listed.
    std::map<std::string, std::string> tags_;           ///< Of those that are rewritten all the time.
    std::set<std::string> chosen_;                      ///< Packs that are read.
    Index index_;
    std::set<Id> segments_;
    std::set<Id> going_;                                ///< Packs that a collection takes away, or took.
    std::unordered_map<Id, std::uint64_t, IdHash> walked_;       ///< Folders, and the bytes that are said to be in each.
    std::unordered_map<Id, std::uint64_t, IdHash> whole_lists_;  ///< Nodes of chunk lists of which every part is there, and their bytes.
    std::set<SnapshotId> ids_;
    std::vector<bool> needed_;                          ///< By ordinal of the index.
    std::string not_compared_;                          ///< Why it is not known whether anything was taken away.
    bool counts_ = true;                                ///< What is met now is needed.
    std::vector<std::string> unprotected_;              ///< Objects.
    std::vector<std::string> orphans_;                  ///< What is not there and has parity.
    std::set<Id> vouched_;                              ///< Segments that the newest checkpoint saw.
    std::set<std::string> doubted_;                     ///< Objects whose parity is not theirs; guarded by mutex_ while there are Packs
    std::mutex mutex_;
    CheckReport report_;                                // problems and bytes_read guarded by mutex_ while there are Packs
};

}  // namespace tenon::backup
