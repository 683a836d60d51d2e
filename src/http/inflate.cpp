#include "http/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

namespace blindai::http {
namespace {

constexpr int window_bits = 15;
constexpr int gzip_framing = 16;  // zlib.h: added to the bits of the window

std::unexpected<Error> damaged() {
  return fail(Code::invalid_argument, {"the compressed body is damaged, or another coding than Content-Encoding says"});
}
std::unexpected<Error> no_memory() {
  return fail(Code::resource_exhausted, {"the server has no memory for a compressed request now; try again later"});
}

uInt at_most(std::size_t size) {
  return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
}

}  // namespace

void Inflater::End::operator()(z_stream_s* stream) const {
  ::inflateEnd(stream);
  delete stream;  // NOLINT(cppcoreguidelines-owning-memory): the deleter of a unique_ptr
}

Result<Inflater> Inflater::make(Coding coding) {
  Inflater inflater;
  inflater.coding_ = coding;
  auto stream = std::make_unique<z_stream>();
  if (::inflateInit2(stream.get(), window_bits + (coding == Coding::gzip ? gzip_framing : 0)) != Z_OK) {
    return no_memory();
  }
  inflater.stream_.reset(stream.release());
  return inflater;
}

Result<Inflater::Step> Inflater::step(ByteView in, MutableBytes out) {
  Step done;
  while (done.eaten < in.size() || (!ended_ && done.made < out.size())) {
    if (ended_) {
      if (coding_ != Coding::gzip || ::inflateReset(stream_.get()) != Z_OK) {
        return damaged();
      }
      ended_ = false;
    }
    stream_->next_in = const_cast<Bytef*>(in.data() + done.eaten);  // NOLINT: zlib does not write there
    stream_->avail_in = at_most(in.size() - done.eaten);
    stream_->next_out = out.data() + done.made;
    stream_->avail_out = at_most(out.size() - done.made);
    const uInt given = stream_->avail_in;
    const uInt room = stream_->avail_out;
    const int result = ::inflate(stream_.get(), Z_NO_FLUSH);
    done.eaten += given - stream_->avail_in;
    done.made += room - stream_->avail_out;
    if (result == Z_MEM_ERROR) {
      return no_memory();
    }
    const bool stuck = result == Z_BUF_ERROR && stream_->avail_in != 0 && stream_->avail_out != 0;
    if (stuck || (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)) {
      return damaged();
    }
    ended_ = result == Z_STREAM_END;
    if (!ended_ && (stream_->avail_in == 0 || stream_->avail_out == 0)) {
      break;
    }
  }
  return done;
}

}  // namespace blindai::http
