#include "sys/http.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <memory>

#include "sys/clock.h"
#include "sys/curl.h"
#include "sys/fault.h"
#include "sys/interrupt.h"

namespace orctl {
namespace {

constexpr size_t max_body = size_t{64} << 20;
constexpr size_t max_headers = size_t{1} << 20;
constexpr Millis slice(50);

struct Free {
  void operator()(addrinfo* p) const { ::freeaddrinfo(p); }
  void operator()(curl_slist* p) const { Curl::get().slist_free_all(p); }
};
struct FreeEasy {
  void operator()(CURL* p) const { Curl::get().easy_cleanup(p); }
};
struct FreeMulti {
  void operator()(CURLM* p) const { Curl::get().multi_cleanup(p); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;
using Multi = std::unique_ptr<CURLM, FreeMulti>;
using List = std::unique_ptr<curl_slist, Free>;

std::string shown(const Endpoint& at) { return at.unix_socket.empty() ? at.address : "unix:" + at.unix_socket; }

Error refused(const std::string& message) { return Error(Exit::refused, message); }

void check_socket_path(const std::string& path) {
  // sun_path has 108 bytes, the last one for the NUL (unix(7)).
  if (path.size() < sizeof(sockaddr_un::sun_path)) return;
  throw Error(Exit::refused,
              fmt::format("the path of the unix socket '{}' has {} bytes; the kernel allows {}", path, path.size(),
                          sizeof(sockaddr_un::sun_path) - 1),
              "choose a shorter place with --root DIR");
}

using Addresses = std::unique_ptr<addrinfo, Free>;

Addresses parse_address(const std::string& address) {
  const size_t colon = address.rfind(':');
  std::string host = colon == std::string::npos ? "" : address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  addrinfo hints = {};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (host.empty() || ::getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found) != 0) {
    throw refused(fmt::format("{:?} is no address such as 127.0.0.1:8080 or [::1]:8080", address));
  }
  return Addresses(found);
}

struct Answer {
  Http::Response response;
  size_t header_bytes = 0;
  bool too_large = false;
};

size_t take_body(char* data, size_t, size_t size, void* to) {
  Answer& answer = *static_cast<Answer*>(to);
  answer.too_large = answer.response.body.size() + size > max_body;
  if (answer.too_large) return 0;
  answer.response.body.append(data, size);
  return size;
}

size_t take_header(char* data, size_t, size_t size, void* to) {
  Answer& answer = *static_cast<Answer*>(to);
  answer.header_bytes += size;
  answer.too_large = answer.header_bytes > max_headers;
  if (answer.too_large) return 0;
  std::string line(data, size);
  const auto blank = [](unsigned char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!line.empty() && blank(line.back())) line.pop_back();
  // An interim answer (100) has headers of its own.
  if (line.starts_with("HTTP/")) answer.response.headers.clear();
  const size_t colon = line.find(':');
  if (colon == std::string::npos) return size;
  std::string name = line.substr(0, colon);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  size_t begin = colon + 1;
  while (begin < line.size() && blank(line[begin])) ++begin;
  answer.response.headers.emplace_back(std::move(name), line.substr(begin));
  return size;
}

Error no_answer(const Endpoint& at, const std::string& why, int os_error) {
  return Error(
      Exit::unreachable, fmt::format("no answer from {}: {}", shown(at), why),
      os_error == EACCES ? "run as root or as the owner of the socket" : "is the instance running? see: orctl status");
}

/// Holds on to the socket itself: the folder that it lies in is the instance's own, whose process could put a symlink
/// to another instance's socket there.
Fd hold_socket(const Endpoint& at) {
  Fd socket(retried([&] { return ::open(at.unix_socket.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC); }));
  if (!socket) throw no_answer(at, errno_text(errno), errno);
  struct stat raw = {};
  if (::fstat(socket.get(), &raw) == 0 && S_ISSOCK(raw.st_mode)) return socket;
  throw Error(
      Exit::refused,
      fmt::format("'{}' is {}, not a socket", at.unix_socket, S_ISLNK(raw.st_mode) ? "a symlink" : "something else"),
      "somebody has put it there: look at the folder, then orctl restart the instance");
}

Error failure(CURLcode code, CURL* easy, const Endpoint& at, const Answer& answer, const char* detail) {
  if (answer.too_large) {
    return Error(Exit::target, fmt::format("the answer of {} is larger than {} bytes", shown(at), max_body));
  }
  long os_error = 0;
  Curl::get().easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
  std::string why = detail[0] != '\0' ? detail : Curl::get().easy_strerror(code);
  if (code == CURLE_COULDNT_CONNECT && os_error != 0) why = errno_text(static_cast<int>(os_error));
  if (code == CURLE_GOT_NOTHING) why = "it closed the connection without an answer";
  return no_answer(at, why, static_cast<int>(os_error));
}

Error too_late(const Endpoint& at, Millis limit) {
  return Error(Exit::timeout, fmt::format("no whole answer from {} within {} ms", shown(at), limit.count()),
               "the instance may be overloaded or hang: look at its error log");
}

List header_list(const Http::Headers& headers, bool has_body) {
  List list;
  const auto add = [&](const std::string& line) { list.reset(Curl::get().slist_append(list.release(), line.c_str())); };
  bool typed = false;
  for (const auto& [name, value] : headers) {
    if ((name + value).find_first_of(std::string("\r\n\0", 3)) != std::string::npos) {
      throw refused(fmt::format("HTTP header {:?} has a line break in it", name));
    }
    typed = typed || ::strcasecmp(name.c_str(), "content-type") == 0;
    // curl sends "Name;" as a header without a value.
    add(value.empty() ? name + ";" : name + ": " + value);
  }
  add("Expect:");
  if (has_body && !typed) add("Content-Type: application/json");
  return list;
}

Http::Response request(const char* method, const Endpoint& at, const std::string& path, const std::string* body,
                       Millis limit, const Http::Headers& headers) {
  stop_if_interrupted();
  check_socket_path(at.unix_socket);
  Fd socket;
  if (at.unix_socket.empty())
    parse_address(at.address);
  else
    socket = hold_socket(at);
  const bool plain = std::all_of(path.begin(), path.end(), [](unsigned char c) { return c > 0x20 && c != 0x7f; });
  if (!path.starts_with('/') || !plain) throw refused(fmt::format("{:?} is no path of a request", path));
  static const CURLcode started = Curl::get().global_init(CURL_GLOBAL_DEFAULT);
  const Deadline deadline = Deadline::in(limit);
  const Easy easy(started == CURLE_OK ? Curl::get().easy_init() : nullptr);
  const Multi multi(Curl::get().multi_init());
  if (!easy || !multi) throw Error(Exit::target, "cannot start libcurl: out of memory");

  Answer answer;
  char detail[CURL_ERROR_SIZE] = "";
  const List list = header_list(headers, body != nullptr);
  const auto set = [&](CURLoption option, auto value) { Curl::get().easy_setopt(easy.get(), option, value); };
  const std::string host = at.unix_socket.empty() ? at.address : "localhost";
  const bool tls = at.security == Endpoint::Security::unchecked_tls;
  set(CURLOPT_URL, ((tls ? "https://" : "http://") + host + path).c_str());
  if (tls) {
    set(CURLOPT_SSL_VERIFYPEER, 0L);
    set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (socket) set(CURLOPT_UNIX_SOCKET_PATH, fmt::format("/proc/self/fd/{}", socket.get()).c_str());
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_PROTOCOLS_STR, tls ? "https" : "http");
  set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  set(CURLOPT_PROXY, "");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, "orctl");
  set(CURLOPT_CONNECTTIMEOUT_MS, std::max<long>(1, limit.count()));
  set(CURLOPT_HTTPHEADER, list.get());
  set(CURLOPT_ERRORBUFFER, static_cast<char*>(detail));
  set(CURLOPT_WRITEFUNCTION, &take_body);
  set(CURLOPT_WRITEDATA, &answer);
  set(CURLOPT_HEADERFUNCTION, &take_header);
  set(CURLOPT_HEADERDATA, &answer);
  set(CURLOPT_CUSTOMREQUEST, method);
  if (body != nullptr) {
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
    set(CURLOPT_POSTFIELDS, body->data());
  }

