// Of git_object.h: git's text formats.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sys/git_object.h"

/// Trees and commits as git writes them (gitformat-… and `git cat-file`): bytes to values and back.
namespace orctl {
namespace {

constexpr size_t id_bytes = 20;

std::string hex_of(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

std::string bytes_of(const std::string& id) {
  std::string out;
  for (size_t i = 0; i + 1 < id.size(); i += 2) out += static_cast<char>(std::stoi(id.substr(i, 2), nullptr, 16));
  return out;
}

/// "name <email> seconds zone" split behind the name.
std::string part_before(const std::string& signature, char end) {
  const size_t at = signature.find(end);
  return std::string(trim(signature.substr(0, at == std::string::npos ? 0 : at)));
}

}  // namespace

std::vector<TreeEntry> parse_tree(const std::string& content) {
  std::vector<TreeEntry> entries;
  for (size_t at = 0; at < content.size();) {
    const size_t blank = content.find(' ', at), zero = content.find('\0', at);
    if (blank == std::string::npos || zero == std::string::npos || blank > zero || blank == at ||
        content.size() - zero - 1 < id_bytes)
      throw Damage{"it is no list of files", ""};
    entries.push_back({content.substr(at, blank - at), content.substr(blank + 1, zero - blank - 1),
                       hex_of(std::string_view(content).substr(zero + 1, id_bytes))});
    at = zero + 1 + id_bytes;
  }
  return entries;
}

std::string tree_text(std::vector<TreeEntry> entries) {
  // git compares a folder's name as if a slash stood behind it
  const auto key = [](const TreeEntry& e) { return e.is_tree() ? e.name + "/" : e.name; };
  std::sort(entries.begin(), entries.end(), [&](const TreeEntry& a, const TreeEntry& b) { return key(a) < key(b); });
  std::string out;
  for (const TreeEntry& e : entries) {
    out += e.mode + " " + e.name;
    out += '\0';
    out += bytes_of(e.id);
  }
  return out;
}

std::string CommitText::author_name() const { return part_before(author, '<'); }

int64_t CommitText::time() const {
  const size_t end = committer.rfind('>');
  if (end == std::string::npos) return 0;
  const std::string rest(trim(committer.substr(end + 1)));
  return parse_number(rest.substr(0, rest.find(' ')), INT64_MAX).value_or(0);
}

CommitText parse_commit(const std::string& content) {
  CommitText out;
  size_t at = 0;
  while (at < content.size() && content[at] != '\n') {
    const size_t end = content.find('\n', at);
    if (end == std::string::npos) break;
    const std::string line = content.substr(at, end - at);
    at = end + 1;
    const size_t blank = line.find(' ');
    const std::string key = line.substr(0, blank), value = blank == std::string::npos ? "" : line.substr(blank + 1);
    if (key == "tree") out.tree = value;
    if (key == "parent") out.parents.push_back(value);
    if (key == "author") out.author = value;
    if (key == "committer") out.committer = value;
  }
  const bool parents = std::all_of(out.parents.begin(), out.parents.end(), is_object_id);
  if (!is_object_id(out.tree) || !parents || out.committer.empty()) throw Damage{"it is no commit", ""};
  while (at < content.size() && content[at] == '\n') ++at;
  out.message = content.substr(at);
  return out;
}

std::string commit_text(const CommitText& commit) {
  std::string out = "tree " + commit.tree + "\n";
  for (const std::string& parent : commit.parents) out += "parent " + parent + "\n";
  return out + "author " + commit.author + "\ncommitter " + commit.committer + "\n\n" + commit.message;
}

}  // namespace orctl
