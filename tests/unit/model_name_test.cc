#include <doctest/doctest.h>

#include <set>

#include "base/text.h"
#include "model/name.h"
#include "model/schema.h"
#include "samples.h"

using namespace orctl;
using namespace orctl::test;

namespace {

std::string parts_at_fault(std::string_view name, const NameRules& rules = {}) {
  std::string out;
  for (const NameFault& fault : check_name(name, rules).faults) out += (out.empty() ? "" : " ") + fault.part;
  return out;
}
std::string suggested(std::string_view name, const NameRules& rules = {}) { return check_name(name, rules).suggestion; }

/// The rules written down a second time, as one would say them.
bool is_right(const std::string& name, const NameRules& rules = {}) {
  const auto parts = split(name, '_');
  if (parts.size() != 4 || name.size() > 64) return false;
  if (std::find(rules.envs.begin(), rules.envs.end(), parts[0]) == rules.envs.end()) return false;
  const auto every = [](const std::string& text, std::string_view alphabet) {
    return text.find_first_not_of(alphabet) == std::string::npos;
  };
  if (parts[1].empty() || !every(parts[1].substr(0, 1), "abcdefghijklmnopqrstuvwxyz") ||
      !every(parts[1], "abcdefghijklmnopqrstuvwxyz0123456789-"))
    return false;
  if (parts[2].size() != 3 || !every(parts[2], "0123456789") || parts[2] == "000") return false;
  return !parts[3].empty() && parts[3].size() <= 5 && every(parts[3], "0123456789") && parts[3][0] != '0' &&
         std::stol(parts[3]) <= 65535;
}

std::string right_name(Random& r) {
  static const NameRules rules;
  std::string module = r.text("abcdefghijklmnopqrstuvwxyz", 1);
  if (r.chance(90)) module += r.text("abcdefghijklmnopqrstuvwxyz0123456789-", 40);
  return Name{r.pick(rules.envs), module, r.between(1, 999), r.between(1, 65535)}.str();
}

}  // namespace

TEST_CASE("5,000 right names are accepted, and say what they are made of") {
  Random random(1);
  CAPTURE(random.seed());
  for (int n = 0; n < 5000; ++n) {
    const std::string text = right_name(random);
    CAPTURE(text);
    REQUIRE(is_right(text));
    const NameCheck checked = check_name(text);
    REQUIRE(checked.name.has_value());
    REQUIRE(checked.faults.empty());
    REQUIRE(checked.suggestion.empty());
    REQUIRE(checked.name->str() == text);
    REQUIRE(known_name(text) == *checked.name);
    REQUIRE(text.compare(0, text.rfind('_'), checked.name->group()) == 0);
  }
}

TEST_CASE("a name is read without its fleet, and nothing else is taken for one") {
  for (const char* text : {"prd_payment_001_8080", "lab7_a-b_999_65535"}) CHECK(read_name(text)->str() == text);
  for (const char* text :
       {"", "backup", "x_y", "a_b_c_d", "prd_pay_001_65536", "prd_pay_000_80", "prd_pay_1_80", "prd_pay_001_080",
        "p-d_pay_001_80", "1rd_pay_001_80", "_pay_001_80", "../../../etc", "-rf", "prd_pay_001_80_"})
    CHECK_FALSE(read_name(text));
}

TEST_CASE("5,000 hostile names are refused with their faults, and what is suggested is right") {
  Random random(2);
  CAPTURE(random.seed());
  std::vector<std::string> hostile = {"",
                                      "_",
                                      "___",
                                      "____",
                                      "prd_payment_001_8080_",
                                      "_prd_payment_001_8080",
                                      "prd_payment_001",
                                      "prd_payment_001_8080\n",
                                      " prd_payment_001_8080",
                                      "prd_payment_001_8080 ",
                                      "../../etc/passwd",
                                      "/etc",
                                      "prd_pay/ment_001_8080",
                                      "prd_.._001_8080",
                                      "-rf_payment_001_8080",
                                      "prd_-payment_001_8080",
                                      "PRD_payment_001_8080",
                                      "prd_Payment_001_8080",
                                      "prd_payment_000_8080",
                                      "prd_payment_1_8080",
                                      "prd_payment_0001_8080",
                                      "prd_payment_001_0",
                                      "prd_payment_001_08080",
                                      "prd_payment_001_65536",
                                      "prd_payment_001_99999999999999999999",
                                      "prd_payment_001_+80",
                                      "prd_payment_001_-80",
                                      "prd_payment_001_0x50",
                                      "prd__001_8080",
                                      "_payment_001_8080",
                                      "prd_payment__8080",
                                      "prd_payment_001_",
                                      "prd_p\u00e4yment_001_8080",
                                      "prd_payment_001_8080\u202e",
                                      "prd_payment_\u0661\u0661\u0661_8080",
                                      "%2e%2e_a_001_80",
                                      "prd_$(id)_001_8080",
                                      "prd_a;b_001_8080",
                                      "prd_a\"b_001_8080",
                                      "prd-payment-001-8080",
                                      "prd_" + std::string(60, 'a') + "_001_8080",
                                      std::string(100000, '_'),
                                      std::string("prd_pay\0ment_001_8080", 21)};
  while (hostile.size() < 5000) {
    std::string name = right_name(random);
    for (int edits = random.between(1, 3); edits > 0 && !name.empty(); --edits) {
      const size_t where = random.below(name.size());
      if (random.chance(50))
        name[where] = static_cast<char>(random.below(256));
      else if (random.chance(50))
        name.insert(where, random.text("_-./ABC0% $\"';\n", 3));
      else
        name.erase(where, 1);
    }
    if (!is_right(name)) hostile.push_back(name);
  }
  size_t suggestions = 0;
  for (const std::string& name : hostile) {
    CAPTURE(to_json(name.substr(0, 100)));
    const NameCheck checked = check_name(name);
    REQUIRE_FALSE(checked.name.has_value());
    REQUIRE_FALSE(checked.faults.empty());
    for (const NameFault& fault : checked.faults) REQUIRE((!fault.text.empty() && fault.offset <= name.size()));
    if (checked.suggestion.empty()) continue;
    ++suggestions;
    REQUIRE(check_name(checked.suggestion).name.has_value());
    REQUIRE(is_right(checked.suggestion));
  }
  CHECK(suggestions > 1000);
}

