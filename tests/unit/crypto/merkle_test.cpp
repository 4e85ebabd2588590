#include <crypto/merkle.hpp>

#include <bit>

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

}  // namespace
}  // namespace tenon::crypto
