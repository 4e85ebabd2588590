#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include <crypto/hash.hpp>
#include <render/plan.hpp>

#include "score.hpp"

namespace tenon::render {

/// A finished file that has not got its name yet; gone with its owner unless named.
class Unnamed {
public:
    Unnamed(std::filesystem::path part, std::filesystem::path target) : part_(std::move(part)), target_(std::move(target)) {}
    Unnamed(Unnamed&& other) noexcept;
    Unnamed& operator=(Unnamed&&) = delete;
    ~Unnamed();

    const std::filesystem::path& part() const { return part_; }
    Bytes size() const { return size_; }
    const crypto::Digest& sha256() const { return sha256_; }
    /// How its pictures came out.
    const std::vector<Sample>& samples() const { return samples_; }
    void add(const std::vector<Sample>& samples) { samples_.insert(samples_.end(), samples.begin(), samples.end()); }
    /// Reads what was written.
    void measure(const std::stop_token& stop);
    /// Gives it its name, taking the place of a file there.
    void name();

private:
    std::filesystem::path part_, target_;
    Bytes size_{};
    crypto::Digest sha256_{};
    std::vector<Sample> samples_{};
};

/// Puts the pieces of an output together to one file, `<name of the target>.part` beside them, synced to disk.
Unnamed assemble(const Plan& plan, const PlannedOutput& output, const std::filesystem::path& pieces,
                 const std::filesystem::path& target, const std::stop_token& stop);

}  // namespace tenon::render
