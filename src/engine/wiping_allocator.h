// Private to this folder: the memory that ONNX Runtime keeps tensors in. What the engine frees is overwritten with zeros
// first, so that nothing of one request lies where the next one's tensors are put, and stays in no arena.
//
// Not under it: stacks, elements of string tensors, and the small buffers in which threads reorder the operands of a
// product; none of them is ever given out as a tensor.
//
// Thread rule: any thread; there is one for the process, and it is never destroyed.
#pragma once

#include <onnxruntime_cxx_api.h>

#include <cstdint>
#include <optional>

namespace blindai::engine {

class WipingAllocator : public OrtAllocator {
 public:
  using Release = void (*)(void* block);
  // `release` gives a block back to the system once it is wiped.
  explicit WipingAllocator(Release release);
  WipingAllocator(const WipingAllocator&) = delete;
  WipingAllocator& operator=(const WipingAllocator&) = delete;
  ~WipingAllocator() = default;

  // 64-byte aligned; nothing for no bytes. Throws std::bad_alloc, which the engine takes as it takes its own.
  void* allocate(std::size_t size) const;
  void free(void* place) const;

  // For tests: each byte of what is given out holds this until it is written.
  std::optional<std::uint8_t> fill;

 private:
  const Release release_;
  const Ort::MemoryInfo info_;
};

// In front of each block, out of the engine's sight.
inline constexpr std::size_t wiping_head_bytes = 64;

// Has sessions of this environment use it, where their options say `session.use_env_allocators`. Throws Ort::Exception.
class Registration {
 public:
  Registration(OrtEnv* env, std::optional<std::uint8_t> fill);
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration();

 private:
  OrtEnv* env_;
  const WipingAllocator& allocator_;
};

}  // namespace blindai::engine
