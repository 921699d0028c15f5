#pragma once
#include "answer/answer.h"
#include "cli/io.h"

namespace orctl {

/// The items of the JSON document, and their table.
void show_items(Io& io, const Noun& noun, const Value::Array& items);

/// Says the remarks that have not been said yet.
void tell_remarks(Io& io, Answer& answer);

/// Remarks and items; returns how it went.
Exit show_answer(Io& io, const Noun& noun, Answer answer);

}  // namespace orctl
