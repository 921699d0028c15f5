#include "live/farewell.h"

#include <optional>
#include <utility>

#include "base/layout.h"
#include "gateway/gateway.h"

namespace orctl {
namespace {

constexpr Millis limit(2000), hold_limit(500), request_limit(250), poll_interval(20);
constexpr int most_silent = 2;        // requests without an answer
constexpr Millis hold_time(100);      // a busy client asks within that
constexpr double quiet_enough = 0.3;  // seconds; a client that asks more seldom is not busy
constexpr double seen = 0.1;          // within which a worker has told what came since it began
constexpr double recently = 1;        // seconds

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

/// Where the workers are: each has begun to say farewell; and clients have nothing more to hear.
bool is_heard(const Value& answer) {
  if (number_of(answer, "told", 0) < number_of(answer, "workers", 1)) return false;
  return number_of(answer, "quiet", 0) >= (number_of(answer, "waiting", 1) == 0 ? seen : quiet_enough);
}

bool is_held(const Value& answer) { return number_of(answer, "held", 0) >= number_of(answer, "workers", 1); }

/// Orders and asks.
class Orders {
 public:
  Orders(World& world, const std::string& name, Value workers, Beside beside)
      : world_(world), socket_(world.layout.admin_socket(name)), beside_(beside) {
    what_.set("workers", std::move(workers));
  }

  /// Until `is_done` of what a worker answers: that answer; nullopt when that does not come before `deadline`, or there
  /// is no use in asking on. Throws when interrupted.
  std::optional<Value> until(bool (*is_done)(const Value&), const Deadline& deadline) {
    while (!deadline.passed()) {
      stop_if_interrupted();
      try {
        auto answer = ask();
        if (!answer || (answer->is_object() && is_done(*answer))) return answer;
        world_.clock.pause(answer->is_object() ? poll_interval : Millis(1));
      } catch (const Error& e) {
        if (e.exit() != Exit::timeout || ++silent_ == most_silent) return std::nullopt;
      }
    }
    return std::nullopt;
  }

  void hold() { what_.set("hold", Value(true)); }

 private:
  /// nullopt: no worker takes such an order; null: one has answered that is not meant.
  std::optional<Value> ask() {
    const Http::Response response = world_.http.put({socket_, ""}, "/v1/farewell", to_json(what_), request_limit,
                                                    {{"Content-Type", "application/json"}});
    if (response.status == 409 && beside_ == Beside::successor) return Value();
    if (response.status != 200) return std::nullopt;
    return gateway_answer(response, "PUT /v1/farewell");
  }

  World& world_;
  const std::string socket_;
  const Beside beside_;
  Value what_ = Value::object();
  int silent_ = 0;
};

}  // namespace

void say_farewell(World& world, const std::string& name, int master, Beside beside) {
  if (master == 0) return;
  Value workers = workers_of(world, master);
  if (workers.items().empty()) return;
  Orders orders(world, name, std::move(workers), beside);
  const auto heard = orders.until(is_heard, Deadline::in(limit));
  if (heard && number_of(*heard, "two", recently) < recently) {
    orders.hold();
    if (orders.until(is_held, Deadline::in(hold_limit))) world.clock.pause(hold_time);
  }
  stop_if_interrupted();
}

}  // namespace orctl
