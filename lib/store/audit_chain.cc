#include "store/audit_chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/text.h"
#include "model/read.h"

namespace orctl {
namespace {

constexpr size_t hash_digits = 64;
constexpr int64_t most_lines = int64_t{1} << 50;

/// How a line of the chain ends: `,"hash":"…"}`.
std::string ending(const std::string& hash) { return fmt::format(R"(,"hash":"{}"}})", hash); }

std::string text_in(const Value& record, const char* key) {
  const Value* v = record.find(key);
  return v != nullptr && v->is_string() ? v->as_string() : "";
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r") == std::string_view::npos; }

/// Goes through the lines in their order, and says where the chain is broken.
class ChainCheck {
 public:
  ChainCheck(AuditRead& out, const std::map<int64_t, std::string>& known) : out_(out), known_(known) {
    for (const AuditLine& line : out.lines) all_.insert(line.number);
  }

  void run(std::string_view before_chain) {
    last_hash_ = sealed_hash(before_chain);
    for (const AuditLine& line : out_.lines) {
      if (line.number == 0 && expected_ == 1 && passed_.empty())
        ++out_.before_chain;
      else if (line.number == 0)
        strangers_.push_back(&line);
      else
        check(line);
    }
    for (const AuditLine* stranger : strangers_)
      if (stranger == &out_.lines.back() && !stranger->record)
        tell(*stranger, "it is torn: a kill or a power cut ended it in the middle", false);
      else
        tell(*stranger, "it was inserted, or changed: it is no line of the chain");
    out_.last = expected_ - 1;
    check_known();
  }

 private:
  void tell(const AuditLine& line, std::string what, bool fatal = true) {
    out_.faults.push_back({fmt::format("{}:{}", line.file, line.line), std::move(what), fatal});
  }

  void check(const AuditLine& line) {
    tell_strangers(line);
    const bool seen = !passed_.insert(line.number).second;
    if (!line.sound)
      tell(line, fmt::format("line {} of the chain was changed: its hash is another", line.number));
    else if (seen)
      tell(line, fmt::format("line {} of the chain stands there once more: it was inserted", line.number));
    else if (line.number < expected_)
      tell(line,
           fmt::format("line {} of the chain stands behind line {}: they were reordered", line.number, expected_ - 1));
    else if (line.number > expected_)
      tell_gap(line);
    else if (line.prev != last_hash_)
      tell_before(line);
    if (line.number >= expected_) expected_ = line.number + 1, last_hash_ = line.hash, last_ = &line;
  }

  void tell_gap(const AuditLine& line) {
    // the set holds this line's own number at the latest
    if (*all_.lower_bound(expected_) < line.number)
      return tell(line, fmt::format("line {} of the chain stands where line {} was: they were reordered", line.number,
                                    expected_));
    const std::string which = line.number == expected_ + 1
                                  ? fmt::format("line {} of the chain is", expected_)
                                  : fmt::format("lines {} to {} of the chain are", expected_, line.number - 1);
    if (replaced_ != line.number - expected_) tell(line, which + " missing before it: removed");
  }

  /// Its `prev` is not what stands before it.
  void tell_before(const AuditLine& line) {
    if (last_ != nullptr)
      tell(*last_, fmt::format("line {} of the chain was changed, and its hash made anew: the next line tells of "
                               "another",
                               last_->number));
    else
      tell(line, "what stands before the first line of the chain was changed");
  }

  /// Lines that are none of the chain, before one that is.
  void tell_strangers(const AuditLine& next) {
    replaced_ = 0;
    const auto missing = static_cast<size_t>(std::max<int64_t>(next.number - expected_, 0));
    for (size_t i = 0; i < strangers_.size(); ++i) {
      const AuditLine& one = *strangers_[i];
      if (next.after_torn && !one.record)
        tell(one, "it is torn: a kill or a power cut ended it in the middle", false);
      else if (i < missing)
        ++replaced_, tell(one, fmt::format("line {} of the chain was changed", expected_ + static_cast<int64_t>(i)));
      else
        tell(one, "it was inserted: it is no line of the chain");
    }
    strangers_.clear();
  }

  /// What the store remembers of the log.
  void check_known() {
    std::map<int64_t, const AuditLine*> by_number;
    for (const AuditLine& line : out_.lines)
      if (line.number != 0) by_number.emplace(line.number, &line);
    for (const auto& [number, hash] : known_) {
      const auto found = by_number.find(number);
      if (found != by_number.end() && found->second->hash == hash) continue;
      if (number > out_.last)
        return out_.faults.push_back({out_.lines.empty() ? "the log" : out_.lines.back().file,
                                      fmt::format("it ends with line {} of the chain, and the store knows of line {}: "
                                                  "what came last was cut off",
                                                  out_.last, known_.rbegin()->first),
                                      true});
      if (found == by_number.end()) continue;  // told as a gap
      return tell(*found->second, fmt::format("line {} of the chain is not the one that the store knows: it was "
                                              "written anew",
                                              number));
    }
  }

  AuditRead& out_;
  const std::map<int64_t, std::string>& known_;
  std::set<int64_t> all_, passed_;
  std::vector<const AuditLine*> strangers_;
  const AuditLine* last_ = nullptr;
  std::string last_hash_;
  int64_t expected_ = 1, replaced_ = 0;
};

}  // namespace

std::string sealed_hash(std::string_view text) { return sha256(text); }

std::string chained_line(Value record, const AuditEnd& end) {
  record.set("seq", end.number + 1);
  record.set("prev", end.hash);
  if (end.torn) record.set("after_torn", true);
  std::string text = to_json(record);
  const std::string hash = sha256(text);
  text.pop_back();
  return (end.terminated ? "" : "\n") + text + ending(hash) + "\n";
}

AuditLine read_audit_line(std::string_view text) {
  AuditLine out;
  Diagnostics found;
  auto record = read_json({"", std::string(text)}, found);
  if (!record || !record->is_object()) return out;
  out.record = std::move(*record);
  const Value* number = out.record->find("seq");
  out.hash = text_in(*out.record, "hash");
  if (number == nullptr || !number->is_int() || number->as_int() < 1 || number->as_int() > most_lines ||
      out.hash.size() != hash_digits)
    return out;
  out.number = number->as_int();
  out.prev = text_in(*out.record, "prev");
  out.after_torn = out.record->find("after_torn") != nullptr;
  const std::string end = ending(out.hash);
  out.sound = text.ends_with(end) && sha256(std::string(text.substr(0, text.size() - end.size())) + "}") == out.hash;
  return out;
}

std::optional<AuditEnd> end_of_audit(std::string_view tail) {
  AuditEnd end;
  end.terminated = tail.empty() || tail.ends_with('\n');
  for (size_t stop = tail.size(); stop > 0;) {
    if (tail[stop - 1] == '\n') {
      --stop;
      continue;
    }
    const size_t newline = tail.rfind('\n', stop - 1);
    const size_t start = newline == std::string_view::npos ? 0 : newline + 1;
    const AuditLine line = read_audit_line(tail.substr(start, stop - start));
    if (line.number != 0) {
      end.number = line.number;
      end.hash = line.hash;
      return end;
    }
    if (!line.record && stop == tail.size()) end.torn = true;
    stop = start;
  }
  return std::nullopt;
}

AuditRead read_audit(const std::vector<AuditFile>& files, const std::map<int64_t, std::string>& known) {
  AuditRead out;
  std::string before_chain;
  bool begun = false;
  for (const AuditFile& file : files) {
    size_t number = 0;
    for (size_t at = 0; at < file.text.size();) {
      const size_t newline = std::min(file.text.find('\n', at), file.text.size());
      const std::string_view text = std::string_view(file.text).substr(at, newline - at);
      AuditLine line = read_audit_line(text);
      begun = begun || line.number != 0;
      if (!begun) before_chain += file.text.substr(at, newline + 1 - at);
      at = newline + 1;
      line.file = file.path;
      line.line = ++number;
      if (!is_blank(text)) out.lines.push_back(std::move(line));
    }
  }
  ChainCheck(out, known).run(before_chain);
  return out;
}

}  // namespace orctl
