#pragma once
#include <optional>
#include <string>
#include <vector>

#include "store/history.h"

namespace orctl {

/// A name that somebody gave to a revision: refs/tags/<instance>/<name>.
struct Tag {
  std::string name, commit;
};

/// Why a tag cannot be called so; "" when it can. It looks like no number, no date and no word of ours.
std::string fault_of_tag(const std::string& name);
std::string tag_ref(const std::string& instance, const std::string& name);
/// The instance and the name that a ref of a tag is made of; nullopt when it is none.
struct TagOf {
  std::string instance, name;
};
std::optional<TagOf> tag_of_ref(const std::string& ref);
/// All tags of an instance, by their names.
std::vector<Tag> tags(const World& world, const std::string& instance);

/// The revision that a word means: its number; "live"; "-1", the one applied before the live one; a tag; a date or an
/// RFC 3339 time: the one that was live then, of a day at its end. Exit::usage when there is none.
Revision find_revision(const World& world, const std::string& instance, const std::string& word);

/// What a word for a revision may be; for help and hints.
constexpr const char* revision_words = "a number, -1 (the one before), live, a tag, or a date";

}  // namespace orctl
