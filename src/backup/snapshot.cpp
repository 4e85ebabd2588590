#include "snapshot.hpp"

#include <algorithm>

#include <base/id.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <crypto/kdf.hpp>
#include <tenon/error.hpp>

namespace tenon::backup {
namespace {

constexpr std::string_view prefix = "snap/";
constexpr std::size_t ulid_digits = 26;

std::int64_t count_of(Time time) { return time.time_since_epoch().count(); }
Time time_of(std::int64_t count) { return Time(Duration(count)); }

std::int64_t read_count(cbor::Reader& reader) { return static_cast<std::int64_t>(reader.uint_at_most(std::uint64_t{1} << 62)); }

Id log_mac(const crypto::Secret& dek, ByteView body) {
    const auto key = crypto::hkdf_expand(dek.bytes(), base::view_of("tenon/1/log"), 32);
    return crypto::hmac_sha256(key.bytes(), body);
}

void write_log_fields(cbor::Writer& out, std::uint64_t seq, const Id& previous, std::string_view type, Time stored, ByteView body) {
    out.uint(1).uint(seq).uint(2).bytes(previous).uint(3).text(type).uint(4).integer(count_of(stored)).uint(5).raw(body);
}

}  // namespace

void write_labels(cbor::Writer& out, const std::vector<Label>& labels) {
    out.array(labels.size());
    for (const auto& label : labels) out.array(2).text(label.key).text(label.value);
}

std::vector<Label> read_labels(cbor::Reader& reader) {
    std::vector<Label> labels;
    for (auto left = reader.array(); left > 0; --left) {
        reader.array_of(2);
        std::string key(reader.text());
        labels.push_back({std::move(key), std::string(reader.text())});
    }
    return labels;
}

SnapshotInfo SnapshotRecord::info() const {
    return {.id = id,
            .name = name,
            .taken_at = claimed,
            .stored_at = stored,
            .tags = tags,
            .held = held,
            .host = host,
            .files = files,
            .folders = folders,
            .bytes = bytes,
            .run = run,
            .cost = cost};
}

ByteVector encode(const SnapshotRecord& s) {
    cbor::Writer out;
    out.map(s.cost ? 16 : 15).uint(1).uint(1).uint(2).bytes(base::bytes_of(s.id)).uint(3).bytes(s.writer).uint(4).bytes(s.session);
    out.uint(5).array(s.parents.size());
    for (const auto& parent : s.parents) out.bytes(base::bytes_of(parent));
    out.uint(6).integer(count_of(s.claimed)).uint(7).integer(count_of(s.stored)).uint(8).text(s.host);
    out.uint(9).array(s.sources.size());
    for (const auto& source : s.sources) {
        out.map(3).uint(1).text(source.name).uint(2).bytes(base::view_of(source.path)).uint(3);
        encode(source.folder, out);
    }
    write_labels(out.uint(10), s.tags);
    out.uint(11).array(2).bytes(s.root_class).bytes(s.root);
    out.uint(12).map(3).uint(1).integer(s.files).uint(2).integer(s.folders).uint(3).integer(s.bytes);
    out.uint(13).bytes(s.log_head).uint(14).array(s.segments.size());
    for (const auto& segment : s.segments) out.bytes(segment);
    out.uint(15).map(2).uint(1).text(s.name).uint(2).bytes(s.options);
    if (s.cost) {
        out.uint(16).map(6).uint(1).text(s.run).uint(2).integer(s.cost->files_new).uint(3).integer(s.cost->files_unchanged);
        out.uint(4).integer(s.cost->bytes_read).uint(5).integer(s.cost->bytes_new).uint(6).integer(s.cost->bytes_stored);
    }
    return out.take();
}

SnapshotRecord decode_snapshot(ByteView payload, const std::string& object) {
    cbor::Reader reader(payload, object);
    SnapshotRecord s;
    cbor::each_key(reader, [&](std::uint64_t key) {
        switch (key) {
            case 1:
                if (reader.uint() != 1) throw Unsupported("this snapshot needs a newer version", {.subject = object});
                return true;
            case 2: s.id = base::id_from<SnapshotId>(reader.fixed<16>()); return true;
            case 3: s.writer = reader.fixed<16>(); return true;
            case 4: s.session = reader.fixed<16>(); return true;
            case 5:
                for (auto left = reader.array(); left > 0; --left) s.parents.push_back(base::id_from<SnapshotId>(reader.fixed<16>()));
                return true;
            case 6: s.claimed = time_of(reader.integer()); return true;
            case 7: s.stored = time_of(reader.integer()); return true;
            case 8: s.host = reader.text(); return true;
            case 9:
                for (auto left = reader.array(); left > 0; --left) {
                    auto& source = s.sources.emplace_back();
                    cbor::each_key(reader, [&](std::uint64_t part) {
                        if (part == 1) source.name = reader.text();
                        else if (part == 2) source.path = base::text_of(reader.bytes());
                        else if (part == 3) source.folder = decode_entry(reader);
                        else return false;
                        return true;
                    });
                }
                return true;
            case 10: s.tags = read_labels(reader); return true;
            case 11:
                reader.array_of(2);
                s.root_class = reader.fixed<16>();
                s.root = reader.fixed<32>();
                return true;
            case 12:
                cbor::each_key(reader, [&](std::uint64_t part) {
                    if (part == 1) s.files = read_count(reader);
                    else if (part == 2) s.folders = read_count(reader);
                    else if (part == 3) s.bytes = read_count(reader);
                    else return false;
                    return true;
                });
                return true;
            case 13: s.log_head = reader.fixed<32>(); return true;
            case 14:
                for (auto left = reader.array(); left > 0; --left) s.segments.push_back(reader.fixed<32>());
                return true;
            case 15:
                cbor::each_key(reader, [&](std::uint64_t part) {
                    if (part == 1) s.name = reader.text();
                    else if (part == 2) s.options = reader.fixed<32>();
                    else return false;
                    return true;
                });
                return true;
            case 16:
                s.cost = SnapshotInfo::Cost{};
                cbor::each_key(reader, [&](std::uint64_t part) {
                    if (part == 1) s.run = reader.text();
                    else if (part == 2) s.cost->files_new = read_count(reader);
                    else if (part == 3) s.cost->files_unchanged = read_count(reader);
                    else if (part == 4) s.cost->bytes_read = read_count(reader);
                    else if (part == 5) s.cost->bytes_new = read_count(reader);
                    else if (part == 6) s.cost->bytes_stored = read_count(reader);
                    else return false;
                    return true;
                });
                return true;
            default: return false;
        }
    });
    reader.expect_done();
    if (s.id.is_nil()) reader.fail();
    return s;
}

std::string snapshot_name(const SnapshotId& id, ByteView object) {
    return std::string(prefix) + id.text().substr(std::string_view(SnapshotId::prefix()).size()) + '-' + hex(crypto::sha256(object));
}

SnapshotId snapshot_id_of(const std::string& name) {
    if (!name.starts_with(prefix) || name.size() != prefix.size() + ulid_digits + 1 + 64) return {};
    try {
        return SnapshotId::parse(SnapshotId::prefix() + name.substr(prefix.size(), ulid_digits));
    } catch (const InvalidArgument&) {
        return {};
    }
}

std::string carried_writer(std::string_view writer, std::uint16_t dek) {
    ByteVector seed;
    base::append(seed, base::view_of(writer));
    base::append_le(seed, dek);
    return hex(crypto::sha256(seed)).substr(0, 32);
}

std::string sequence_text(std::uint64_t seq) {
    auto text = std::to_string(seq);
    return std::string(8 - std::min<std::size_t>(8, text.size()), '0') + text;
}

std::optional<Id16> writer_id(std::string_view hex_text) {
    const auto bytes = crypto::from_hex(hex_text);
    if (!bytes || bytes->size() != sizeof(Id16)) return std::nullopt;
    Id16 id{};
    std::copy(bytes->begin(), bytes->end(), id.begin());
    return id;
}

ByteVector seal_log_record(const Keys& keys, std::uint64_t seq, const Id& previous, std::string_view type, Time stored,
                           ByteView body, const std::vector<Id16>& names) {
    cbor::Writer signed_part;
    signed_part.map(5);
    write_log_fields(signed_part, seq, previous, type, stored, body);
    cbor::Writer out;
    out.map(names.empty() ? 6 : 7);
    write_log_fields(out, seq, previous, type, stored, body);
    const auto& control = keys.ring.control();
    out.uint(6).bytes(log_mac(control.dek.at(control.current()), signed_part.data()));
    if (!names.empty()) {
        ByteVector rows;
        for (const auto& name : names) base::append(rows, name);
        out.uint(8).bytes(rows);
    }
    return seal_object(keys, Kind::log, out.data());
}

LogRecord decode_log_record(ByteView payload, const std::string& object) {
    cbor::Reader reader(payload, object);
    LogRecord record;
    cbor::each_key(reader, [&](std::uint64_t key) {
        switch (key) {
            case 1: record.seq = reader.uint(); return true;
            case 2: record.previous = reader.fixed<32>(); return true;
            case 3: record.type = reader.text(); return true;
            case 4: record.stored = time_of(reader.integer()); return true;
            case 5: {
                const auto item = reader.skip();
                record.body.assign(item.begin(), item.end());
                return true;
            }
            case 6: record.mac = reader.fixed<32>(); return true;
            case 8: {
                const auto rows = reader.bytes();
                if (rows.size() % sizeof(Id16) != 0) reader.fail();
                for (std::size_t at = 0; at < rows.size(); at += sizeof(Id16))
                    std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(at), sizeof(Id16), record.names.emplace_back().begin());
                return true;
            }
            default: return false;
        }
    });
    reader.expect_done();
    return record;
}

