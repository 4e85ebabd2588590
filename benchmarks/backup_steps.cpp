// Question: what does each thing that is done to a byte of a backup cost, and what of it bounds a backup on this processor?
//
//     bench_backup_steps [RUNS]
//
// One thread, 32 MiB of noise in pieces of 256 KiB (the hashes) or cut as a stream is, in memory. The ways take turns, RUNS (15) times each;
// processor time of the thread, medians.
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include <crypto/cipher.hpp>
#include <crypto/hash.hpp>
#include <crypto/secret.hpp>

#include "chunker.hpp"
#include "timed.hpp"

namespace {

using namespace tenon;
using backup::Chunker;
using base::ByteSpan;
using base::ByteVector;
using base::ByteView;

constexpr std::size_t piece = 256 << 10;

double thread_time() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

struct Step {
    std::string what, how;
    std::function<void()> work;
    std::vector<double> speeds{};
};

}  // namespace

int main(int argc, char** argv) {
    const int runs = std::max(1, argc > 1 ? std::atoi(argv[1]) : 15);
    const auto data = crypto::random_bytes(32 << 20);
    const auto key = crypto::random_bytes(32);
    std::vector<ByteView> pieces;
    for (std::size_t at = 0; at < data.size(); at += piece) pieces.push_back(ByteView(data).subspan(at, piece));
    std::vector<crypto::Digest> digests(pieces.size());
    ByteVector sealed(piece + crypto::Aes256Gcm::tag_size);

    crypto::HmacSha256 mac(key);
    crypto::Sha256 hash;
    crypto::Aes256Gcm cipher(key);
    std::vector<Step> steps;
    for (const auto& [way, name] : {std::pair{Chunker::Way::portable, "portable"}, {Chunker::Way::aes_ni, "AES-NI"},
                                    {Chunker::Way::vaes, "VAES, 256 bits"}, {Chunker::Way::vaes512, "VAES, 512 bits"}}) {
        if (!Chunker::available(way)) continue;
        const auto chunker = std::make_shared<Chunker>(key, way);
        steps.push_back({"cut into chunks", name, [chunker, &data] {
                             for (auto rest = ByteView(data); !rest.empty();) rest = rest.subspan(chunker->cut(rest));
                         }});
    }
    steps.push_back({"ids of chunks", "one after the other", [&] {
                         for (std::size_t i = 0; i < pieces.size(); ++i) digests[i] = mac.update(pieces[i]).finish();
                     }});
    steps.push_back({"ids of chunks", "each()", [&] { mac.each({}, pieces, digests); }});
    steps.push_back({"ids of chunks, and the hash of a pack", "one after the other", [&] {
                         mac.each({}, pieces, digests);
                         for (const auto& one : pieces) hash.update(one);
                     }});
    steps.push_back({"ids of chunks, and the hash of a pack", "beside each other", [&] {
                         hash.update(mac.each({}, pieces, digests, {&hash, data}));
                     }});
    steps.push_back({"seal frames", "AES-256-GCM", [&] {
                         for (std::size_t i = 0; i < pieces.size(); ++i) cipher.seal(crypto::nonce_of(i), {}, pieces[i], sealed);
                     }});
    steps.push_back({"checksums of frames", "CRC-32C", [&] {
                         for (const auto& one : pieces) (void)crypto::crc32c(one);
                     }});

    for (int run = 0; run <= runs; ++run)
        for (auto& step : steps) {
            const auto begun = thread_time();
            step.work();
            if (run > 0) step.speeds.push_back(static_cast<double>(data.size()) / (thread_time() - begun) / 1e6);  // the first warms up
        }
    for (auto& step : steps) {
        std::ranges::sort(step.speeds);
        bench::line(step.what.c_str(), "", step.speeds[step.speeds.size() / 2], "MB/s", step.how.c_str());
    }
}
