#pragma once
#include <string>

#include "base/tree.h"
#include "model/instance.h"
#include "sys/folder.h"

namespace orctl {

/// Where a manifest's field `files` leads from the folder that was named; the manifest lies in `above` below that.
std::string overlay_folder(const Value& files, const std::string& above);

/// Reads the files that a manifest (`source`, field `files`) lays over its tree, from below `base` alone and through no
/// symlink, and adds to `found` what may not be there: other places than http.d/, streams.d/, lua/ and certs/, odd
/// names, binary files, forbidden directives, too much. Hidden files and folders are left out.
Tree read_overlay(const Source& source, const Value& files, const Folder& base, const std::string& above,
                  Diagnostics& found);

/// Adds to `found` what of an overlay that lies in the folder `shown` may not be there; `files` is the field that names
/// it.
void check_overlay(const Source& source, const Value& files, const Tree& overlay, const std::string& shown,
                   Diagnostics& found);

/// The files of a tree that its manifest's folder laid over it; render() makes the others.
Tree overlay_of(const Tree& tree);

/// Adds to `found` every Lua module that a check of `instance` names and its overlay does not hold.
void check_modules(const Instance& instance, const Tree& overlay, Diagnostics& found);

}  // namespace orctl
