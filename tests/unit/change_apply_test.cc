#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>

#include "change/apply.h"
#include "change/held.h"
#include "change/make_plan.h"
#include "change/request.h"
#include "host/check_tree.h"
#include "host/target.h"
#include "live/observe.h"
#include "live/served_document.h"
#include "samples.h"
#include "store/history.h"
#include "sys_scratch.h"

using namespace orctl;
using namespace orctl::test;

namespace {

/// A port of 127.0.0.1 that nobody has at this moment.
int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(fd >= 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&at), size) == 0);
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0);
  ::close(fd);
  return ntohs(at.sin_port);
}

std::vector<std::string> steps_of(const Plan& plan) {
  std::vector<std::string> out;
  for (const Step& step : plan.instances.at(0).steps) out.push_back(to_string(step));
  return out;
}

/// A host of its own below a temporary folder, with one instance that real nginx serves; deleted by a plan at the end.
class Host {
 public:
  Host() : port(free_port()), name_("tst_law_001_" + std::to_string(port)), world_({}, scratch_.path()) {}
  ~Host() {
    try {
      carry(removal());
    } catch (const std::exception& e) {
      MESSAGE("the instance could not be deleted: " << e.what());
    }
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  Plan plan(const Value& manifest, const Tree& overlay = {}) const {
    return make_plan(Manifests{{{instance_of(manifest), overlay}}}, world_);
  }
  /// As a rollback makes it.
  Plan way_to(const std::optional<Version>& version) const {
    return {{make_plan(observe(name_, world_), version, world_)}};
  }
  Plan removal() const { return way_to(std::nullopt); }

  /// Carries a plan out; the test ends when it fails.
  Outcome carry(const Plan& plan) {
    const Request request{{"tester", "law", "test"}, Millis(10000), Millis(1000)};
    const Held held({name_}, world_, request, {});
    const auto outcomes = apply(plan, world_, request, [](const std::string&) {});
    if (outcomes.empty()) return {};
    REQUIRE_MESSAGE(!outcomes[0].error.has_value(), (outcomes[0].error ? outcomes[0].error->what() : ""));
    return outcomes[0];
  }

  /// Every byte and mode of the tree and the unit.
  std::map<std::string, std::pair<unsigned, std::string>> listing() const {
    std::map<std::string, std::pair<unsigned, std::string>> out;
    for (const auto& [path, file] : world_.fs.read_tree(world_.layout.trees())) out[path] = {file.mode, file.content};
    for (const auto& [path, file] : world_.fs.read_tree(scratch_ / "etc"))
      out["etc/" + path] = {file.mode, file.content};
    return out;
  }

  std::vector<int> workers() const {
    const Observed now = observe(name_, world_);
    return now.pid == 0 ? std::vector<int>{} : world_.proc.children(now.pid);
  }

  const int port;
  const Scratch& scratch() const { return scratch_; }
  const World& world() const { return world_; }
  World& world() { return world_; }
  const std::string& name() const { return name_; }

 private:
  Scratch scratch_;
  std::string name_;
  World world_;
};

/// The law: carried out, the plan is empty; gone back, every byte is as it was; and forward again.
void obeys_the_law(Host& host, const Value& manifest, const Tree& overlay = {}) {
  const auto before = host.listing();
  const Plan plan = host.plan(manifest, overlay);
  REQUIRE(plan == host.plan(manifest, overlay));
  REQUIRE_FALSE(plan.empty());
  host.carry(plan);
  const auto after = host.listing();
  CHECK_MESSAGE(host.plan(manifest, overlay).empty(), to_json(summary(host.plan(manifest, overlay).instances[0]), 1));
  host.carry(host.way_to(plan.instances.at(0).before));
  CHECK(host.listing() == before);
  host.carry(host.plan(manifest, overlay));
  CHECK(host.listing() == after);
  CHECK(host.plan(manifest, overlay).empty());
}

/// One that certainly has an upstream, "own", the last.
Value manifest_with_own(const Host& host, Random& random) {
  Value manifest = random_manifest(random, host.port);
  manifest.find("upstream")->push(samples::upstream(random, "own"));
  return manifest;
}

}  // namespace

TEST_CASE("on real folders with real nginx: apply, an empty plan, the way back, every byte as it was") {
  Host host;
  Random random(7);
  CAPTURE(random.seed());
  Value manifest = manifest_with_own(host, random);
  manifest.find("nginx")->set("worker_processes", 2);

  SUBCASE("an instance that is new") { obeys_the_law(host, manifest); }
  SUBCASE("another weight, which is pushed to the same workers") {
    host.carry(host.plan(manifest));
    const auto workers = host.workers();
    CHECK(workers.size() == 2);
    manifest.find("upstream")->items().back().find("server")->items()[0].set("weight", 77);
    const Plan plan = host.plan(manifest);
    CHECK(steps_of(plan) ==
          std::vector<std::string>{"check-tree", "commit-revision", "swap-tree", "push-gateway", "verify"});
    obeys_the_law(host, manifest);
    CHECK(host.workers() == workers);
  }
  SUBCASE("another process setting, which reloads") {
    host.carry(host.plan(manifest));
    manifest.find("nginx")->set("client_max_body_size", "123k");
    CHECK(host.plan(manifest).instances.at(0).impact() == Impact::reload);
    obeys_the_law(host, manifest);
  }
  SUBCASE("files laid over the tree, a key among them") {
    host.carry(host.plan(manifest));
    manifest.set("files", "overlay/");
    obeys_the_law(
        host, manifest,
        {{"http.d/a.conf", {"map $host $a_of_test { default \"caf\u00e9 $host\"; }\n", 0644}},
         {"lua/answer.lua", {"return 42\n", 0644}},
         {"certs/a.key", {"-----BEGIN PRIVATE KEY-----\nnot a real one\n-----END PRIVATE KEY-----\n", 0600}}});
  }
  SUBCASE("other labels, which disturb nobody") {
    host.carry(host.plan(manifest));
    const auto workers = host.workers();
    manifest.set("labels", object({{"team", "other"}}));
    const Plan plan = host.plan(manifest);
    CHECK(plan.instances.at(0).impact() == Impact::none);
    CHECK(steps_of(plan) == std::vector<std::string>{"commit-revision", "verify"});
    obeys_the_law(host, manifest);
    CHECK(host.workers() == workers);
  }
  SUBCASE("generated edits, one upon the other") {
    host.carry(host.plan(manifest));
    for (int i = 0; i < 3; ++i) {
      for (int edits = 2; edits > 0; --edits) edit_manifest(random, manifest);
      if (!host.plan(manifest).empty()) obeys_the_law(host, manifest);
    }
  }
}

