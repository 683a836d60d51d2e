// Private to this folder: whether a certificate stands for the name in a policy.
#pragma once

#include "channel/openssl.h"
#include "evidence/policy.h"

namespace blindai::channel {

// Why the peer's certificate does not hold for the identity; nothing where it does.
std::optional<std::string> identity_problem(const SSL* tls, const evidence::Identity& identity);
// Names in the certificate, for people.
std::string names_in(const X509* certificate);

}  // namespace blindai::channel
