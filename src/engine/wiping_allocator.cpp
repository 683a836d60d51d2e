#include "engine/wiping_allocator.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace blindai::engine {
namespace {

const WipingAllocator& self(const OrtAllocator* allocator) { return *static_cast<const WipingAllocator*>(allocator); }

WipingAllocator& of_the_process() {
  static auto* const allocator = new WipingAllocator(&std::free);  // NOLINT: sessions hold it to the very end
  return *allocator;
}

// memset() of memory that nobody reads again, which the compiler must not leave out.
void wipe(void* memory, std::size_t size) {
  std::memset(memory, 0, size);
  asm volatile("" : : "r"(memory) : "memory");  // NOLINT(hicpp-no-assembler)
}

}  // namespace

WipingAllocator::WipingAllocator(Release release)
    : OrtAllocator{}, release_(release), info_(Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault)) {
  version = ORT_API_VERSION;
  Alloc = [](OrtAllocator* allocator, std::size_t size) { return self(allocator).allocate(size); };
  Reserve = Alloc;
  Free = [](OrtAllocator* allocator, void* place) { self(allocator).free(place); };
  Info = [](const OrtAllocator* allocator) -> const OrtMemoryInfo* { return self(allocator).info_; };
}

void* WipingAllocator::allocate(std::size_t size) const {
  if (size == 0) {
    return nullptr;
  }
  if (size > PTRDIFF_MAX - 2 * wiping_head_bytes) {
    throw std::bad_alloc();
  }
  const std::size_t whole = (size + 2 * wiping_head_bytes - 1) / wiping_head_bytes * wiping_head_bytes;
  void* const block = std::aligned_alloc(wiping_head_bytes, whole);
  if (block == nullptr) {
    throw std::bad_alloc();
  }
  std::memcpy(block, &size, sizeof(size));
  void* const place = static_cast<std::uint8_t*>(block) + wiping_head_bytes;
  if (fill) {
    std::memset(place, *fill, size);
  }
  return place;
}

void WipingAllocator::free(void* place) const {
  if (place == nullptr) {
    return;
  }
  void* const block = static_cast<std::uint8_t*>(place) - wiping_head_bytes;
  std::size_t size = 0;
  std::memcpy(&size, block, sizeof(size));
  wipe(place, size);
  release_(block);
}

Registration::Registration(OrtEnv* env, std::optional<std::uint8_t> fill) : env_(env), allocator_(of_the_process()) {
  of_the_process().fill = fill;
  Ort::ThrowOnError(Ort::GetApi().RegisterAllocator(env_, &of_the_process()));
}

Registration::~Registration() { Ort::Status(Ort::GetApi().UnregisterAllocator(env_, allocator_.Info(&allocator_))); }

}  // namespace blindai::engine
