#pragma once
#include "model/instance.h"
#include "model/listener.h"

namespace orctl {

/// Warns of what a manifest gives and nothing reads where it stands: fields of checks of another type, fields that
/// another one makes void, what a [source] replaces.
void warn_idle_fields(const Instance& instance, const Report& report);

/// Warns of tables without a field, which say as much as absent ones; `written` is a manifest before its defaults.
void warn_empty_tables(const Value& written, const Report& report);

}  // namespace orctl
