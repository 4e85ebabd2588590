// Signed notes: one text for one content, and no other bytes open.
#include <gtest/gtest.h>

#include <crypto/note.hpp>

namespace tenon::crypto {
namespace {

TEST(Note, opens_for_its_key_and_origin_alone_and_no_other_byte_may_be_in_it) {
    const auto key = SigningKey::from_seed(Secret(32).bytes()), other = SigningKey::generate();
    const std::string text = "first line\nsecond line\n";
    const auto note = sign_note("backup", text, key);
    EXPECT_EQ(open_note("backup", note, key.public_key()), text);
    EXPECT_EQ(text_of_note(note), text);
    EXPECT_FALSE(open_note("audit", note, key.public_key()));
    EXPECT_FALSE(open_note("backup", note, other.public_key()));
    for (std::size_t i = 0; i < note.size(); ++i) {
        auto changed = note;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        EXPECT_FALSE(open_note("backup", changed, key.public_key())) << i;
        EXPECT_FALSE(open_note("backup", note.substr(0, i), key.public_key())) << i;
    }
    for (const auto& more : {note + "x", note + "\n", "x" + note, note + note, std::string()})
        EXPECT_FALSE(open_note("backup", more, key.public_key())) << more;
    EXPECT_TRUE(note_key_text("backup", key.public_key()).starts_with(note_key_name("backup", key.public_key()) + "+"));
}

}  // namespace
}  // namespace tenon::crypto
