#pragma once
#include <vector>

#include "answer/answer.h"
#include "plan/plan.h"
#include "sys/world.h"

namespace orctl {

const Noun& drift_noun();

/// Whether the files themselves are wanted beside what is said of them.
enum class WithFiles { no, yes };

struct DriftAnswer {
  Answer answer;
  bool differs = false;  ///< something does, of what could be asked
  /// Of each that differs its files, from what the store has to what lies on the host, and its document, from there to
  /// what the workers serve.
  std::vector<InstancePlan> files;
};

/// How store, disk and what runs differ, of instances and of objects of other kinds: one item for each difference.
DriftAnswer list_drift(const Choice& choice, WithFiles files, const World& world);

}  // namespace orctl
