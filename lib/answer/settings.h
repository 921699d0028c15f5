#pragma once
#include <string>
#include <vector>

#include "answer/answer.h"
#include "model/config.h"

namespace orctl {

/// The keys of the configuration as they hold: what the files say, and over it what a call's flags and environment do.
Value::Array setting_items(const Config& config, const std::vector<Setting>& of_call);

enum class ShowOrigin { no, yes };

/// The same as the lines of a configuration file.
std::string settings_text(const Value::Array& items, ShowOrigin show);

}  // namespace orctl
