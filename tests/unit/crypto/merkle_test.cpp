#include <crypto/merkle.hpp>

#include <bit>
#include <map>

#include <gtest/gtest.h>

#include <tenon/error.hpp>

#include "vectors.hpp"

namespace tenon::crypto {
namespace {

// The definition of RFC 6962, section 2.1, as it stands there: recursion over all leaves.
Digest defined(const std::vector<Digest>& leaves, std::size_t begin, std::size_t end) {
    if (begin == end) return sha256({});
    if (end - begin == 1) return leaves[begin];
    const auto split = begin + std::bit_floor(end - begin - 1);
    return merkle_node(defined(leaves, begin, split), defined(leaves, split, end));
}

TEST(Merkle, KnownRoots) {
    const char* const roots[] = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                 "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                                 "a20bf9a7cc2dc8a08f5f415a71b19f6ac427bab54d24eec868b5d3103449953a",
                                 "3b6cccd7e3e023ff393006f030315ee7ad9eb111b022b41fba7e5b7a3973f688",
                                 "9bcd51240af4005168f033121ba85be5a6ed4f0e6a5fac262066729b8fbfdecb",
                                 "b855b42d6c30f5b087e05266783fbd6e394f7b926013ccaa67700a8b0c5a596f",
                                 "bb36e7d3d4cee5720cbd323d02fab15962e2ba1dadf5f8fc6eeef4fd6ad056a8",
                                 "3560191803028444b232018ac047fdb561c09c23a7a6876c85e08b5e4d48e9f3",
                                 "ef7f49b620f6c7ea9b963a214da34b5021c6ded8ed57734380a311ab726aa907"};
    MerkleTree tree;
    for (std::uint8_t n = 0; n < 9; ++n) {
        EXPECT_EQ(tests::text(tree.root()), roots[n]);
        tree.append_record({&n, 1});
    }
}

TEST(Merkle, GrowsAsDefinedAlsoFromAStoredEdge) {
    std::vector<Digest> leaves;
    MerkleTree tree;
    for (std::size_t n = 0; n < 300; ++n) {
        ASSERT_EQ(tree.root(), defined(leaves, 0, leaves.size())) << n;
        tree = MerkleTree(tree.size(), tree.edge());
        leaves.push_back(merkle_leaf(tests::counting(n)));
        tree.append(leaves.back());
    }
    EXPECT_EQ(tree.size(), 300u);
}

TEST(Merkle, RefusesAnEdgeOfAnotherSize) {
    EXPECT_THROW(MerkleTree(3, {Digest{}}), Corrupt);
    EXPECT_THROW(MerkleTree(0, {Digest{}}), Corrupt);
}

/// A tree with every full subtree at hand, noted as it grew.
struct Grown {
    MerkleTree tree;
    std::map<std::pair<int, std::uint64_t>, Digest> nodes;
    std::vector<Digest> leaves;

