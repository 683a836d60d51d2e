// What stands before every request, whatever protocol brings it: attestation, and who speaks.
//
// Thread rule: on the I/O thread of the connection; what it uses is thread-safe.
#pragma once

#include "auth/auth.h"
#include "http/server.h"
#include "server/attester.h"
#include "server/config.h"

namespace blindai::server {

class Access {
 public:
  Access(const Config& config, Keysets& keysets, Attester& attester, auth::Registry& registry, const Clock& clock);

  // A connection belongs to the keyset that it last attested; before that, to the one that stood when it was opened.
  void opened(http::Connection& connection);

  // Counts one more attestation of this connection. Error: resource_exhausted.
  static Result<void> begin_attest(http::Connection& connection);
  // From the JSON of the request to that of the answer, bound to this connection. Errors: those of
  // AttestRequest::parse() and Attester::attest(); unavailable where the certificate was replaced since.
  http::Task<Result<std::string>> attest(http::Connection& connection, boost::asio::any_io_executor executor,
                                         ByteView request);

  // `header`: the value of Authorization, null where there is none. A connection remembers what it has proven. Error:
  // unauthenticated.
  Result<auth::Principal> authorise(http::Connection& connection, const std::string* header);

 private:
  Keysets& keysets_;
  Attester& attester_;
  auth::Registry& registry_;
  const Clock& clock_;
  auth::Modes modes_;
};

}  // namespace blindai::server