TEST_CASE("a deleted instance leaves nothing on disk or running, and comes back whole") {
  Host host;
  const Value manifest = object({{"kind", "Instance"},
                                 {"name", host.name()},
                                 {"nginx", object({{"worker_processes", 1}, {"worker_shutdown_timeout", "1s"}})}});
  host.carry(host.plan(manifest));
  const auto before = host.listing();
  const int master = observe(host.name(), host.world()).pid;
  CHECK(master != 0);
  const Plan removal = host.removal();
  host.carry(removal);
  CHECK(host.listing().empty());
  CHECK_FALSE(host.world().proc.alive(master));
  for (const std::string& folder : {host.world().layout.run(host.name()), host.world().layout.state(host.name()),
                                    host.world().layout.logs(host.name())})
    CHECK_FALSE(host.world().fs.exists(folder));
  host.carry(host.way_to(removal.instances.at(0).before));
  CHECK(host.listing() == before);
  CHECK(host.plan(manifest).empty());
}

TEST_CASE("the same manifest twice: the second plan is empty, and carrying it out touches nothing") {
  Host host;
  const Value manifest =
      object({{"kind", "Instance"}, {"name", host.name()}, {"nginx", object({{"worker_processes", 1}})}});
  host.carry(host.plan(manifest));
  const auto head = host.world().git.ref(branch_of(host.name()));
  const auto workers = host.workers();
  const std::string tree = host.world().layout.tree(host.name()) + "/nginx.conf";
  const int64_t mtime = host.world().fs.stat(tree)->mtime_ns;
  const Outcome outcome = host.carry(host.plan(manifest));
  CHECK_FALSE(outcome.changed);
  CHECK(outcome.revision == 0);
  CHECK(host.world().git.ref(branch_of(host.name())) == head);
  CHECK(host.workers() == workers);
  CHECK(host.world().fs.stat(tree)->mtime_ns == mtime);
}

TEST_CASE("of a document that all workers serve but for one upstream, only that one has still to be read") {
  Host host;
  Random random(11);
  CAPTURE(random.seed());
  Value manifest = manifest_with_own(host, random);
  host.carry(host.plan(manifest));
  const Version before = *observe(host.name(), host.world()).version;
  manifest.find("upstream")->items().back().find("server")->items()[0].set("weight", 77);
  const Version after = *host.plan(manifest).instances.at(0).after;
  const auto news = news_for_gateway(host.name(), before, after, host.world());
  REQUIRE(news);
  CHECK(news->name == "own");

  SUBCASE("what is on disk is not what they serve: nothing of it is proved") {
    Version edited = before;
    edited.tree[tree_path::document].content += "\n";
    Version next = after;
    next.tree[tree_path::document].content += "\n";
    CHECK(changed_upstream(edited.document(), next.document()));
    CHECK_FALSE(news_for_gateway(host.name(), edited, next, host.world()));
  }
  SUBCASE("another tree, perhaps with other Lua") {
    Version other = after;
    other.digest[0] = other.digest[0] == '0' ? '1' : '0';
    CHECK_FALSE(news_for_gateway(host.name(), before, other, host.world()));
    CHECK_FALSE(news_for_gateway(host.name(), other, other, host.world()));
  }
  SUBCASE("another change beside it") {
    Version both = after;
    std::string& text = both.tree[tree_path::document].content;
    text.replace(text.find("\"format\": 1"), 11, "\"format\": 2");
    CHECK_FALSE(news_for_gateway(host.name(), before, both, host.world()));
  }
  SUBCASE("that one is read by the gateway's own Lua") {
    const std::string stage = host.world().layout.tree(tree_folder(before.spec));
    const Target target = find_target(before.spec, host.world());
    check_staged_tree(host.world(), before.spec, stage, after.tree, target, news);
    const UpstreamText faulty{"own", "{\n \"name\": \"own\",\n \"servers\": 7\n}"};
    std::string said;
    try {
      check_staged_tree(host.world(), before.spec, stage, after.tree, target, faulty);
    } catch (const Error& e) {
      said = e.what();
    }
    CHECK(said == "the gateway would not start: gateway.json: /servers: 7 is not an array");
  }
}