  // The multi interface, so that a signal or the deadline ends the wait at once.
  Curl::get().multi_add_handle(multi.get(), easy.get());
  struct Detach {
    CURLM* multi;
    CURL* easy;
    ~Detach() { Curl::get().multi_remove_handle(multi, easy); }
  } const detach{multi.get(), easy.get()};
  for (int running = 1;;) {
    Curl::get().multi_perform(multi.get(), &running);
    if (running == 0) break;
    stop_if_interrupted();
    if (deadline.passed()) throw too_late(at, limit);
    Curl::get().multi_poll(multi.get(), nullptr, 0, static_cast<int>(std::min(deadline.left(), slice).count()),
                           nullptr);
  }
  int left = 0;
  const CURLMsg* message = Curl::get().multi_info_read(multi.get(), &left);
  const CURLcode code = message == nullptr ? CURLE_FAILED_INIT : message->data.result;
  if (code == CURLE_OPERATION_TIMEDOUT) throw too_late(at, limit);
  if (code != CURLE_OK) throw failure(code, easy.get(), at, answer, detail);
  long status = 0;
  Curl::get().easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  answer.response.status = static_cast<int>(status);
  return std::move(answer.response);
}

/// One try to connect; 0 or errno.
int connect_once(const sockaddr* to, socklen_t size, const Deadline& deadline) {
  const Fd socket(::socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return errno;
  if (::connect(socket.get(), to, size) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  for (;;) {
    pollfd wait = {socket.get(), POLLOUT, 0};
    if (::poll(&wait, 1, static_cast<int>(std::min(deadline.left(), slice).count())) > 0) break;
    stop_if_interrupted();
    if (deadline.passed()) return ETIMEDOUT;
  }
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

/// errno of a connect to what `at` names, ENOTSOCK when that is no socket.
int connect_to_socket(const Endpoint& at, Deadline deadline) {
  try {
    const Fd socket = hold_socket(at);
    sockaddr_un to = {};
    to.sun_family = AF_UNIX;
    *fmt::format_to_n(to.sun_path, sizeof to.sun_path - 1, "/proc/self/fd/{}", socket.get()).out = '\0';
    return connect_once(reinterpret_cast<const sockaddr*>(&to), sizeof to, deadline);
  } catch (const Error&) {
    return ENOTSOCK;
  }
}

}  // namespace

std::string Http::Response::header(const std::string& lower_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_name) return value;
  }
  return "";
}

Http::Response Http::get(const Endpoint& at, const std::string& path, Millis limit, const Headers& headers) const {
  return request("GET", at, path, nullptr, limit, headers);
}

Http::Response Http::put(const Endpoint& at, const std::string& path, const std::string& body, Millis limit,
                         const Headers& headers) {
  say(trace_, fmt::format("PUT {} {} ({} bytes)", shown(at), path, body.size()));
  return request("PUT", at, path, &body, limit, headers);
}

Http::Response Http::remove(const Endpoint& at, const std::string& path, Millis limit, const Headers& headers) {
  say(trace_, fmt::format("DELETE {} {}", shown(at), path));
  return request("DELETE", at, path, nullptr, limit, headers);
}

bool Http::accepts(const Endpoint& at, Millis limit) const {
  const Deadline deadline = Deadline::in(limit);
  for (;;) {
    int error = 0;
    if (at.unix_socket.empty()) {
      const Addresses found = parse_address(at.address);
      error = connect_once(found->ai_addr, found->ai_addrlen, deadline);
    } else {
      check_socket_path(at.unix_socket);
      error = connect_to_socket(at, deadline);
    }
    if (error == 0) return true;
    // EAGAIN: a unix socket with a full backlog; it may have room soon.
    if (error != EAGAIN || deadline.passed()) return false;
    Clock().pause(std::min(deadline.left(), Millis(10)));
    stop_if_interrupted();
  }
}

bool Http::is_dead(const std::string& unix_socket) const {
  return connect_to_socket({unix_socket, ""}, Deadline::in(Millis(0))) == ECONNREFUSED;
}

}  // namespace orctl
