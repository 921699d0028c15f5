#include "live/farewell.h"

#include <optional>
#include <utility>

#include "base/layout.h"
#include "gateway/gateway.h"

namespace orctl {
namespace {

constexpr Millis limit(2000), request_limit(250), poll_interval(20);
constexpr int most_silent = 2;        // requests without an answer
constexpr double quiet_enough = 0.3;  // seconds; a client that asks more seldom is not busy

/// Those that take requests.
Value workers_of(const World& world, int master) {
  Value out = Value::array();
  for (const int pid : world.proc.children(master)) {
    const std::string title = world.proc.command_line(pid);
    if (title.starts_with("nginx: worker process") && title.find("shutting down") == std::string::npos)
      out.push(int64_t(pid));
  }
  return out;
}

double number_of(const Value& answer, const char* key, double otherwise) {
  const Value* v = answer.find(key);
  return v == nullptr || !v->is_number() ? otherwise : v->is_int() ? static_cast<double>(v->as_int()) : v->as_double();
}

bool is_over(const Value& answer) {
  if (number_of(answer, "told", 0) < number_of(answer, "workers", 1)) return false;
  return number_of(answer, "waiting", 1) == 0 || number_of(answer, "quiet", 0) >= quiet_enough;
}

/// What a worker says to the order; nullopt when there is no use in asking on.
std::optional<Value> order(World& world, const std::string& socket, const std::string& body, Beside beside) {
  const Http::Response response =
      world.http.put({socket, ""}, "/v1/farewell", body, request_limit, {{"Content-Type", "application/json"}});
  if (response.status == 409 && beside == Beside::successor) return Value();  // that has taken the connection
  if (response.status != 200) return std::nullopt;
  return gateway_answer(response, "PUT /v1/farewell");
}

}  // namespace

void say_farewell(World& world, const std::string& name, int master, Beside beside) {
  if (master == 0) return;
  Value workers = workers_of(world, master);
  if (workers.items().empty()) return;
  Value what = Value::object();
  what.set("workers", std::move(workers));
  const std::string body = to_json(what), socket = world.layout.admin_socket(name);
  int silent = 0;
  for (const Deadline deadline = Deadline::in(limit); !deadline.passed();) {
    try {
      const auto answer = order(world, socket, body, beside);
      if (!answer || (answer->is_object() && is_over(*answer))) return;
      world.clock.pause(answer->is_object() ? poll_interval : Millis(1));
    } catch (const Error& e) {
      if (e.exit() != Exit::timeout || ++silent == most_silent) break;
    }
    stop_if_interrupted();
  }
  stop_if_interrupted();
}

}  // namespace orctl
