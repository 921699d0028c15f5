#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "change/request.h"
#include "host/supervisor.h"
#include "live/evidence.h"
#include "plan/plan.h"
#include "plan/traces.h"
#include "sys/world.h"

namespace orctl {

/// Carries out what a plan, undo() and resume() say of one instance, step by step: each is said to the World's trace,
/// and noted in the Traces by which undo() puts it back. This class orders nothing; how each step is done is in
/// carrier_steps.cc.
class Carrier {
 public:
  /// `there`: of a change that was killed, for resume().
  Carrier(const InstancePlan& plan, Traces there, World& world, const Request& request,
          const std::function<void(const std::string&)>& progress);

  /// The plan's own steps; what fails is put back.
  Outcome run();
  /// What resume() says. Why the change had to be taken back instead of finished; nullopt when it had not. Throws what
  /// leaves it as it is.
  std::optional<std::string> resume();

 private:
  /// Where the steps lead: to what the plan says, first or once more, or back to what was before.
  enum class Way { there, on, back };

  std::vector<Step> make_ready();
  std::string way_to_adopt(const std::string& otherwise) const;
  void refuse_stale() const;
  void refuse_others_place() const;
  std::string applied_now() const;
  bool has_turn_passed(int master);
  void carry_all(const std::vector<Step>& steps);
  void carry_step(const Step& step);
  void settle();  ///< it is proved: say so in the store, tidy up
  Error fail(const Error& cause);
  Error put_back(const Error& cause);  ///< everything as it was; the error to report

  void require_ready(const Step& step);
  void carry(const CheckTree&);
  void carry(const CommitRevision&);
  void carry(const ArmConfirm&);
  void carry(const SwapTree&);
  void carry(const WriteUnit&);
  void carry(const PushGateway&);
  void carry(const PushCertificates&);
  void carry(const Reload&);
  void carry(const Supervise&);
  void carry(const Verify&);
  void carry(const HealSwap&);
  void carry(const RemoveTree&);
  void carry(const RequireTrust&);
  void carry(const RenewTree&);
  void carry(const DropStage&);
  void carry(const RemoveBelongings&);
  void carry(const RemoveInstance&);
  void carry(const MarkApplied&);
  void carry(const NoteOutcome&);
  void swap();
  void start();
  void restart();
  void upgrade();
  void retire();
  void tell(const char* what, const std::function<void()>& step);
  void audit(const std::string& outcome, const std::string& cause);
  Millis took() const;

  /// Of versions that have the same place, user and folders: either.
  const Version& shape() const { return plan_.after ? *plan_.after : *plan_.before; }
  const Version& before() const { return renewed_ ? *renewed_ : *plan_.before; }
  const Version& goal() const { return way_ == Way::back ? before() : shape(); }
  Target target_of(const Version& version) const;
  Ownership ownership() const;

  const InstancePlan& plan_;
  World& world_;
  const Request& request_;
  const std::function<void(const std::string&)>& progress_;
  Way way_ = Way::there;
  Traces there_;
  Outcome outcome_;
  std::string folder_, tree_, stage_;
  Supervisor supervisor_;
  std::optional<Belongings> prepared_;  // what was missing, and made
  int old_master_ = 0;                  // of an upgrade
  std::optional<Version> renewed_;      // from the store, for what others could have changed
  bool rivalled_ = false;               // somebody else changed the document at the same moment
  std::string cause_;                   // why it is put back
  Evidence evidence_;                   // of an apply that was killed: without words, what the log says is not of ours
  Deadline clock_;
};

}  // namespace orctl
