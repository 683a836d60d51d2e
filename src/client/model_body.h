// The body of an upload, made of the files of a model as they lie on disk. Design section 9.1.
//
// One file is sent as it is, and hashed behind that by a thread of its own. A bundle begins with a head that holds the digest of each file,
// so its files are hashed first and then sent; a file that changes in between does not fit the head, and the server
// refuses it. Files are opened once.
//
// Thread rule: a ModelBody belongs to one thread.
#pragma once

#include <functional>
#include <vector>

#include "base/fd.h"
#include "client/client.h"
#include "crypto/file_hash.h"

namespace blindai::client {

inline constexpr std::size_t max_model_files = 1024;

class ModelBody {
 public:
  // Opens the files and, for a bundle, hashes them. `interrupted` ends hashing with Code::cancelled. Errors:
  // invalid_argument (no file, a name twice), not_found, model_rejected (empty, not a regular file, changed).
  static Result<ModelBody> open(const std::vector<ModelFile>& files, const std::function<bool()>& interrupted);

  bool is_bundle() const { return files_.size() > 1; }
  ByteView head() const { return head_; }                   // of a bundle: length and CBOR
  std::uint64_t file_bytes() const { return file_bytes_; }  // of all files; what read() gives
  std::uint64_t total_bytes() const { return head_.size() + file_bytes_; }
  // The next bytes of the files. Errors: model_rejected where a file has become shorter.
  Result<std::size_t> read(MutableBytes out);
  // Digest of the model, once every byte has been read; may still have to hash a good part of them. Errors: cancelled,
  // and model_rejected where the file changed.
  Result<Digest> digest();

 private:
  struct Source {
    std::string name;
    UniqueFd fd;
    std::uint64_t size = 0;
  };
  ModelBody() = default;
  static Result<Source> open_source(const ModelFile& file);
  Result<void> make_head();
  void skip_finished();

  std::vector<Source> files_;
  Bytes head_;
  std::uint64_t file_bytes_ = 0;
  std::function<bool()> interrupted_;
  std::optional<Digest> digest_;          // of a bundle from the start
  std::optional<crypto::FileHash> hash_;  // of a single file
  std::size_t current_ = 0;
  std::uint64_t offset_ = 0;
};

}  // namespace blindai::client
