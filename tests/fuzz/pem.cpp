// PEM: what is accepted holds the bytes that OpenSSL finds in it, and is the same when it is written again.
#include "evidence/x509/pem.h"

#include <openssl/pem.h>

#include "fuzz/fuzz.h"

namespace {

using namespace blindai;
using fuzz::promise;

constexpr std::size_t longest_line_of_openssl = 254;

bool has_long_line(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (std::min(end, text.size()) >= longest_line_of_openssl) {
      return true;
    }
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return false;
}

void agrees_with_openssl(ByteView text, const std::vector<Bytes>& ours) {
  BIO* bio = BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
  for (const Bytes& der : ours) {
    char* name = nullptr;
    char* header = nullptr;
    std::uint8_t* data = nullptr;
    long size = 0;
    promise(PEM_read_bio(bio, &name, &header, &data, &size) == 1, "OpenSSL reads the block too");
    promise(std::string_view(name) == "CERTIFICATE" && *header == '\0', "the label, and no header");
    promise(std::ranges::equal(ByteView(data, static_cast<std::size_t>(size)), der), "the bytes");
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
  }
  BIO_free(bio);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace blindai::evidence;
  const ByteView input(data, size);
  const auto ders = x509::certificates_of_pem(input, "item");
  if (!ders) {
    return 0;
  }
  promise(!ders->empty() && ders->size() <= x509::max_chain, "the count of certificates");
  std::string again;
  for (const Bytes& der : *ders) {
    promise(!der.empty() && der.size() <= x509::max_certificate_bytes, "the size of a certificate");
    again += "-----BEGIN CERTIFICATE-----\n" + to_base64(der) + "\n-----END CERTIFICATE-----\n";
  }
  const auto once_more = x509::certificates_of_pem(as_bytes(again), "item");
  promise(once_more && *once_more == *ders, "written again it is the same");
  if (!has_long_line(as_text(input))) {
    agrees_with_openssl(input, *ders);
  }
  return 0;
}
