#include <doctest/doctest.h>

#include <csignal>

#include "nginx/config.h"
#include "samples.h"
#include "sys_scratch.h"

// Real nginx is the judge of what a token is: it serves each value, and the bytes must be the same.
using namespace orctl;
using namespace orctl::test;
using nginx::Config;
using nginx::Directive;

namespace {

/// Serves `return 200 VALUE` at /0, /1, … from real nginx on a unix socket.
class Server {
 public:
  explicit Server(const std::vector<std::string>& directives) : world_({}, folder_.path()) {
    REQUIRE_MESSAGE(nginx_.has_value(), "nginx is needed");
    std::string conf = "pid " + folder_ / "pid;\nerror_log stderr crit;\nevents {}\nhttp {\n";
    if (::geteuid() == 0) conf = "user root;\n" + conf;
    for (const char* temp : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
      conf += std::string(temp) + "_temp_path " + folder_ / "tmp;\n";
    conf += "access_log off;\ngeo $orctl_dollar { default $; }\nserver {\nlisten unix:" +
            folder_ / "sock;\ndefault_type text/plain;\n";
    for (size_t i = 0; i < directives.size(); ++i)
      conf += "location = /" + std::to_string(i) + " { " + directives[i] + "\n}\n";
    world_.fs.write(folder_ / "conf", conf + "}\n}\n");
    const auto started =
        world_.proc.run({*nginx_, "-e", "stderr", "-p", folder_.path(), "-c", folder_ / "conf"}, Millis(20000));
    REQUIRE_MESSAGE(started.status == 0, started.err.substr(0, 2000) << conf);
  }
  ~Server() {
    const int pid = std::atoi(world_.fs.read(folder_ / "pid").c_str());
    world_.proc.signal(pid, SIGTERM);
    world_.proc.wait_gone(world_.proc.hold(pid), Deadline::in(Millis(5000)));
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string get(size_t n) const {
    return world_.http.get({folder_ / "sock", ""}, "/" + std::to_string(n), Millis(5000)).body;
  }

 private:
  Scratch folder_;
  World world_;
  std::optional<std::string> nginx_ =
      Fs({}).find_program("nginx", "/usr/local/openresty/nginx/sbin:/usr/sbin:/usr/bin");
};

std::vector<std::string> values() {
  std::vector<std::string> out;
  for (int c = 1; c < 256; ++c)
    if (c != '\n' && c != '\r') out.push_back("a" + std::string(1, static_cast<char>(c)) + "b");
  for (const char* text : {"",
                           "x\"; } server { listen 9; } #",
                           "x'; }",
                           "x\\",
                           "x\\\"; evil;",
                           "$http_host",
                           "${host}",
                           "$",
                           "$$",
                           "${",
                           "#c",
                           "{",
                           "}",
                           ";",
                           "\\n",
                           "\\t",
                           "\\\\n",
                           "\\$x",
                           "\"",
                           "'",
                           "~^/x$",
                           "lua{",
                           "unix:/x;",
                           "orctl_dollar}",
                           "${orctl_dollar}",
                           " ",
                           "\t",
                           "a b",
                           "(",
                           ")",
                           "a)b"})
    out.emplace_back(text);
  Random random(9);
  const std::string alphabet = "\\\"'${};# \tab0\x80()~";
  while (out.size() < 1500) out.push_back(random.text(alphabet, 24));
  return out;
}

}  // namespace

TEST_CASE("real nginx serves every value that write() wrote, byte for byte") {
  const auto all = values();
  std::vector<std::string> directives;
  for (const std::string& value : all)
    directives.push_back(nginx::write({Directive{"return", {{"200", false}, {value, false}}}}));
  const Server server(directives);
  for (size_t i = 0; i < all.size(); ++i) {
    CAPTURE(directives[i]);
    REQUIRE(server.get(i) == all[i]);
  }
}

TEST_CASE("parse() sees the tokens that real nginx sees, however they are written") {
  Random random(10);
  CAPTURE(random.seed());
  std::vector<std::string> directives, expected;
  while (directives.size() < 800) {
    const std::string text = "return 200 " + random.text("\\\"'{} \tab0()#tnr;", 12) + ";";
    Config read;
    try {
      read = nginx::parse(text);
    } catch (const nginx::Fault&) {
      continue;  // what we refuse and nginx takes is only a nuisance
    }
    if (read.size() != 1 || read[0].args.size() != 2 || read[0].has_block) continue;
    directives.push_back(text);
    expected.push_back(read[0].args[1].text);
  }
  const Server server(directives);
  for (size_t i = 0; i < directives.size(); ++i) {
    CAPTURE(directives[i]);
    REQUIRE(server.get(i) == expected[i]);
  }
}
