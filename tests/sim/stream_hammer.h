#ifndef SPINDLE_TESTS_SIM_STREAM_HAMMER_H_
#define SPINDLE_TESTS_SIM_STREAM_HAMMER_H_

#include "net/stream/connection.h"

namespace spindle {

class StreamWorld;

// One random operation, from inside whatever callback is running: on the connection it is for, on
// another one, on the server, a client, a timer or a loop. Catalogue D1.
class StreamHammer {
 public:
  // `self` may be null.
  StreamHammer(StreamWorld& world, Connection* self) : world_(world), self_(self) {}

  void Act();
  // Writes in one of the ways there are, as far as the talk allows.
  void WriteSome(Connection& connection);

 private:
  void ActOn(Connection& connection);
  void EndSomehow(Connection& connection);
  void SetSomething(Connection& connection);
  void SetSocketOption(Connection& connection);
  void ActOnSibling();
  void CallHandle(const ConnectionHandle& handle);
  void ActOnServer();
  void ActOnClient();
  void ActOnTimer();
  void ActOnLoop();
  void BreakSomething();
  ConnectionHandle AnyHandle();

  StreamWorld& world_;
  Connection* const self_;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_SIM_STREAM_HAMMER_H_
