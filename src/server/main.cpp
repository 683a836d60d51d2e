#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "server/app.h"

namespace {

constexpr int usage_status = 2;

int complain(const blindai::Error& error) {
  std::fprintf(stderr, "blindai-server: %s\n", error.message.str().c_str());
  if (!error.detail.text.empty()) {
    std::fprintf(stderr, "  (%s)\n", error.detail.text.c_str());
  }
  return error.code == blindai::Code::invalid_argument ? usage_status : EXIT_FAILURE;
}

// One that is closed would become the number of a socket, and what is printed would go there.
void open_standard_descriptors() {
  int descriptor = 0;
  while (descriptor >= 0 && descriptor <= STDERR_FILENO) {
    descriptor = ::open("/dev/null", O_RDWR);
  }
  ::close(descriptor);
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_descriptors();
  ::clearenv();  // nothing that the host sets there may change what this program does
  const auto line = blindai::server::parse_command_line(argc, argv);
  if (!line) {
    return complain(line.error());
  }
  if (!line->help.empty()) {
    std::fputs(line->help.c_str(), stdout);
    return EXIT_SUCCESS;
  }
  if (line->print_config) {
    std::fputs(blindai::server::to_toml(line->config).c_str(), stdout);
    return EXIT_SUCCESS;
  }
  if (line->config.state_dir.empty()) {
    std::fputs("blindai-server: say with --state-dir where the simulation root key is kept\n", stderr);
    return usage_status;
  }
  const auto done = blindai::server::run(line->config);
  return done ? EXIT_SUCCESS : complain(done.error());
}
