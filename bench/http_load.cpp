#include "bench/http_load.h"

#include <fmt/format.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/vector_body.hpp>
#include <memory>

namespace blindai::bench {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using Failed = boost::system::error_code;

constexpr std::uint64_t max_answer_bytes = std::uint64_t{1} << 30U;

struct Place {
  bool tls = false;
  std::string host;
  std::string port;
  std::string path;
};

Result<Place> parse(const std::string& url) {
  Place place;
  place.tls = url.starts_with("https://");
  const std::size_t begin = place.tls ? 8 : 7;
  const std::size_t slash = url.find('/', begin);
  const std::string authority = url.substr(begin, slash == std::string::npos ? slash : slash - begin);
  const std::size_t colon = authority.rfind(':');
  if ((!place.tls && !url.starts_with("http://")) || colon == std::string::npos || colon == 0 ||
      colon + 1 == authority.size()) {
    return fail(Code::invalid_argument, {"a URL here is http://host:port/path, or https"});
  }
  place.host = authority.substr(0, colon);
  place.port = authority.substr(colon + 1);
  place.path = slash == std::string::npos ? "/" : url.substr(slash);
  return place;
}

// One connection; it is made anew after a failure.
class Caller {
 public:
  Caller(const Place& place, const HttpTarget& target) : place_(place), target_(target) {
    tls_.set_verify_mode(asio::ssl::verify_none);
    request_ = fmt::format("POST {} HTTP/1.1\r\nHost: {}:{}\r\nContent-Length: {}\r\n", place.path, place.host,
                           place.port, target.body.size());
    for (const std::string& header : target.headers) {
      request_ += header + "\r\n";
    }
    request_ += "\r\n";
  }

  std::optional<std::string> ask() {
    if (!stream_ && !connect()) {
      return "no connection";
    }
    return place_.tls ? exchange(*stream_) : exchange(stream_->next_layer());
  }

 private:
  using Stream = asio::ssl::stream<tcp::socket>;

  bool connect() {
    Failed failed;
    tcp::resolver resolver(io_);
    const auto found = resolver.resolve(place_.host, place_.port, failed);
    auto stream = std::make_unique<Stream>(io_, tls_);
    if (!failed) {
      asio::connect(stream->next_layer(), found, failed);
    }
    if (!failed) {
      stream->next_layer().set_option(tcp::no_delay(true), failed);
    }
    if (!failed && place_.tls) {
      stream->handshake(Stream::client, failed);
    }
    if (failed) {
      return false;
    }
    buffer_.clear();
    stream_ = std::move(stream);
    return true;
  }

  template <typename Sync>
  std::optional<std::string> exchange(Sync& stream) {
    Failed failed;
    const std::array<asio::const_buffer, 2> parts = {asio::buffer(request_),
                                                     asio::buffer(target_.body.data(), target_.body.size())};
    asio::write(stream, parts, failed);
    beast::http::response_parser<beast::http::vector_body<std::uint8_t>> parser;
    parser.body_limit(max_answer_bytes);
    if (!failed) {
      beast::http::read(stream, buffer_, parser, failed);
    }
    if (failed) {
      stream_.reset();
      return "connection broken";
    }
    const auto& answer = parser.get();
    if (!answer.keep_alive()) {
      stream_.reset();
    }
    if (answer.result_int() != 200) {
      return fmt::format("HTTP {}", answer.result_int());
    }
    return answer.body().size() < target_.answer_bytes ? std::optional<std::string>("short answer") : std::nullopt;
  }

  const Place& place_;
  const HttpTarget& target_;
  asio::io_context io_;
  asio::ssl::context tls_{asio::ssl::context::tls_client};
  std::string request_;  // its head
  std::unique_ptr<Stream> stream_;
  beast::flat_buffer buffer_;
};

}  // namespace

Result<json::Object> http_load(const HttpTarget& target, const LoadShape& shape) {
  BLINDAI_TRY(const Place place, parse(target.url));
  return run_load(
      [&]() -> Result<Ask> {
        auto caller = std::make_shared<Caller>(place, target);  // shared: a std::function is copied
        return Ask([caller] { return caller->ask(); });
      },
      shape);
}

}  // namespace blindai::bench
