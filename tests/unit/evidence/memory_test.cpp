// How much memory an appraisal holds: little for real evidence, bounded for rubbish. A program of its own, since it counts
// every allocation of the process.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "chains/dcap.h"
#include "chains/snp.h"
#include "evidence/decide.h"

namespace {

std::atomic<std::size_t> held{0};
std::atomic<std::size_t> most_held{0};
std::atomic<std::size_t> largest{0};
constexpr std::size_t header = 16;  // keeps the alignment of malloc

void raise_to(std::atomic<std::size_t>& mark, std::size_t value) {
  std::size_t seen = mark;
  while (value > seen && !mark.compare_exchange_weak(seen, value)) {
  }
}

void* counted(std::size_t size) {
  void* block = std::malloc(size + header);  // NOLINT(cppcoreguidelines-no-malloc)
  if (block == nullptr) {
    throw std::bad_alloc();
  }
  *static_cast<std::size_t*>(block) = size;
  raise_to(most_held, held += size);
  raise_to(largest, size);
  return static_cast<char*>(block) + header;
}

void uncounted(void* pointer) {
  if (pointer != nullptr) {
    void* block = static_cast<char*>(pointer) - header;
    held -= *static_cast<std::size_t*>(block);
    std::free(block);  // NOLINT(cppcoreguidelines-no-malloc)
  }
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {  // sanitizers have one of their own
  try {
    return counted(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* pointer) noexcept { uncounted(pointer); }
void operator delete(void* pointer, std::size_t) noexcept { uncounted(pointer); }

namespace blindai::evidence {
namespace {

using chains::Case;

constexpr std::size_t mib = 1024 * 1024;

Policy policy() {
  Policy any;
  any.sgx.emplace().tcb_status = {dcap::TcbStatus::up_to_date};
  any.tdx.emplace().tcb_status = {dcap::TcbStatus::up_to_date};
  any.snp.emplace().products = {Product::milan, Product::genoa, Product::turin};
  return any;
}

struct Memory {
  bool accepted = false;
  std::size_t most = 0;     // held at once, above what was held before
  std::size_t largest = 0;  // allocation
};

Memory appraise_counted(const Case& made, CollateralCache* cache = nullptr) {
  Collateral collateral;
  for (const auto& [name, bytes] : made.collateral) {
    collateral.set(name, bytes);
  }
  const Item item{made.type, made.evidence, {}};
  const Policy any = policy();
  const std::size_t before = held;
  most_held = before;
  largest = 0;
  Report report;
  const bool accepted = appraise_under(made.roots, item, collateral, any, made.at, report, cache).has_value();
  return {accepted, most_held - before, largest};
}

TEST(MemoryOfAnAppraisal, IsUnderOneMibForRealEvidence) {
  for (const Case& made : {chains::sgx().seal(), chains::tdx(5, 4).seal(), chains::snp(Product::milan).seal(),
                           chains::snp(Product::turin, chains::SnpKey::vlek, 5).seal()}) {
    CollateralCache cache;
    for (CollateralCache* kept : {static_cast<CollateralCache*>(nullptr), &cache, &cache}) {
      const Memory memory = appraise_counted(made, kept);
      EXPECT_TRUE(memory.accepted);
      EXPECT_LT(memory.most, mib);
    }
  }
}

// Documents of the largest size, signed, of shapes that are small as text and large as values.
std::vector<std::string> large_shapes() {
  const std::size_t room = 255 * 1024;
  const auto repeated = [&](std::string_view open, std::string_view unit, std::string_view close) {
    std::string text(open);
    while (text.size() + unit.size() + close.size() + 1 < room) {
      text += text.size() == open.size() ? "" : ",";
      text += unit;
    }
    return text + std::string(close);
  };
  std::string members = "{";
  for (int i = 0; members.size() + 16 < room; ++i) {
    members += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
  }
  return {repeated("[", "0", "]"),
          repeated("[", "[]", "]"),
          repeated("[", "{}", "]"),
          repeated("[", "\"\"", "]"),
          repeated("[", "[[[[[[[[[[]]]]]]]]]]", "]"),
          repeated("{\"tcbLevels\":[", "{}", "]}"),
          repeated("{\"tcbLevels\":[", "0", "]}"),
          members + "}",
          "\"" + std::string(room, 'x') + "\"",
          std::string(room, '[')};
}

TEST(MemoryOfAnAppraisal, IsBoundedForDocumentsOfEveryShape) {
  for (const std::string& shape : large_shapes()) {
    chains::Dcap chain = chains::tdx();
    chain.tcb_info.edit_signed = chain.qe_identity.edit_signed = [&](std::string& text) { text = shape; };
    const Memory memory = appraise_counted(chain.seal());
    EXPECT_FALSE(memory.accepted);
    EXPECT_LE(memory.largest, 8 * mib) << shape.substr(0, 20);
    EXPECT_LE(memory.most, 32 * mib) << shape.substr(0, 20);
  }
}

TEST(MemoryOfAnAppraisal, IsBoundedForRubbishInPlaceOfAnything) {
  Bytes blocks;
  while (blocks.size() + 200 < mib) {
    append(blocks, as_bytes(chains::pem(ByteView(Bytes(16, 0x30)))));
  }
  for (const Case& made : {chains::sgx().seal(), chains::snp(Product::genoa).seal()}) {
    for (const Bytes& rubbish : {Bytes(mib), Bytes(mib, '['), Bytes(mib, 0x30), blocks}) {
      Case hostile = made;
      hostile.evidence = rubbish;
      EXPECT_LE(appraise_counted(hostile).most, mib);
      for (const auto& [name, bytes] : made.collateral) {
        hostile = made;
        hostile.collateral[name] = rubbish;
        const Memory memory = appraise_counted(hostile);
        EXPECT_LE(memory.largest, 8 * mib) << name;
        EXPECT_LE(memory.most, 8 * mib) << name;
      }
    }
  }
}

TEST(MemoryOfAnAppraisal, OfTheLargestRevocationListIsAFewCopiesOfIt) {
  chains::Dcap chain = chains::sgx();
  for (std::uint32_t i = 0; i < 17'000; ++i) {
    Bytes serial(20, 0x55);
    serial[18] = static_cast<std::uint8_t>(i >> 8U);
    serial[19] = static_cast<std::uint8_t>(i);
    chain.pck_crl.revoked.push_back({serial, chains::noon});
  }
  const Case made = chain.seal();
  const Memory memory = appraise_counted(made);
  EXPECT_TRUE(memory.accepted);
  EXPECT_LE(memory.most, 3 * made.collateral.at("pck_crl").size());
}

TEST(MemoryOfAnAppraisal, IsGivenBack) {
  const Case made = chains::tdx().seal();
  appraise_counted(made);
  const std::size_t before = held;
  appraise_counted(made);
  EXPECT_EQ(held, before);
}

}  // namespace
}  // namespace blindai::evidence
