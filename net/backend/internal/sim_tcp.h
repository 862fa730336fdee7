#ifndef SPINDLE_NET_BACKEND_INTERNAL_SIM_TCP_H_
#define SPINDLE_NET_BACKEND_INTERNAL_SIM_TCP_H_

#include <deque>
#include <memory>

#include "net/backend/internal/sim_address.h"
#include "net/backend/internal/sim_event_queue.h"
#include "net/backend/internal/sim_socket.h"

namespace spindle {

class SimTcpConnection;

// A TCP socket: the state machine of RFC 9293 as Linux shows it to a program (net/ipv4/tcp.c,
// af_inet.c). TIME_WAIT is kClosed here, as it is there for a socket that is still open.
class SimTcpSocket final : public SimSocket {
 public:
  SimTcpSocket(SimWorld& world, int domain);
  ~SimTcpSocket() override;

  const SimEndpoint& local() const { return local_; }
  const SimEndpoint& remote() const { return remote_; }
  bool closed() const { return state_ == State::kClosed; }
  bool listening() const { return state_ == State::kListen; }
  bool connecting() const { return state_ == State::kSynSent; }
  bool port_chosen_by_connect() const { return port_owner_ == PortOwner::kConnect; }
  // For SimKernel::KillConnection and ResetConnection. Null without a connection.
  SimTcpConnection* connection() { return connection_.get(); }

  int Bind(const sockaddr* address, socklen_t length) override;
  int Listen(int backlog) override;
  int Connect(const sockaddr* address, socklen_t length) override;
  int Shutdown(int how) override;
  int GetSockName(sockaddr* address, socklen_t* length) const override;
  int GetPeerName(sockaddr* address, socklen_t* length) const override;
  int GetAcceptedName(sockaddr* address, socklen_t* length) const override;
  uint32_t Poll() const override;
  void NotePolled() override;
  uint32_t SpuriousBits() const override;
  void OnClose() override;

  // --- From the connection.
  bool accepts_data() const;
  void OnAcknowledged();
  void OnFin();
  void OnFinAcknowledged();
  void OnReset();
  // The peer has vanished: gives up at some time, if there is cause to notice.
  void ArmDeath();

 protected:
  int AcceptError() const override;
  std::shared_ptr<SimSocket> TakePending() override;
  bool AbortPending() override;
  size_t DelayableBytes() const override;
  void HoldBack() override;
  bool CanSend() const override;
  bool InjectReset() override;
  ssize_t RecvSome(char* data, size_t length) override;
  ssize_t SendSome(const char* data, size_t length) override;
  void OnSendUnblocked() override;
  bool listening_state() const override { return listening(); }
  uint8_t tcp_info_state() const override;
  void OnOptionChanged() override;
  bool bound() const override { return local_.port != 0; }

 private:
  enum class State : uint8_t {
    kClosed,
    kListen,
    kSynSent,
    kEstablished,
    kCloseWait,
    kFinWait1,
    kFinWait2,
    kClosing,
    kLastAck,
  };
  // The part of the state that connect(2) and shutdown(2) go by.
  enum class Phase : uint8_t { kUnconnected, kConnecting, kConnected, kDisconnecting };
  // Who settled the local port.
  enum class PortOwner : uint8_t { kNobody, kBind, kConnect, kListener };

  bool can_send_state() const {
    return state_ == State::kEstablished || state_ == State::kCloseWait;
  }
  bool HasSpace() const;
  int BindTo(const SimEndpoint& local, PortOwner owner);
  int ChooseLocal();
  void ReleasePort();

  // One SYN; `attempt` counts from 0. Nothing if connect `serial` is over.
  void ScheduleSyn(uint64_t serial, int attempt, Duration later);
  void Syn(uint64_t serial, int attempt);
  void ConnectTo(SimTcpSocket& other);
  void ConnectToListener(SimTcpSocket& listener);
  void Establish(std::shared_ptr<SimTcpConnection> connection, int side);

  void StartFin();
  void CloseConnection();
  void StopListening();
  // Back to a fresh socket, but for what was bound: tcp_disconnect.
  void Disconnect();
  // The connection is over: tcp_done.
  void Done(int error);
  void NoteTimeWait();

  State state_ = State::kClosed;
  Phase phase_ = Phase::kUnconnected;
  PortOwner port_owner_ = PortOwner::kNobody;
  bool in_ports_ = false;
  SimEndpoint local_;
  SimEndpoint asked_;  // What bind was given; the connect fills in the rest.
  SimEndpoint remote_;
  int shutdown_ = 0;  // kReceive | kSend.
  bool fin_received_ = false;
  bool no_space_ = false;  // Somebody wants to know when there is room.
  uint64_t connect_serial_ = 0;

  std::shared_ptr<SimTcpConnection> connection_;
  int side_ = 0;

  std::deque<std::shared_ptr<SimTcpSocket>> pending_;
  size_t backlog_ = 0;

  SimEventQueue::Id death_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_INTERNAL_SIM_TCP_H_
