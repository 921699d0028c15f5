#include "gateway/gateway.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "model/read.h"
#include "model/schema.h"
#include "render/render.h"
#include "sys/interrupt.h"

namespace orctl {
namespace {

constexpr Millis put_limit(30000);  // a document of 12 MiB takes seconds
constexpr Millis turn_interval(20);

struct List {
  const char *member, *path;
};
constexpr List lists[] = {{"upstreams", "/v1/upstreams"},  // in the order of ListOf
                          {"overrides", "/v1/overrides"},
                          {"health", "/v1/health"},
                          {"certificates", "/v1/certs"}};

std::string text_of(const Value& object, const char* key) {
  const Value* v = object.find(key);
  return v != nullptr && v->is_string() ? v->as_string() : "";
}
int64_t int_of(const Value& object, const char* key) {
  const Value* v = object.find(key);
  return v == nullptr || !v->is_number() ? 0 : v->is_int() ? v->as_int() : whole(v->as_double());
}

template <class Get>
std::string common(const GatewayStatus& status, Get get) {
  if (status.workers.empty() || static_cast<int64_t>(status.workers.size()) != status.worker_count) return {};
  const std::string first = get(status.workers.front());
  const bool same = std::all_of(status.workers.begin(), status.workers.end(),
                                [&](const WorkerReport& w) { return w.error.empty() && get(w) == first; });
  return same ? first : "";
}

}  // namespace

Value gateway_answer(const Http::Response& response, const std::string& what) {
  Diagnostics found;
  auto value = read_json({what, response.body}, found);
  if (!value || !value->is_object())
    throw Error(Exit::target, fmt::format("the answer to {} (status {}) is no JSON object", what, response.status),
                "is this socket an orctl gateway's?");
  return std::move(*value);
}

Error gateway_problem(const Http::Response& response, const std::string& what) {
  Diagnostics found;
  std::string text = fmt::format("{} was answered {}", what, response.status);
  if (const auto value = read_json({what, response.body}, found); value && value->is_object()) {
    for (const char* key : {"title", "detail"})
      if (const std::string words = text_of(*value, key); !words.empty()) text += ": " + words;
    if (const Value* errors = value->find("errors"); errors != nullptr && errors->is_array())
      for (const Value& e : errors->items())
        text += fmt::format("; {} {}", text_of(e, "pointer"), text_of(e, "detail"));
  }
  return Error(response.status == 412 ? Exit::conflict : Exit::target, text,
               "orctl status tells what each worker serves");
}

std::string GatewayStatus::common_digest() const {
  return common(*this, [](const WorkerReport& w) { return w.digest; });
}
std::string GatewayStatus::common_tree() const {
  return common(*this, [](const WorkerReport& w) { return w.tree; });
}

std::string GatewayStatus::common_certs() const {
  return common(*this, [](const WorkerReport& w) { return w.certs; });
}

bool GatewayStatus::settled() const {
  return !workers.empty() && static_cast<int64_t>(workers.size()) == worker_count &&
         std::all_of(workers.begin(), workers.end(), [&](const WorkerReport& w) {
           return w.error.empty() && w.generation == generation && w.override_version == override_version;
         });
}

GatewayStatus gateway_status_of(Value answer) {
  GatewayStatus out;
  out.raw = std::move(answer);
  out.name = text_of(out.raw, "name");
  out.digest = text_of(out.raw, "digest");
  out.tree = text_of(out.raw, "tree");
  out.generation = int_of(out.raw, "generation");
  out.worker = int_of(out.raw, "worker");
  out.worker_count = int_of(out.raw, "worker_count");
  out.override_version = int_of(out.raw, "override_version");
  if (const Value* uptime = out.raw.find("uptime"); uptime != nullptr && uptime->is_number())
    out.uptime = uptime->as_double();
  if (const Value* workers = out.raw.find("workers"); workers != nullptr && workers->is_array())
    for (const Value& w : workers->items())
      out.workers.push_back({static_cast<int>(int_of(w, "pid")), int_of(w, "generation"), text_of(w, "digest"),
                             text_of(w, "tree"), text_of(w, "certs"), text_of(w, "error"),
                             int_of(w, "override_version")});
  if (const Value* source = out.raw.find("source"); source != nullptr) out.source_error = text_of(*source, "error");
  return out;
}

GatewayStatus gateway_status(const World& world, const std::string& socket, Millis limit) {
  const Http::Response response = world.http.get({socket, ""}, "/v1/status", limit);
  if (response.status != 200) throw gateway_problem(response, "GET /v1/status");
  return gateway_status_of(gateway_answer(response, "GET /v1/status"));
}

void require_own_gateway(const GatewayStatus& status, const std::string& name) {
  if (status.name.empty() || status.name == name) return;
  throw Error(Exit::target, fmt::format("{} answers on its admin socket", status.name),
              "a restart makes a socket of its own: orctl restart " + name);
}

Value gateway_get(const World& world, const std::string& socket, const std::string& path, Millis limit) {
  const Http::Response response = world.http.get({socket, ""}, path, limit);
  if (response.status != 200) throw gateway_problem(response, "GET " + path);
  return gateway_answer(response, "GET " + path);
}

void require_answer(const Value& answer, const std::string& kind, const std::string& fault) {
  Value wrapped = Value::object();
  wrapped.set(kind, answer);
  Diagnostics found;
  const auto no_line = [](uint32_t) { return std::string(); };
  if (Schema::get("answers").check(wrapped, "", no_line, found) != Fit::valid)
    throw Error(Exit::target, fmt::format("{}: {}: {}", fault, found[0].field, found[0].text),
                "is this socket an orctl gateway's?");
}

Value::Array gateway_items(const Value& answer, ListOf what) {
  const std::string member = lists[static_cast<size_t>(what)].member;
  require_answer(answer, member, "this is no list of " + member);
  return answer.at("items").items();
}

Value::Array gateway_list(const World& world, const std::string& socket, ListOf what, Millis limit) {
  const std::string path = lists[static_cast<size_t>(what)].path;
  const Value answer = gateway_get(world, socket, path, limit);
  try {
    return gateway_items(answer, what);
  } catch (const Error& e) {
    throw e.within("the answer to GET " + path);
  }
}

std::optional<Value> upstream_at(const World& world, const std::string& socket, const std::string& name) {
  // a name is a part of the path as it stands; what can be none is not asked for
  if (name.empty() || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") != name.npos)
    return std::nullopt;
  const std::string path = std::string(lists[static_cast<size_t>(ListOf::upstreams)].path) + "/" + name;
  const Http::Response response = world.http.get({socket, ""}, path, ask_limit);
  if (response.status == 404) return std::nullopt;
  if (response.status != 200) throw gateway_problem(response, "GET " + path);
  try {
    Value::Array items = gateway_items(gateway_answer(response, "GET " + path), ListOf::upstreams);
    for (Value& item : items)
      if (text_of(item, "name") == name) return std::move(item);
    return std::nullopt;
  } catch (const Error& e) {
    throw e.within("the answer to GET " + path);
  }
}

namespace {

/// PUT, and again while other updates are in progress.
Http::Response put_in_turn(World& world, const std::string& socket, const std::string& path, const std::string& body,
                           const Http::Headers& headers) {
  for (const Deadline deadline = Deadline::in(put_limit);; world.clock.pause(turn_interval)) {
    const Http::Response response = world.http.put({socket, ""}, path, body, put_limit, headers);
    if (response.status != 503 || deadline.passed()) return response;
    stop_if_interrupted();
  }
}

/// Replaces the document of this answer to GET /v1/config, if it still is the one that is served.
Http::Response replace_document(World& world, const std::string& socket, const Http::Response& now,
                                const std::string& document, std::string& path) {
  Http::Headers headers = {{"Content-Type", "application/json"}, {"X-Tree", "1"}};
  if (const std::string tag = now.header("etag"); !tag.empty()) headers.emplace_back("If-Match", tag);
  // one upstream among thousands is changed without the others being read
  const auto one = changed_upstream(now.body, document);
  path = one ? "/v1/upstreams/" + one->name : "/v1/config";
  return put_in_turn(world, socket, path, one ? one->text : document, headers);
}

}  // namespace

void put_document(World& world, const std::string& socket, const std::string& document) {
  const Deadline deadline = Deadline::in(put_limit);
  for (std::optional<std::string> before;;) {
    const Http::Response now = world.http.get({socket, ""}, "/v1/config", ask_limit);
    if (now.status != 200) throw gateway_problem(now, "GET /v1/config");
    // the number of a document moves also when a reload settles, which puts the tree's own
    if (before && now.body != *before && now.body != document)
      throw Error(Exit::conflict, "somebody else put another document at the same moment, and that is served",
                  "see what it is (orctl diff), then run the same command again");
    before = now.body;
    std::string path;
    const Http::Response response = replace_document(world, socket, now, document, path);
    if (response.status == 200) return;
    if (response.status != 412 || deadline.passed()) throw gateway_problem(response, "PUT " + path);
    stop_if_interrupted();
  }
}

void put_certificates(World& world, const std::string& socket, const std::string& body) {
  const Http::Response response =
      put_in_turn(world, socket, "/v1/certs", body, {{"Content-Type", "application/json"}, {"X-Tree", "1"}});
  if (response.status != 200) throw gateway_problem(response, "PUT /v1/certs");
}

}  // namespace orctl
