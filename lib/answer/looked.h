#pragma once
#include <optional>
#include <string>
#include <vector>

#include "answer/answer.h"
#include "live/observe.h"
#include "live/served_certificates.h"
#include "sys/world.h"

/// What every answer about many instances has in common: who is looked at, and what is said beside it.
namespace orctl {

/// Why nothing that only the gateway of an instance knows can be told: it runs and does not answer.
std::optional<Error> silence_of_gateway(const Observed& o);

/// A file of the store that is damaged.
Error store_error(const Git::Fault& fault);

/// Says what of the store hides an instance whose name is not known.
void tell_hidden_instances(const World& world, const std::function<void(const Error&)>& tell);

/// Warns of who besides root could change what an instance runs.
void warn_distrusted(Answer& answer, const Observed& o, const World& world);

/// Warns of a certificate that ends soon.
void warn_ending(Answer& answer, const std::string& instance, const Ending& ending);

/// What is wrong with an object that lives in files, and what mends it: they are not those of its live revision, or
/// cannot be read. nullopt when nothing is.
std::optional<Error> fault_of_object(const Observed& o);

/// Warns of instances with two masters: what is asked of such a one, one of the two answers.
void warn_masters(Answer& answer, const std::vector<std::string>& names, const World& world);

/// Says of which upstreams nothing is known but what the manifest says: nginx balances them by itself.
void warn_uncounted(Answer& answer, const std::string& instance, const Value::Array& upstreams);

/// Whether an instance that could be looked at is an answer, or its gateway gives that.
enum class Counts { yes, no };

/// Looks at the chosen instances, each once; those whose store or files are damaged among them.
std::vector<Observed> look_at(const Choice& choice, Counts counts, const World& world, Answer& answer);

/// The items that `list` makes of each chosen instance, most of which its gateway tells.
Answer list_of_gateways(const Choice& choice, const World& world,
                        const std::function<Value::Array(const Observed&)>& list);

/// An item of a gateway's answer that is about one server, as a thing of an instance ("": its name is not said): the
/// gateway calls the address "server".
Value of_server(const std::string& instance, const Value& item);

/// "prd_pay_001_8080/pay/10.0.0.1:8080" of such an item.
std::string server_text(const Value& item, const std::string& field);

}  // namespace orctl
