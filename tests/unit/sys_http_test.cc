#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <functional>
#include <thread>

#include "sys_scratch.h"

using namespace orctl;
using namespace orctl::test;

namespace {

constexpr Millis plenty(10'000);

/// A server on a socket that hands each request to `answer` and sends back what it returns; "" keeps the client
/// waiting.
class Server {
 public:
  using Answer = std::function<std::string(const std::string& request)>;

  Server(int listener, Answer answer) : listener_(listener), answer_(std::move(answer)) {
    REQUIRE(::listen(listener_, 16) == 0);
    REQUIRE(::pipe(stop_) == 0);
    thread_ = std::thread([this] { serve(); });
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    ::close(stop_[1]);
    thread_.join();
    for (const int fd : waiting_) ::close(fd);
    ::close(stop_[0]);
    ::close(listener_);
  }

 private:
  void serve() {
    for (;;) {
      pollfd waits[2] = {{listener_, POLLIN, 0}, {stop_[0], POLLIN, 0}};
      ::poll(waits, 2, -1);
      if (waits[1].revents != 0) return;
      const int client = ::accept(listener_, nullptr, nullptr);
      const std::string answer = answer_(read_request(client));
      if (answer.empty()) {
        waiting_.push_back(client);
        continue;
      }
      for (size_t done = 0; done < answer.size();) {
        const ssize_t sent = ::send(client, answer.data() + done, answer.size() - done, MSG_NOSIGNAL);
        if (sent <= 0) break;
        done += static_cast<size_t>(sent);
      }
      ::close(client);
    }
  }

  static std::string read_request(int client) {
    std::string request;
    char block[65536];
    for (;;) {
      const size_t end = request.find("\r\n\r\n");
      const size_t length = request.find("Content-Length: ");
      const size_t body = length == std::string::npos ? 0 : std::stoul(request.substr(length + 16));
      if (end != std::string::npos && request.size() >= end + 4 + body) return request;
      const ssize_t got = ::read(client, block, sizeof block);
      if (got <= 0) return request;
      request.append(block, static_cast<size_t>(got));
    }
  }

  int listener_;
  Answer answer_;
  int stop_[2] = {-1, -1};
  std::vector<int> waiting_;
  std::thread thread_;
};

int bound_unix(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un to = {};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, path.c_str(), path.size());
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  return fd;
}

/// On a free port of the loopback, which it tells in `address`.
int bound_tcp(std::string& address) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof to;
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&to), size) == 0);
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&to), &size) == 0);
  address = "127.0.0.1:" + std::to_string(ntohs(to.sin_port));
  return fd;
}

std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("GET over a unix socket") {
  const Scratch scratch;
  std::string seen;
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  {
    const Server server(bound_unix(scratch / "s"), [&](const std::string& request) {
      seen = request;
      return "HTTP/1.1 418 Teapot\r\nETag:  \"7\" \r\nX-Empty:\r\nContent-Length: 3\r\n\r\nabc";
    });
    const auto answer =
        Http({}).get({.unix_socket = scratch / "s"}, "/v1/../status?a=b", plenty, {{"If-Match", "\"7\""}});
    CHECK(answer.status == 418);
    CHECK(answer.body == "abc");
    CHECK(answer.header("etag") == "\"7\"");
    CHECK(answer.header("x-empty").empty());
    CHECK(answer.header("none").empty());
  }
  ::unsetenv("http_proxy");
  CHECK(seen.starts_with("GET /v1/../status?a=b HTTP/1.1\r\nHost: localhost\r\n"));
  CHECK(has(seen, "\r\nIf-Match: \"7\"\r\n"));
}

TEST_CASE("PUT over TCP sends the whole body without asking first, and is traced") {
  std::string seen, address, line;
  const std::string body(3 << 20, 'x');
  {
    const Server server(bound_tcp(address), [&](const std::string& request) {
      seen = request;
      return ok("done");
    });
    Http http([&](const std::string& text) { line = text; });
    CHECK(http.put({.address = address}, "/v1/config", body, plenty, {{"X-Save", "1"}}).body == "done");
  }
  CHECK(seen.starts_with("PUT /v1/config HTTP/1.1\r\nHost: " + address));
  CHECK(has(seen, "\r\nX-Save: 1\r\n"));
  CHECK(has(seen, "\r\nContent-Type: application/json\r\n"));
  CHECK_FALSE(has(seen, "Expect:"));
  CHECK(seen.ends_with("\r\n\r\n" + body));
  CHECK(line == "PUT " + address + " /v1/config (3145728 bytes)");
}

TEST_CASE("DELETE sends no body, and is traced") {
  std::string seen, address, line;
  {
    const Server server(bound_tcp(address), [&](const std::string& request) {
      seen = request;
      return ok("gone");
    });
    Http http([&](const std::string& text) { line = text; });
    CHECK(http.remove({.address = address}, "/v1/overrides/a/[::1]:80", plenty).body == "gone");
  }
  CHECK(seen.starts_with("DELETE /v1/overrides/a/[::1]:80 HTTP/1.1\r\n"));
  CHECK_FALSE(has(seen, "Content-Length"));
  CHECK(line == "DELETE " + address + " /v1/overrides/a/[::1]:80");
}