TEST_CASE("each part is told apart, with the place where it begins") {
  CHECK(parts_at_fault("xyz_payment_001_8080") == "env");
  CHECK(parts_at_fault("prd_9ayment_001_8080") == "module");
  CHECK(parts_at_fault("prd_payment_1_8080") == "seq");
  CHECK(parts_at_fault("prd_payment_001_80800") == "port");
  CHECK(parts_at_fault("prd_payment_001") == "name");
  CHECK(parts_at_fault("Prd_Payment_0_0") == "env module seq port");
  CHECK(parts_at_fault("prd_" + std::string(60, 'a') + "_001_8080") == "name");
  const auto faults = check_name("Prd_Payment_0_0").faults;
  CHECK((faults[0].offset == 0 && faults[1].offset == 4 && faults[2].offset == 12 && faults[3].offset == 14));
}

TEST_CASE("the nearest right name is suggested") {
  CHECK(suggested("PRD_Payment_1_08080") == "prd_payment_001_8080");
  CHECK(suggested("prod_payment_001_8080") == "prd_payment_001_8080");
  CHECK(suggested("prd-payment-001-8080") == "prd_payment_001_8080");
  CHECK(suggested("prd_pay ment_1_8080") == "prd_payment_001_8080");
  CHECK(suggested("prd_payment_0_8080") == "");
  CHECK(suggested("hello") == "");
}

TEST_CASE("a fleet's own environments and modules are the only ones") {
  const NameRules rules{{"blue", "green"}, {"shop", "pay"}};
  CHECK(check_name("blue_shop_001_80", rules).name.has_value());
  CHECK(parts_at_fault("prd_shop_001_80", rules) == "env");
  CHECK(parts_at_fault("blue_other_001_80", rules) == "module");
  CHECK(suggested("blu_shpo_001_80", rules) == "blue_shop_001_80");
}

TEST_CASE("a layout is filled in from the name's parts") {
  const Name name{"prd", "payment", 1, 8080};
  CHECK(fill_layout("{name}", name) == "prd_payment_001_8080");
  CHECK(fill_layout("{env}/{module}/{seq}-{port}", name) == "prd/payment/001-8080");
  CHECK(fill_layout("x{env}{env}", name) == "xprdprd");
}

TEST_CASE("a layout is made of parts of the name, words and folders") {
  for (const char* layout :
       {"{name}", "{env}/{module}/{seq}", "{env}_{module}_{seq}_{port}", "a/v1.2/{name}-x", "x{env}{env}"}) {
    Value document = full_manifest();
    document.set("layout", layout);
    Diagnostics found;
    CHECK_MESSAGE(make_instance(manifest_of(document), nullptr, found).has_value(), std::string(layout));
  }
}

TEST_CASE("a layout may have a dot before a part of the name") {
  Value document = full_manifest();
  document.set("layout", "{env}.{module}");
  Diagnostics found;
  CHECK(make_instance(manifest_of(document), nullptr, found).has_value());
}

TEST_CASE("a layout that is no folder's name is refused") {
  for (const char* layout : {"/x", "//x", "x/{abc", "x/{", ".orctl-stage.x"}) {
    Value document = full_manifest();
    document.set("layout", layout);
    Diagnostics found;
    CHECK_FALSE_MESSAGE(make_instance(manifest_of(document), nullptr, found).has_value(), std::string(layout));
  }
}

TEST_CASE("no layout leads out of the trees") {
  for (const char* layout : {"..", "../x", "a/..", "a/../b", ".", "./a", "a/.", "a//b", "a/", "", "{nam}", "{name",
                             "a b", "a\nb", "a;b", "$a", "%h"}) {
    Value document = full_manifest();
    document.set("layout", layout);
    Diagnostics found;
    CHECK_FALSE_MESSAGE(make_instance(manifest_of(document), nullptr, found).has_value(), std::string(layout));
  }
}
