#!/usr/bin/env python3
"""The vocabulary test notices what it is for: each of these headers is refused, or let pass, for its own reason."""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
import vocabulary  # noqa: E402

REFUSED = {
    "std::function": "class Door { public: void open(std::function<void()> then); };",
    "a span": "class Door { public: void open(std::span<const int> keys); };",
    "a map": "struct Door { std::map<std::string, std::string> labels{}; };",
    "a map in a vector": "struct Door { std::vector<std::map<int, int>> labels{}; };",
    "a raw pointer": "class Door { public: Door* next(); };",
    "a pointer parameter": "class Door { public: void open(const char* name); };",
    "text from another function": "class Door { public: const char* name() const; };",
    "a reference out": "class Door { public: void read(std::string& name); };",
    "a shared pointer": "class Door { public: explicit Door(std::shared_ptr<int> impl); };",
    "a reserved method": "class Door { public: void wait(); };",
    "a reserved field": "struct Door { int event = 0; };",
    "a reserved parameter": "class Door { public: void open(int lock); };",
    "a reserved item": "enum class Door { open = 1, base = 2 };",
    "a method of Java's Object": "class Door { public: std::string to_string() const; };",
    "no initialiser": "struct Door { int width; };",
    "no initialiser of a string": "struct Door { std::string name; };",
    "public data of a handle": "class Door { public: int width = 0; };",
    "a plain enum": "enum Door { open_door, closed_door };",
    "a template": "template <class T> T open(T door);",
    "an alias": "using Doors = std::vector<int>;",
    "an unknown type": "struct Door { Window window{}; };",
    "a float": "struct Door { float width = 0; };",
    "an operator": "struct Door { int width = 0; bool operator<(const Door& other) const; };",
}
ALLOWED = {
    "values": "struct Door { std::string name{}; std::optional<Duration> closes{}; std::vector<std::string> keys{}; double w = 0; };",
    "a handle": "struct DoorImpl; class Door { public: std::optional<Door> find(const std::string& name) const;"
                " private: std::shared_ptr<DoorImpl> impl_; };",
    "text": "enum class Door { open = 1 }; const char* to_string(Door door) noexcept;",
    "data": "class Door { public: const unsigned char* data() const; std::size_t size() const; };",
    "moving": "class Door { public: Door(Door&& other) noexcept; Door& operator=(Door&& other) noexcept; };",
    "comfort": "struct Door { int width = 0;\n#ifndef SWIG\nbool operator<(const Door& other) const;\n#endif\n};",
}
PREAMBLE = """namespace tenon {
using Time = std::chrono::sys_time<std::chrono::microseconds>;
using Duration = std::chrono::microseconds;
"""


def problems(text):
    with tempfile.TemporaryDirectory() as temp:
        (pathlib.Path(temp) / "tenon").mkdir()
        (pathlib.Path(temp) / "tenon" / "door.hpp").write_text(f"{PREAMBLE}{text}\n}}\n")
        return vocabulary.judge(pathlib.Path(temp))[0]


wrong = [f"let pass: {what}" for what, text in REFUSED.items() if not problems(text)]
wrong += [f"refused: {what}: {problems(text)}" for what, text in ALLOWED.items() if problems(text)]
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
