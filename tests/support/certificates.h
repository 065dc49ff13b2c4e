#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <stdlib.h>

#include "base/check.h"
#include "base/format.h"

namespace penstock::testing {

/// A certification authority, and certificates of a server on 127.0.0.1 and of a client.
class Certificates {
 public:
  Certificates() {
    std::string pattern = std::filesystem::temp_directory_path() / "penstock-tls-XXXXXX";
    PENSTOCK_CHECK(mkdtemp(pattern.data()) != nullptr, "no temporary folder");
    folder_ = pattern;
    Run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=test-ca -keyout ca.key -out ca.pem");
    Sign("server", "subjectAltName=IP:127.0.0.1,DNS:nats.test");
    Sign("client", "extendedKeyUsage=clientAuth");
  }
  ~Certificates() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  std::string Path(const std::string& file) const { return folder_ / file; }
  std::string Text(const std::string& file) const {
    std::ifstream in(Path(file));
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  void Sign(const std::string& name, const std::string& extension) const {
    Run(
        fmt::format("openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "
                    "/CN={0} -keyout {0}.key -out {0}.csr && echo {1} > {0}.ext && openssl x509 "
                    "-req -in {0}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile "
                    "{0}.ext -out {0}.pem",
                    name, extension));
  }
  void Run(const std::string& command) const {
    const std::string line =
        fmt::format("cd {} && ({}) >> log.txt 2>&1", folder_.string(), command);
    PENSTOCK_CHECK(std::system(line.c_str()) == 0, command);  // NOLINT(concurrency-mt-unsafe)
  }

  std::filesystem::path folder_;
};

}  // namespace penstock::testing