TEST_CASE("a redirect is an answer, not an order") {
  std::string address;
  const Server server(bound_tcp(address), [](const std::string&) {
    return "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
  });
  CHECK(Http({}).get({.address = address}, "/", plenty).status == 302);
}

TEST_CASE("an endless answer is cut off") {
  const Scratch scratch;
  const Server server(bound_unix(scratch / "s"),
                      [](const std::string&) { return "HTTP/1.1 200 OK\r\n\r\n" + std::string(65 << 20, 'x'); });
  const Error error = error_of([&] { Http({}).get({.unix_socket = scratch / "s"}, "/", plenty); });
  CHECK(error.exit() == Exit::target);
  CHECK(has(error.what(), "larger than"));
}

TEST_CASE("no answer is told apart from a late one") {
  const Scratch scratch;
  const Http http({});
  const Error absent = error_of([&] { http.get({.unix_socket = scratch / "none"}, "/", plenty); });
  CHECK(absent.exit() == Exit::unreachable);
  CHECK(absent.what() == "no answer from unix:" + scratch / "none" + ": No such file or directory");
  CHECK(has(absent.hint(), "is the instance running?"));

  ::close(bound_unix(scratch / "dead"));
  const Error dead = error_of([&] { http.get({.unix_socket = scratch / "dead"}, "/", plenty); });
  CHECK(dead.exit() == Exit::unreachable);
  CHECK(has(dead.what(), "Connection refused"));
  CHECK(error_of([&] { http.get({.address = "127.0.0.1:1"}, "/", plenty); }).exit() == Exit::unreachable);

  const Server mute(bound_unix(scratch / "mute"), [](const std::string&) { return ""; });
  const Error late = error_of([&] { http.get({.unix_socket = scratch / "mute"}, "/", Millis(100)); });
  CHECK(late.exit() == Exit::timeout);
  CHECK(has(late.what(), "within 100 ms"));

  const Server rude(bound_unix(scratch / "rude"), [](const std::string&) { return "\r"; });
  CHECK(error_of([&] { http.get({.unix_socket = scratch / "rude"}, "/", plenty); }).exit() == Exit::unreachable);
  const Server half(bound_unix(scratch / "half"),
                    [](const std::string&) { return "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"; });
  CHECK(error_of([&] { http.get({.unix_socket = scratch / "half"}, "/", plenty); }).exit() == Exit::unreachable);
}

TEST_CASE("a socket's path that is too long is said so before connecting") {
  const std::string longest = "/" + std::string(106, 'x'), longer = longest + "x";
  const Http http({});
  CHECK(error_of([&] { http.get({.unix_socket = longest}, "/", plenty); }).exit() == Exit::unreachable);
  const Error error = error_of([&] { http.get({.unix_socket = longer}, "/", plenty); });
  CHECK(error.exit() == Exit::refused);
  CHECK(has(error.what(), "has 108 bytes; the kernel allows 107"));
  CHECK(has(error.hint(), "--root"));
  CHECK_THROWS_AS(http.accepts({.unix_socket = longer}, plenty), Error);
}

TEST_CASE("nothing can be slipped into a request") {
  const Http http({});
  const Endpoint at = {.address = "127.0.0.1:1"};
  for (const char* path : {"v1", "/a b", "/a\r\nX: y", ""}) {
    CAPTURE(path);
    CHECK(error_of([&] { http.get(at, path, plenty); }).exit() == Exit::refused);
  }
  CHECK(error_of([&] { http.get(at, "/", plenty, {{"A", "b\r\nC: d"}}); }).exit() == Exit::refused);
  CHECK(error_of([&] { http.get({.address = "user@evil:80"}, "/", plenty); }).exit() == Exit::refused);
  CHECK(error_of([&] { http.get({.address = "localhost:80"}, "/", plenty); }).exit() == Exit::refused);
}

TEST_CASE("accepts tells whether something listens") {
  const Scratch scratch;
  const Http http({});
  std::string address;
  CHECK_FALSE(http.accepts({.unix_socket = scratch / "s"}, plenty));
  CHECK_FALSE(http.accepts({.address = "127.0.0.1:1"}, plenty));
  const Server one(bound_unix(scratch / "s"), [](const std::string&) { return ok(""); });
  const Server two(bound_tcp(address), [](const std::string&) { return ok(""); });
  CHECK(http.accepts({.unix_socket = scratch / "s"}, plenty));
  CHECK(http.accepts({.address = address}, plenty));
}

TEST_CASE("a signal ends the wait for an answer") {
  const Scratch scratch;
  const std::string path = scratch / "s";
  int asked[2];
  REQUIRE(::pipe(asked) == 0);
  const Server mute(bound_unix(path), [&](const std::string&) {
    CHECK(::write(asked[1], "x", 1) == 1);
    return "";
  });
  const pid_t child = forked([&] {
    install_signal_handlers();
    const Error error = error_of([&] { Http({}).get({.unix_socket = path}, "/", Millis(100'000)); });
    return std::string(error.what()) == "interrupted by SIGTERM" ? 0 : 1;
  });
  char byte = 0;
  REQUIRE(::read(asked[0], &byte, 1) == 1);
  ::kill(child, SIGTERM);
  CHECK(status_of(child) == 0);
  ::close(asked[0]);
  ::close(asked[1]);
}
