// The collector's admin server and what it watches: a status board and a box for questions per
// worker. Wires, decides nothing. Lives longer than the workers.
#pragma once

#include "admin/admin.h"
#include "kafka/operator_thread.h"
#include "runtime/mailbox.h"
#include "settings.h"

#include <deque>
#include <memory>
#include <string>

namespace muster::cmd {

class AdminSide {
 public:
  AdminSide(const CollectorSettings& settings, std::deque<runtime::Mailbox>& mailboxes);
  ~AdminSide();

  // Empty, or why the process should not go on. Sets `kafka.admin` to where others find us.
  [[nodiscard]] std::string start(kafka::Settings& kafka);
  // The topics have been seen.
  void adopt(const CollectorSettings& settings);

  // Of the i-th worker. Null: nobody can ask.
  runtime::StatusBoard* board(size_t i) { return admin_ ? &boards_[i] : nullptr; }
  runtime::Questions* questions(size_t i) { return admin_ ? &questions_[i] : nullptr; }

 private:
  const AdminSettings settings_;
  std::deque<runtime::StatusBoard> boards_;
  std::deque<runtime::Questions> questions_;
  admin::Context context_;
  std::unique_ptr<admin::Admin> admin_;
  std::unique_ptr<kafka::OperatorThread> kafka_;
};

}  // namespace muster::cmd
