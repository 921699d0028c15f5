#pragma once
#include <string>

#include "base/tree.h"
#include "model/instance.h"

namespace orctl {

/// Warns of each file of an overlay's certs/ that the store will keep as its fingerprint only, although neither the
/// file nor what names it says that it is a secret: a bundle of certificates with words between them, for example.
/// `folder` is the overlay's, as it is shown.
void warn_kept_as_secret(const Instance& instance, const Tree& overlay, const std::string& folder, Diagnostics& found);

}  // namespace orctl
