#ifndef SPINDLE_NET_DATAGRAM_INTERNAL_UDP_CORE_H_
#define SPINDLE_NET_DATAGRAM_INTERNAL_UDP_CORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/live_counter.h"
#include "net/backend/io_slot.h"
#include "net/datagram/datagram_callbacks.h"
#include "net/datagram/internal/receive_batch.h"
#include "net/datagram/internal/send_queue.h"
#include "net/datagram/internal/setup.h"
#include "net/datagram/udp_options.h"
#include "net/datagram/udp_socket.h"
#include "net/loop/io_host.h"

namespace spindle {

// What the sockets of one server share.
struct UdpConfig {
  DatagramCallbacks callbacks;
  UdpOptions options;
  std::source_location where = {};  // The call that made them.

  bool wants_errors() const { return static_cast<bool>(callbacks.on_error); }
};

// The socket proper: a slot of the loop.
//
// The registration is edge-triggered. A batch that was not filled has emptied the socket; after
// datagrams_per_turn of them the socket queues up behind the others. Writability is watched only
// while the kernel takes no more.
//
// Callbacks run only from Work, which everything that the loop calls ends in: sending records what
// there is to tell, so that no call of the program's calls back. Whatever calls back holds a
// reference to the core, since its owner may go meanwhile; Close then says so.
//
// Loop thread only.
class UdpCore final : public IoSlot,
                      private TimerEntry,
                      public std::enable_shared_from_this<UdpCore>,
                      private LiveCounted<UdpSocket> {
 public:
  // After a shortage of memory.
  static constexpr Duration kRetryDelay = std::chrono::milliseconds(20);
  // What is sent before the batch is full.
  static constexpr size_t kFlushBytes = 256 * 1024;
  // Errors that wait to be told; sending pauses above that until they have been.
  static constexpr size_t kMaxErrors = 64;

  UdpCore(IoHost& host, std::shared_ptr<const UdpConfig> config, DatagramSocket socket);
  ~UdpCore();

  // Bind or Connect, then Start.
  absl::Status Bind(const SocketAddress& local);
  absl::Status Connect(const SocketAddress& peer);
  absl::Status Disconnect();
  // Learns the addresses of a socket that was made elsewhere.
  absl::Status Adopt();
  absl::Status Start(UdpSocket* front);
  // Sends what it can, discards the rest. No callback from now on. Any number of times.
  void Close();

  IoError Send(std::string_view data, const SocketAddress& to, const LocalEnd& from);
  IoError SendToPeer(std::string_view data);
  IoError Reply(const Datagram& datagram, std::string_view data);
  IoError SendSegments(std::string_view data, size_t segment_size, const SocketAddress& to,
                       const LocalEnd& from);
  void FlushNow();

  void PauseReceiving() { paused_ = Open(); }
  void ResumeReceiving();
  bool receiving() const { return !closed_ && !paused_; }

  absl::Status Set(IpOption option, int value);
  absl::Status SetOption(int level, int name, int value);
  absl::Status SetMulticastInterface(uint32_t interface);
  absl::Status Change(Membership change, const SocketAddress& group, const GroupOptions& options);

  // CHECKs the thread; false once closed.
  bool Open() const;
  UdpSocket* front() const { return front_; }
  const SendQueue& queue() const { return queue_; }
  const SocketAddress& local() const { return local_; }
  const SocketAddress& peer() const { return peer_; }
  const DatagramSocket& socket() const { return socket_; }
  bool send_offload() const { return max_segment_ > 0; }
  UdpStats stats() const;
  EventLoop& loop() const { return loop_; }
  const LoopRef& loop_ref() const { return loop_ref_; }
  UdpHandle handle() const;

 private:
  // A destination as the kernel wants it.
  struct Target {
    sockaddr_storage storage;
    socklen_t length = 0;
    SourceControl source;
    std::string_view name() const {
      return {reinterpret_cast<const char*>(&storage), static_cast<size_t>(length)};
    }
  };

  void OnIoEvent(const IoEvent& event) override;
  void OnReady() override;
  void OnFlush() override;
  void OnTimer() override;
  void OnLoopGone() override { Close(); }
  CallbackOrigin origin() const override { return {.kind = "datagrams", .where = config_->where}; }

  void SetPeer(const SocketAddress& peer);
  // What waits for a peer that it no longer is must not reach the next one.
  void DropQueuedForPeer();

  // ---- Sending.
  IoError Resolve(const SocketAddress& to, const LocalEnd& from, Target* target) const;
  size_t MaxPayload(std::string_view name) const;
  // False if the queue is over its limit with `cost` more, even after a flush.
  bool HasRoom(size_t cost);
  IoError Enqueue(std::string_view name, std::string_view data, const SourceControl& source);
  void AfterEnqueue();
  // Gives to the kernel what it takes. Calls nothing back, as all of these.
  void Flush();
  // Has Work called, later in this turn, if something is left to send or to tell.
  void TellSoon();
  // Builds the thread's batch and sends it. The result of sendmmsg(2).
  int TrySend(size_t limit, size_t max_segment);
  // Sends a batch, or drops a datagram that the kernel refuses. False: no more for now.
  bool SendOnce();
  // What follows from the result of a call: whether to go on sending; nothing if it was an error of
  // the first datagram itself.
  std::optional<bool> Settle(int sent);
  // The same for datagrams that were put together, one by one, after that failed with `error`.
  bool SendApart(int error);
  void CountSent(size_t messages);
  void DropFirst(int error);
  // Whether to wait until there is room, after this result of sendmmsg(2).
  bool WouldBlock(int sent) const;
  // Returns false.
  bool WaitForRoom();
  void StopWaiting();

  // ---- Receiving and what there is to tell.
  void Receive();
  // False if nothing has come.
  bool FillBatch();
  void HandOut(size_t* budget);
  void OnReceiveError(int error);
  void ReadErrors();
  void ReadSocketError(bool told);
  void Record(DatagramError error);
  // Tells what has been recorded. False if the socket is closed now.
  bool Tell();
  // Sends, tells, and comes back if something is left.
  void Work();
  void RetryLater();

  IoHost& host_;
  EventLoop& loop_;
  const LoopRef loop_ref_;
  const std::shared_ptr<const UdpConfig> config_;
  DatagramSocket socket_;
  BoundUnixPath path_;
  UdpSocket* front_ = nullptr;
  SocketAddress bound_;  // Before any connecting.
  SocketAddress local_;
  SocketAddress peer_;
  SendQueue queue_;
  std::unique_ptr<ReceiveBatch> batch_;  // While something in it waits to be handed out.
  std::vector<DatagramError> errors_;
  std::vector<DatagramError> telling_;  // Kept for its capacity.
  UdpStats stats_;
  size_t peer_payload_ = 0;  // The most that Send takes.
  size_t max_segment_ = 0;   // The largest that UDP_SEGMENT is used for; 0: not at all.
  int offload_strikes_ = 0;  // Times that it failed.
  bool closed_ = false;
  bool paused_ = false;
  bool handing_out_ = false;    // What is sent leaves with the others.
  bool drained_socket_ = true;  // The latest batch was not filled: nothing until the next event.
  int receive_failures_ = 0;    // In a row.
  bool more_errors_ = false;    // In the error queue.
  bool waiting_ = false;        // For the kernel to take more.
  bool write_watched_ = false;  // Writability is part of the registration.
  bool tell_drained_ = false;   // on_drained is due when the queue is empty.
};

}  // namespace spindle

#endif  // SPINDLE_NET_DATAGRAM_INTERNAL_UDP_CORE_H_
