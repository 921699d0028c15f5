#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/value.h"

/// The audit log as a chain. Each line is an object whose last members are `seq` (1, 2, …), `prev`, the hash of the
/// line before, `after_torn` where a torn line stands between the two, and `hash`, the SHA-256 of the line without it.
/// The first line's `prev` is that of all that an older orctl had written before it. Pure.
namespace orctl {

/// What the next line follows.
struct AuditEnd {
  int64_t number = 0;      ///< of the last line; 0: there is none
  std::string hash;        ///< its hash; of no line, that of what stands before the chain
  bool terminated = true;  ///< whether what is there ends with a newline
  bool torn = false;       ///< behind that line stands one without an end, that was never whole
};

/// `record` as the line, with its newline, that follows `end`.
std::string chained_line(Value record, const AuditEnd& end);

/// One line of the log, as it can be made out.
struct AuditLine {
  std::string file;
  size_t line = 0;              ///< from 1
  std::optional<Value> record;  ///< nullopt: no JSON object
  int64_t number = 0;           ///< 0: no line of the chain
  std::string prev, hash;
  bool after_torn = false, sound = false;  ///< sound: its hash is that of its text
};
AuditLine read_audit_line(std::string_view text);

/// The end that `tail`, the last bytes of the log, shows; nullopt when no line of the chain is in it.
std::optional<AuditEnd> end_of_audit(std::string_view tail);

/// Something that is not as it was written.
struct AuditFault {
  std::string place;  ///< "FILE:LINE"
  std::string what;
  bool fatal = true;  ///< else it is told, and no sign that somebody changed the log
};

/// A file of the log, the oldest first.
struct AuditFile {
  std::string path, text;
};
/// All lines, and what is wrong with them, the first first. `known`: hashes of lines by their numbers, as the store
/// has them. `sealed`: the hash of what stands before the chain.
struct AuditRead {
  std::vector<AuditLine> lines;
  std::vector<AuditFault> faults;
  size_t before_chain = 0;  ///< lines of an older orctl
  int64_t last = 0;         ///< number of the last line
};
AuditRead read_audit(const std::vector<AuditFile>& files, const std::map<int64_t, std::string>& known);

/// The hash of what an older orctl wrote before the chain.
std::string sealed_hash(std::string_view text);

}  // namespace orctl
