// Private to this folder: a TCP connection that never blocks longer than its deadline, and an OpenSSL BIO over it.
#pragma once

#include <poll.h>

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/fd.h"
#include "channel/openssl.h"

namespace blindai::channel {

using Interrupted = std::function<bool()>;

// Waits until `fd` is ready for `events`. Errors: deadline_exceeded, cancelled.
Result<void> wait_for(int fd, short events, Steady::time_point deadline, const Interrupted& interrupted);

// Errors: unavailable where nobody listens or the name is unknown, deadline_exceeded, cancelled.
Result<UniqueFd> connect_tcp(const std::string& host, std::uint16_t port, Steady::time_point deadline,
                             const Interrupted& interrupted);

// Reads and writes the socket without raising SIGPIPE, which is not this library's to handle. Null out of memory.
BIO* make_socket_bio(int fd);

}  // namespace blindai::channel
