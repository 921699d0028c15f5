#pragma once
#include "answer/answer.h"
#include "sys/world.h"

namespace orctl {

const Noun& certificates_noun();

/// The certificates of a gateway's answer (GET /v1/certs) as items of an instance.
Value::Array certificate_items(const std::string& instance, const Value::Array& told);

/// Those that running gateways serve; the manifest's, by name and hosts only, where one does not answer.
Answer list_certificates(const Choice& choice, const World& world);

}  // namespace orctl
