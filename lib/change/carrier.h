#pragma once

#include "change/finish_interrupted.h"
#include "change/request.h"
#include "host/supervisor.h"
#include "host/target.h"
#include "live/evidence.h"

namespace orctl {

/// Carries one instance's plan out, step by step, and remembers what it did, so that it can put everything back.
/// What a kill leaves behind is told apart by finish_interrupted().
class Carrier {
 public:
  Carrier(const InstancePlan& plan, World& world, const Request& request,
          const std::function<void(const std::string&)>& progress);

  Outcome run();

 private:
  friend void finish_interrupted(const std::string&, World&, const Request&,
                                 const std::function<void(const std::string&)>&);

  std::string way_to_adopt(const std::string& otherwise) const;
  void refuse_stale() const;
  void refuse_others_place() const;
  std::string applied_now() const;
  void await_turn(int master);
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
  void swap();
  void settle();                      ///< it is proved: say so in the store, tidy up
  void put_back(const Error& cause);  ///< everything as it was; throws the error to report
  void put_back_tree();
  void put_back_process();
  void renew(const std::string& folder);
  bool has_lost_socket() const;
  void put_back_ref();
  void remove_all();
  void tell(const char* what, const std::function<void()>& step);
  void audit(const std::string& outcome, const std::string& cause);
  Millis took() const;
  const Version& shape() const { return plan_.after ? *plan_.after : *plan_.before; }
  const Version& before() const { return renewed_ ? *renewed_ : *plan_.before; }
  Target target_of(const Version& version) const;
  Ownership ownership() const { return tree_ownership(shape().spec, world_); }
  void start(const Version& version);

  const InstancePlan& plan_;
  World& world_;
  const Request& request_;
  const std::function<void(const std::string&)>& progress_;
  Outcome outcome_;
  std::string tree_, stage_, commit_;
  Supervisor supervisor_;
  std::optional<Belongings> prepared_;
  int old_master_ = 0;  // of an upgrade, until it has gone
  bool swapped_ = false, unit_written_ = false, disturbed_ = false, pushed_ = false, pushed_certificates_ = false,
       was_running_ = false, stopping_ = false, restarted_ = false, reloaded_ = false, reload_done_ = false;
  std::optional<Version> renewed_;  // from the store, for what others could have changed
  bool unit_of_others_ = false;
  bool beyond_return_ = false;  // a delete has begun to remove files
  Evidence evidence_;           // of an apply that was killed: without words, what the log says is not of ours
  Deadline clock_;
};

}  // namespace orctl
