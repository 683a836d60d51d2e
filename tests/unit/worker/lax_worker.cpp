// A worker that says it closed no layer of its sandbox, and waits for the model.
#include <sys/socket.h>

#include "worker/protocol.h"

int main() {
  using namespace blindai::worker;
  const blindai::Bytes greeting = encode(Hello{"lax", "1", {}});
  const FrameHead head{.kind = static_cast<std::uint32_t>(FrameKind::hello), .reserved = 0, .size = greeting.size()};
  if (::send(control_descriptor, &head, sizeof(head), MSG_NOSIGNAL) < 0 ||
      ::send(control_descriptor, greeting.data(), greeting.size(), MSG_NOSIGNAL) < 0) {
    return 1;
  }
  char byte = 0;
  while (::recv(control_descriptor, &byte, 1, 0) > 0) {
  }
  return 0;
}