LogRecord open_log_record(const Keys& keys, ByteView raw, const std::string& object) {
    auto record = decode_log_record(open_object(keys, Kind::log, raw, object), object);
    cbor::Writer signed_part;
    signed_part.map(5);
    write_log_fields(signed_part, record.seq, record.previous, record.type, record.stored, record.body);
    // With the key that it is sealed with, whichever is the newest.
    std::shared_ptr<const Keys> hold;
    const auto number = decode_header(raw, object).dek;
    const auto& dek = keys.knowing(control_class, number, object, hold).ring.dek(control_class, number, object);
    if (!crypto::equal_constant_time(record.mac, log_mac(dek, signed_part.data())))
        throw Corrupt("a log record was not written with this repository's keys", {.subject = object});
    return record;
}

ProgressRecord decode_progress(ByteView payload, const std::string& object) {
    cbor::Reader reader(payload, object);
    ProgressRecord record;
    cbor::each_key(reader, [&](std::uint64_t key) {
        switch (key) {
            case 1:
                if (reader.uint() != 1) reader.fail();
                return true;
            case 2: record.session = reader.fixed<16>(); return true;
            case 3: record.writer = reader.fixed<16>(); return true;
            case 4: record.options = reader.fixed<32>(); return true;
            case 5: record.started = time_of(reader.integer()); return true;
            case 6: record.last_path = base::text_of(reader.bytes()); return true;
            case 7:
                for (auto left = reader.array(); left > 0; --left) {
                    reader.array_of(2);
                    auto& folder = record.open.emplace_back();
                    folder.name = base::text_of(reader.bytes());
                    folder.nodes = decode_open_nodes(reader);
                }
                return true;
            case 8: {
                const auto count = reader.array();
                if (count != record.open.size()) reader.fail();
                for (auto& folder : record.open) folder.class_id = reader.fixed<16>();
                return true;
            }
            default: return false;
        }
    });
    reader.expect_done();
    return record;
}

}  // namespace tenon::backup
