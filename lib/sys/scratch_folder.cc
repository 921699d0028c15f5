#include "sys/scratch_folder.h"

#include <stdlib.h>

#include "sys/env.h"
#include "sys/fault.h"
#include "sys/fs.h"

namespace orctl {

ScratchFolder::ScratchFolder() {
  const std::string base = Env{}.get("TMPDIR");
  path_ = (base.empty() ? "/tmp" : base) + "/orctl.XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) throw change_fault("make the folder", path_, errno);
}

ScratchFolder::~ScratchFolder() {
  try {
    Fs({}).remove(path_);
  } catch (const Error&) {  // whoever cleans up temporary folders finds it
  }
}

}  // namespace orctl
