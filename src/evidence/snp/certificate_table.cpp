#include "evidence/snp/certificate_table.h"

#include <algorithm>
#include <vector>

#include "evidence/byte_reader.h"

namespace blindai::evidence::snp {
namespace {

constexpr const char* item_name = "certificate_table";
constexpr std::size_t entry_bytes = 24;

using Guid = std::array<std::uint8_t, 16>;

// A GUID as RFC 9562 writes it; the table holds its bytes in the same order.
consteval Guid guid(std::string_view text) {
  const auto nibble = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
  Guid out{};
  std::size_t digit = 0;
  for (const char c : text) {
    if (c != '-') {
      auto& byte = out.at(digit++ / 2);
      byte = static_cast<std::uint8_t>(unsigned{byte} << 4U | nibble(c));
    }
  }
  return out;
}

constexpr Guid vcek = guid("63da758d-e664-4564-adc5-f4b93be8accd");
constexpr Guid vlek = guid("a8074bc2-a25a-483e-aae6-39c045a0b8a1");
constexpr Guid ask = guid("4ab7b379-bbac-4fe4-a02f-05aef327c782");
constexpr Guid ark = guid("c0b406a4-a803-4952-9743-3fb6014cd0ae");
constexpr Guid crl = guid("92f81bc3-5811-4d3d-97ff-d19f88dc67ea");

struct Entry {
  Guid guid{};
  std::size_t offset = 0;
  std::size_t length = 0;
};

// The entries before the closing one, in the order of the table. Each GUID once.
Parsed<std::vector<Entry>> read_head(ByteView table) {
  ByteReader reader(table);
  std::vector<Entry> entries;
  while (true) {
    Entry entry;
    entry.guid = reader.array<16>();
    entry.offset = reader.number<std::uint32_t>();
    entry.length = reader.number<std::uint32_t>();
    BLINDAI_REQUIRE(reader.good(), Reason::bad_collateral_format, item_name);
    if (entry.guid == Guid{}) {
      return entries;
    }
    BLINDAI_REQUIRE(entries.size() < max_certificate_table_entries, Reason::bad_collateral_format, item_name);
    const bool twice = std::ranges::find(entries, entry.guid, &Entry::guid) != entries.end();
    BLINDAI_REQUIRE(!twice, Reason::bad_collateral_format, item_name);
    entries.push_back(entry);
  }
}

// Every entry behind the head, inside the table, and none over another.
Parsed<void> require_apart(std::vector<Entry> entries, std::size_t table_bytes) {
  std::ranges::sort(entries, {}, &Entry::offset);
  std::size_t free_from = (entries.size() + 1) * entry_bytes;
  for (const Entry& entry : entries) {
    BLINDAI_REQUIRE(entry.offset >= free_from, Reason::bad_collateral_format, item_name);
    BLINDAI_REQUIRE(entry.offset <= table_bytes && entry.length <= table_bytes - entry.offset,
                    Reason::bad_collateral_format, item_name);
    free_from = entry.offset + entry.length;
  }
  return {};
}

// Collateral holds AMD's authorities as PEM (RFC 7468), as its service gives them.
Bytes to_pem(ByteView der) {
  constexpr std::size_t line = 64;
  const std::string body = to_base64(der);
  std::string out = "-----BEGIN CERTIFICATE-----\n";
  for (std::size_t at = 0; at < body.size(); at += line) {
    out += body.substr(at, line) + "\n";
  }
  out += "-----END CERTIFICATE-----\n";
  return copy(as_bytes(out));
}

void add(Collateral& out, const Entry& entry, ByteView content, KeyKind kind) {
  if (entry.guid == (kind == KeyKind::vcek ? vcek : vlek)) {
    out.set("vek", copy(content));
  } else if (entry.guid == ask) {
    out.set(kind == KeyKind::vcek ? "ask" : "asvk", to_pem(content));
  } else if (entry.guid == ark) {
    out.set("ark", to_pem(content));
  } else if (entry.guid == crl) {
    out.set("ark_crl", copy(content));
  }
}

}  // namespace

Parsed<Collateral> read_certificate_table(ByteView table, KeyKind kind, Effort& effort) {
  BLINDAI_REQUIRE(table.size() <= max_certificate_table_bytes, Reason::bad_collateral_format, item_name);
  effort.bytes_read += table.size();
  BLINDAI_TRY(const std::vector<Entry> entries, read_head(table));
  BLINDAI_CHECK(require_apart(entries, table.size()));
  Collateral out;
  for (const Entry& entry : entries) {
    add(out, entry, table.subspan(entry.offset, entry.length), kind);
  }
  return out;
}

}  // namespace blindai::evidence::snp
