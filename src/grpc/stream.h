// Private to this folder: one call, which is one stream of HTTP/2.
#pragma once

#include "grpc/event.h"
#include "grpc/framing.h"
#include "http/inflate.h"

namespace blindai::grpc {

class Session;

// The header fields of a request, as many as mean something.
struct Fields {
  std::string method;
  std::string content_type;
  std::string encoding;  // grpc-encoding
  std::string timeout;   // grpc-timeout
  Head head;
  std::size_t bytes = 0;  // of all fields, RFC 9113 section 10.5.1
  bool doubled = false;   // one that decides something stands twice
  void add(std::string_view name, std::string_view value, std::size_t limit);
};

// Of grpc-encoding; nothing for one that is not taken.
std::optional<http::Coding> coding_of(std::string_view encoding);

class Stream final : public Call {
 public:
  Stream(Session& session, std::int32_t id);

  const Head& head() const override { return fields.head; }
  http::Connection& connection() override;
  boost::asio::any_io_executor executor() const override;
  bool gone() const override { return gone_; }
  bool draining() const override;
  Task<void> until_over() override;
  void add_metadata(std::string name, std::string value) override {
    metadata_.emplace_back(std::move(name), std::move(value));
  }
  Task<Result<std::optional<Message>>> read() override;
  Task<Result<void>> write(std::span<const ByteView> parts) override;
  Task<Result<void>> write_last(std::span<const ByteView> parts) override;

  // For the session.
  Fields fields;
  std::int32_t id() const { return id_; }
  void accept(Memory& memory, const Method& method);
  void feed(ByteView bytes);
  bool input_ended() const { return input_ended_; }
  void end_input();
  // The status of the call; ignored where it has one.
  void finish(const Result<void>& done);
  bool finished() const { return finished_; }
  void close();  // whoever reads or writes gives up
  // Bytes of the answer for HTTP/2 to send: so many, or none now. `ended`: the status is to follow.
  std::size_t produce(MutableBytes out, bool& ended);
  // The status, as gRPC has it.
  int status() const { return status_; }
  const std::vector<std::pair<std::string, std::string>>& metadata() const { return metadata_; }
  const std::string& status_message() const { return status_message_; }
  // Ends what stands still for too long.
  void look(Steady::time_point now, const http::Limits& http, const Limits& limits);

 private:
  Task<Result<std::optional<Message>>> opened(Deframer::Taken taken);
  Task<Result<void>> send(std::span<const ByteView> parts, bool last);
  void fail_input(Error error);

  Session& session_;
  const std::int32_t id_;
  std::optional<Deframer> in_;
  Event readable_;
  Event writable_;
  std::optional<Error> input_error_;
  Memory* memory_ = nullptr;
  std::size_t message_bytes_ = 0;  // limit
  bool streams_ = false;
  bool input_ended_ = false;
  bool reading_ = false;
  Steady::time_point waited_since_;  // of reading
  Steady::time_point began_;         // of the message that comes
  Steady::time_point last_byte_;
  std::vector<ByteView> out_;  // not sent yet
  Prefix prefix_{};
  Steady::time_point last_sent_;
  bool answered_ = false;
  bool last_ = false;  // behind what is in out_ comes the status
  bool cut_off_ = false;
  bool finished_ = false;
  bool gone_ = false;
  int status_ = 0;
  std::vector<std::pair<std::string, std::string>> metadata_;
  std::string status_message_;
};

}  // namespace blindai::grpc
