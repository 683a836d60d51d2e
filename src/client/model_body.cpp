#include "client/model_body.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/cbor.h"
#include "base/checked.h"

namespace blindai::client {
namespace {

std::unexpected<Error> changed(const std::string& name) {
  return fail(Code::model_rejected,
              {"the file {} changed while it was being uploaded: upload it again", Disclosed(name)});
}

// Reads at most out.size() bytes at an offset; 0 at the end of the file.
Result<std::size_t> read_at(int fd, MutableBytes out, std::uint64_t offset, const std::string& name) {
  while (true) {
    const ssize_t got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (got >= 0) {
      return static_cast<std::size_t>(got);
    }
    if (errno != EINTR) {
      return fail_errno(Code::model_rejected, {"the file {} cannot be read", Disclosed(name)}, "pread");
    }
  }
}

// The digest that `hash` comes to, with the words that fit a file on disk.
Result<Digest> finish(crypto::FileHash& hash, const std::string& name, const std::function<bool()>& interrupted) {
  auto digest = hash.finish(interrupted);
  return digest || digest.error().code == Code::cancelled ? std::move(digest) : changed(name);
}

}  // namespace

Result<ModelBody::Source> ModelBody::open_source(const ModelFile& file) {
  Source source;
  source.name = file.name;
  source.fd = UniqueFd(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!source.fd) {
    const Code code = errno == ENOENT ? Code::not_found : Code::model_rejected;
    return fail_errno(code, {"the file {} of the model cannot be opened", Disclosed(file.name)}, "open");
  }
  struct stat status{};
  if (::fstat(source.fd.get(), &status) != 0) {
    return fail_errno(Code::model_rejected, {"the file {} cannot be read", Disclosed(file.name)}, "fstat");
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(Code::model_rejected, {"{} is not a regular file", Disclosed(file.name)});
  }
  source.size = static_cast<std::uint64_t>(status.st_size);
  return source;
}

Result<ModelBody> ModelBody::open(const std::vector<ModelFile>& files, const std::function<bool()>& interrupted) {
  if (files.empty() || files.size() > max_model_files) {
    return fail(Code::invalid_argument, {"a model is made of 1 to {} files", max_model_files});
  }
  ModelBody body;
  body.interrupted_ = interrupted;
  for (const auto& file : files) {
    BLINDAI_TRY(Source source, open_source(file));
    const auto total = checked_add(body.file_bytes_, source.size);
    if (!total) {
      return fail(Code::too_large, {"the files of the model are too large"});
    }
    body.file_bytes_ = *total;
    body.files_.push_back(std::move(source));
  }
  if (body.files_.front().size == 0) {
    return fail(Code::model_rejected, {"the model file {} is empty", Disclosed(body.files_.front().name)});
  }
  std::sort(body.files_.begin() + 1, body.files_.end(),
            [](const Source& a, const Source& b) { return a.name < b.name; });
  for (std::size_t i = 0; i < body.files_.size(); ++i) {
    const bool like_model = i > 0 && body.files_[i].name == body.files_.front().name;
    if (like_model || (i > 1 && body.files_[i].name == body.files_[i - 1].name)) {
      return fail(Code::invalid_argument, {"the file {} is in the model twice", Disclosed(body.files_[i].name)});
    }
  }
  if (body.is_bundle()) {
    BLINDAI_CHECK(body.make_head());
  } else {
    BLINDAI_TRY(body.hash_, crypto::FileHash::of(body.files_.front().fd, std::make_shared<crypto::HashThread>()));
  }
  return body;
}

Result<void> ModelBody::make_head() {
  cbor::Array list;
  for (const Source& source : files_) {
    BLINDAI_TRY(auto hash, crypto::FileHash::of(source.fd, nullptr));
    hash.grown_to(source.size);
    BLINDAI_TRY(const Digest digest, finish(hash, source.name, interrupted_));
    list.emplace_back(cbor::Array{source.name, static_cast<std::int64_t>(source.size), cbor::Value(digest)});
  }
  const Bytes index = cbor::encode(cbor::Map{{"ctx", "blindai model v1"}, {"files", std::move(list)}});
  const auto size = checked_cast<std::uint32_t>(index.size());
  if (!size) {
    return fail(Code::too_large, {"the names of the files of the model are too long"});
  }
  for (int shift = 24; shift >= 0; shift -= 8) {
    head_.push_back(static_cast<std::uint8_t>(*size >> static_cast<unsigned>(shift)));
  }
  append(head_, index);
  digest_ = crypto::sha256(index);
  return {};
}

Result<Digest> ModelBody::digest() {
  if (!digest_) {
    const Source& source = files_.front();
    if (current_ < files_.size()) {
      return fail(Code::internal, {"the model has not been sent as a whole"});
    }
    BLINDAI_TRY(digest_, finish(*hash_, source.name, interrupted_));
  }
  return *digest_;
}

void ModelBody::skip_finished() {
  while (current_ < files_.size() && offset_ == files_[current_].size) {
    ++current_;
    offset_ = 0;
  }
}

Result<std::size_t> ModelBody::read(MutableBytes out) {
  skip_finished();
  if (current_ == files_.size() || out.empty()) {
    return std::size_t{0};
  }
  const Source& source = files_[current_];
  const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), source.size - offset_));
  BLINDAI_TRY(const std::size_t got, read_at(source.fd.get(), out.first(want), offset_, source.name));
  if (got == 0) {
    return changed(source.name);
  }
  offset_ += got;
  if (hash_) {
    hash_->grown_to(offset_);
  }
  skip_finished();
  return got;
}

}  // namespace blindai::client
