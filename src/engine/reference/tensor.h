// Private to this folder: tensors of the reference engine, and the memory that a run may hold.
//
// Elements are copied in and out byte by byte: a weight lies where its file has it, aligned or not. Every access is
// checked (std::span::subspan asserts), so a wrong index ends the process instead of reading what lies beside.
//
// Thread rule: a finished Tensor may be read by many threads; a Draft and a Run belong to one.
#pragma once

#include <atomic>
#include <cstring>
#include <memory>

#include "base/tensor.h"

namespace blindai::engine::reference {

struct Tensor {
  DataType datatype{};
  Shape shape;
  ByteView data;
  std::shared_ptr<const void> owner;  // of `data`; none where it lies in memory that outlives the run

  std::size_t count() const { return data.size() / element_size(datatype); }
  template <typename T>
  T at(std::size_t index) const {
    T value;
    std::memcpy(&value, data.subspan(index * sizeof(T), sizeof(T)).data(), sizeof(T));
    return value;
  }
};

// A tensor while it is being written; zeros at first.
class Draft {
 public:
  Draft(DataType datatype, Shape shape, std::shared_ptr<Bytes> bytes)
      : datatype_(datatype), shape_(std::move(shape)), bytes_(std::move(bytes)) {}

  std::size_t count() const { return bytes_->size() / element_size(datatype_); }
  MutableBytes bytes() { return *bytes_; }
  template <typename T>
  void set(std::size_t index, T value) {
    std::memcpy(bytes().subspan(index * sizeof(T), sizeof(T)).data(), &value, sizeof(T));
  }
  Tensor finish() && { return {datatype_, std::move(shape_), *bytes_, std::move(bytes_)}; }

 private:
  DataType datatype_;
  Shape shape_;
  std::shared_ptr<Bytes> bytes_;
};

// One run of a model: what it may still allocate, and whether somebody asked it to end. Outlives its tensors.
class Run {
 public:
  Run(std::uint64_t bytes, const std::atomic<bool>& ended) : left_(bytes), ended_(ended) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // Errors: invalid_argument where the shape cannot be, resource_exhausted over the limit.
  Result<Draft> make(DataType datatype, Shape shape);
  // To be called every few thousand steps. Error: cancelled.
  Result<void> keep_going() const;

 private:
  std::uint64_t left_;
  const std::atomic<bool>& ended_;
};

}  // namespace blindai::engine::reference
