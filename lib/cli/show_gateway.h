// For cmd/override.h, until it names answer/overrides.h itself.
#pragma once
#include "answer/overrides.h"
