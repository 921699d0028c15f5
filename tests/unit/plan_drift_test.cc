#include <doctest/doctest.h>

#include "plan/drift.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

using How = HandEdit::How;

const Tree kept = {{"nginx.conf", {"events {}\n"}},
                   {"gateway.json", {"{\"format\": 1}\n"}},
                   {"http.d/a.conf", {"gzip on;\n"}},
                   {"certs/a.key", {"", 0600, "", "sha256:" + std::string(64, 'a')}}};

/// `kept` as it lies on a host, with what `edit` makes of it.
template <class Edit>
Tree live(Edit edit) {
  Tree tree = kept;
  tree.erase("certs/a.key");
  edit(tree);
  return tree;
}

/// The plan from `before` to `after`, which says of nginx.conf that it changes.
InstancePlan plan_of(Tree before, Tree after) {
  InstancePlan plan{"x", "c", Version{}, Version{}, {}, {}};
  plan.before->tree = std::move(before);
  plan.after->tree = std::move(after);
  plan.changes.push_back({Op::change, FileKey{"nginx.conf"}, {}, {}, Impact::reload, "another"});
  return plan;
}

std::string reason(const InstancePlan& plan, const Key& key) {
  for (const Change& c : plan.changes)
    if (c.key == key) return c.reason;
  return "(no change)";
}

using Paths = std::vector<std::string>;

}  // namespace

TEST_CASE("each way in which a file is not as its revision has it is told apart") {
  const Tree tree = live([](Tree& t) {
    t["nginx.conf"].content += "# by hand\n";
    t.erase("gateway.json");
    t["http.d/a.conf"].mode = 0666;
    t["http.d/b.conf"] = {"gunzip on;\n"};
    t["passwd"].irregular = "a symlink";
    t["certs/a.key"] = {"another", 0600};
  });
  CHECK(hand_edits(kept, tree) == std::vector<HandEdit>{{How::changed, "certs/a.key"},
                                                        {How::missing, "gateway.json"},
                                                        {How::rights, "http.d/a.conf"},
                                                        {How::foreign, "http.d/b.conf"},
                                                        {How::changed, "nginx.conf"},
                                                        {How::irregular, "passwd", "a symlink"}});
}

TEST_CASE("a secret file is compared by its fingerprint, and its rights are none of this") {
  TreeFile key{"-----BEGIN PRIVATE KEY-----", 0400};
  Tree store = {{"certs/a.key", {"", 0600, "", fingerprint_of(key)}}};
  CHECK(hand_edits(store, {{"certs/a.key", key}}).empty());
  key.content += "x";
  CHECK(hand_edits(store, {{"certs/a.key", key}}) == std::vector<HandEdit>{{How::changed, "certs/a.key"}});
}

TEST_CASE("a plan takes away what differs from the revision and from what it brings") {
  const Tree edited = live([](Tree& t) {
    t["nginx.conf"].content += "# by hand\n";
    t["http.d/b.conf"] = {"gunzip on;\n"};
    t.erase("http.d/a.conf");
  });
  InstancePlan plan = plan_of(edited, live([](Tree& t) { t["gateway.json"].content = "{\"format\": 2}\n"; }));
  tell_flattened(plan, {{live([](Tree&) {}), ""}});
  CHECK(plan.flattened == Paths{"http.d/b.conf", "nginx.conf", "http.d/a.conf"});
  CHECK(reason(plan, FileKey{"nginx.conf"}) == "edited on the host: that edit goes");
  CHECK(reason(plan, FileKey{"http.d/b.conf"}) == "edited on the host: that edit goes");
  CHECK(reason(plan, FileKey{"http.d/a.conf"}) == "edited on the host: that edit goes");
  CHECK(reason(plan, FileKey{"gateway.json"}) == "(no change)");
  CHECK(plan.impact() == Impact::reload);
}

TEST_CASE("a plan that brings what a hand has made takes nothing away") {
  const Tree edited = live([](Tree& t) { t["http.d/a.conf"].content = "gzip off;\n"; });
  InstancePlan plan = plan_of(edited, edited);
  tell_flattened(plan, {{live([](Tree&) {}), ""}});
  CHECK(plan.flattened.empty());
}

TEST_CASE("no edit is one that a newer revision has, that changes rights or blanks alone, or a tree that is gone") {
  const Tree edited = live([](Tree& t) { t["http.d/a.conf"].content = "gzip off;\n"; });
  const Tree other = live([](Tree& t) { t["http.d/a.conf"].content = "gzip static;\n"; });
  InstancePlan newer = plan_of(edited, other);
  tell_flattened(newer, {{live([](Tree&) {}), ""}, {edited, ""}});
  CHECK(newer.flattened.empty());

  InstancePlan rights = plan_of(live([](Tree& t) { t["nginx.conf"].mode = 0600; }), live([](Tree&) {}));
  tell_flattened(rights, {{live([](Tree&) {}), ""}});
  CHECK(rights.flattened.empty());

  InstancePlan blanks =
      plan_of(live([](Tree& t) { t["gateway.json"].content = "{ \"format\":1 }"; }), live([](Tree&) {}));
  tell_flattened(blanks, {{live([](Tree&) {}), ""}});
  CHECK(blanks.flattened.empty());

  InstancePlan gone = plan_of({}, live([](Tree&) {}));
  tell_flattened(gone, {{live([](Tree&) {}), ""}});
  CHECK(gone.flattened.empty());
}

TEST_CASE("an edited unit is taken away too, one of another orctl is not") {
  InstancePlan plan = plan_of(live([](Tree&) {}), live([](Tree&) {}));
  plan.before->unit = "[Service]\nNice=1\n";
  plan.after->unit = "[Service]\n";
  InstancePlan older = plan;
  tell_flattened(plan, {{live([](Tree&) {}), "[Service]\n"}});
  CHECK(plan.flattened == Paths{"unit"});
  CHECK(reason(plan, Whole::unit) == "edited on the host: that edit goes");
  tell_flattened(older, {{live([](Tree&) {}), older.before->unit}});
  CHECK(older.flattened.empty());
}

TEST_CASE("without a revision to judge by, and where nothing is to be done, nothing is told") {
  const Tree edited = live([](Tree& t) { t["nginx.conf"].content = "# by hand\n"; });
  InstancePlan plan = plan_of(edited, live([](Tree&) {}));
  tell_flattened(plan, {});
  CHECK(plan.flattened.empty());
  plan.changes.clear();
  tell_flattened(plan, {{live([](Tree&) {}), ""}});
  CHECK(plan.flattened.empty());
}