    void add(const Digest& leaf) {
        nodes[{0, tree.size()}] = leaf;
        leaves.push_back(leaf);
        tree.append(leaf, [&](int level, std::uint64_t index, const Digest& hash) { nodes[{level, index}] = hash; });
    }
    MerkleNodes at_hand() const {
        return [this](int level, std::uint64_t index) { return nodes.at({level, index}); };
    }
};

std::vector<std::string> texts(const std::vector<Digest>& path) {
    std::vector<std::string> list;
    for (const auto& hash : path) list.push_back(tests::text(hash));
    return list;
}

/// The tree that the reference implementation of certificate transparency is tested with.
Grown reference() {
    Grown grown;
    for (const char* record : {"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"})
        grown.add(merkle_leaf(tests::hex(record)));
    return grown;
}

constexpr const char* reference_roots[] = {
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

TEST(Merkle, HasTheReferenceRoots) {
    const auto all = reference();
    MerkleTree tree;
    for (std::size_t i = 0; i < 8; ++i) {
        tree.append(all.leaves[i]);
        EXPECT_EQ(tests::text(tree.root()), reference_roots[i]) << i + 1;
    }
}

TEST(Merkle, ProvesInclusionAsTheReferenceDoes) {
    const struct {
        std::uint64_t index, size;
        std::vector<std::string> path;
    } known[] = {
        {0, 1, {}},
        {0, 8, {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
        {5, 8, {"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
        {2, 3, {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
        {1, 5, {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}}};
    const auto tree = reference();
    for (const auto& [index, size, path] : known) EXPECT_EQ(texts(inclusion_path(size, index, tree.at_hand())), path) << index << " in " << size;
    EXPECT_THROW(inclusion_path(8, 8, tree.at_hand()), InvalidArgument);
    EXPECT_THROW(inclusion_path(0, 0, tree.at_hand()), InvalidArgument);
}

TEST(Merkle, ProvesConsistencyAsTheReferenceDoes) {
    const struct {
        std::uint64_t before, size;
        std::vector<std::string> path;
    } known[] = {
        {1, 1, {}},
        {1, 8, {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
        {6, 8, {"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
        {2, 5, {"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
        {6, 7, {"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}}};
    const auto tree = reference();
    for (const auto& [before, size, path] : known)
        EXPECT_EQ(texts(consistency_path(size, before, tree.at_hand())), path) << before << " of " << size;
    EXPECT_THROW(consistency_path(7, 8, tree.at_hand()), InvalidArgument);
}

// The definitions of RFC 6962, sections 2.1.1 and 2.1.2, as they stand there.
void defined_path(const std::vector<Digest>& leaves, std::size_t begin, std::size_t end, std::size_t index, std::vector<Digest>& path) {
    if (end - begin == 1) return;
    const auto split = begin + std::bit_floor(end - begin - 1);
    defined_path(leaves, index < split ? begin : split, index < split ? split : end, index, path);
    path.push_back(index < split ? defined(leaves, split, end) : defined(leaves, begin, split));
}
void defined_growth(const std::vector<Digest>& leaves, std::size_t begin, std::size_t end, std::size_t old, bool known, std::vector<Digest>& path) {
    if (old == end) {
        if (!known) path.push_back(defined(leaves, begin, end));
        return;
    }
    const auto split = begin + std::bit_floor(end - begin - 1);
    if (old <= split) defined_growth(leaves, begin, split, old, known, path);
    else defined_growth(leaves, split, end, old, false, path);
    path.push_back(old <= split ? defined(leaves, split, end) : defined(leaves, begin, split));
}

TEST(Merkle, ProvesAsDefinedWhateverTheSizes) {
    Grown tree;
    for (std::size_t size = 1; size <= 70; ++size) {
        tree.add(merkle_leaf(tests::counting(size)));
        for (std::size_t i = 0; i < size; ++i) {
            std::vector<Digest> path, growth;
            defined_path(tree.leaves, 0, size, i, path);
            ASSERT_EQ(inclusion_path(size, i, tree.at_hand()), path) << i << " in " << size;
            if (i > 0) defined_growth(tree.leaves, 0, size, i, true, growth);
            ASSERT_EQ(consistency_path(size, i, tree.at_hand()), growth) << i << " of " << size;
        }
    }
}

TEST(Merkle, AProofAsksForAboutAsManyNodesAsTheTreeIsHigh) {
    std::size_t asked = 0;
    const MerkleNodes count = [&](int, std::uint64_t) { return ++asked, Digest{}; };
    for (const auto index : {0ull, 1ull, 524'287ull, 700'001ull, 999'999ull}) {
        asked = 0;
        inclusion_path(1'000'000, index, count);
        EXPECT_LE(asked, 40u) << index;
        asked = 0;
        consistency_path(1'000'000, index, count);
        EXPECT_LE(asked, 40u) << index;
    }
}

}  // namespace
}  // namespace tenon::crypto
