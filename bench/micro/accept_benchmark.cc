// A new connection until its first byte, next to libuv's, Asio's and libevent's; in one run.
//
// Catalogue of workloads:
//   FirstByte   connect to a server that says something as soon as it has accepted, until that is
//               there; then the client resets. One client, so each wakes the server up.
//
// Spread: --benchmark_repetitions=9 --benchmark_enable_random_interleaving=true.

#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <asio.hpp>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <thread>
#include <utility>

#include "benchmark/benchmark.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread.h"
#include "net/stream/connection.h"
#include "net/stream/stream_server.h"

namespace spindle::bench {
namespace {

constexpr char kGreeting[] = "!";

// A listening socket at a free port, that does not block.
class Listener {
 public:
  Listener() {
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address_), sizeof address_) != 0) std::abort();
    if (listen(fd_, 4096) != 0) std::abort();
    socklen_t length = sizeof address_;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &length);
  }
  int fd() const { return fd_; }
  uint16_t port() const { return ntohs(address_.sin_port); }

 private:
  const int fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address_ = {.sin_family = AF_INET,
                          .sin_port = 0,
                          .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
                          .sin_zero = {}};
};

class Ours {
 public:
  static constexpr const char* kName = "spindle";
  Ours() {
    thread_->ref().CallAndWait([this] {
      ConnectionCallbacks callbacks;
      callbacks.on_open = [](Connection& connection) { connection.Write(kGreeting); };
      callbacks.on_bytes = [](Connection&, Buffer& input) { input.Clear(); };
      server_ = *StreamServer::Listen(thread_->loop(), SocketAddress::LoopbackV4(0),
                                      std::move(callbacks));
    });
  }
  uint16_t port() const { return server_->address().port(); }

 private:
  const std::unique_ptr<EventLoopThread> thread_ = *EventLoopThread::Start();
  std::unique_ptr<StreamServer> server_;
};

class LibUv {
 public:
  static constexpr const char* kName = "libuv";
  LibUv() {
    uv_loop_init(&loop_);
    uv_tcp_init(&loop_, &server_);
    uv_tcp_open(&server_, listener_.fd());
    uv_listen(reinterpret_cast<uv_stream_t*>(&server_), 4096, OnAccept);
    uv_async_init(&loop_, &quit_, [](uv_async_t* async) { uv_stop(async->loop); });
    thread_ = std::thread([this] { uv_run(&loop_, UV_RUN_DEFAULT); });
  }
  // The loop's memory goes with the process.
  ~LibUv() {
    uv_async_send(&quit_);
    thread_.join();
    close(listener_.fd());
  }
  uint16_t port() const { return listener_.port(); }

 private:
  static void OnClosed(uv_handle_t* handle) { delete reinterpret_cast<uv_tcp_t*>(handle); }
  static void OnAllocate(uv_handle_t*, size_t, uv_buf_t* buffer) {
    static char block[65536];
    *buffer = uv_buf_init(block, sizeof block);
  }
  static void OnAccept(uv_stream_t* server, int) {
    auto* const client = new uv_tcp_t;
    uv_tcp_init(server->loop, client);
    auto* const stream = reinterpret_cast<uv_stream_t*>(client);
    uv_accept(server, stream);
    uv_buf_t data = uv_buf_init(const_cast<char*>(kGreeting), 1);
    uv_try_write(stream, &data, 1);
    uv_read_start(stream, OnAllocate, [](uv_stream_t* stream, ssize_t size, const uv_buf_t*) {
      if (size < 0) uv_close(reinterpret_cast<uv_handle_t*>(stream), OnClosed);
    });
  }

  Listener listener_;
  uv_loop_t loop_ = {};
  uv_tcp_t server_ = {};
  uv_async_t quit_ = {};
  std::thread thread_;
};

class LibEvent {
 public:
  static constexpr const char* kName = "libevent";
  LibEvent() {
    evconnlistener_new(base_, OnAccept, base_, LEV_OPT_CLOSE_ON_EXEC, 0, listener_.fd());
    thread_ = std::thread([this] {
      while (!quit_) event_base_loop(base_, EVLOOP_ONCE);
    });
  }
  // Its memory goes with the process.
  ~LibEvent() {
    quit_ = true;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = {.sin_family = AF_INET,
                                 .sin_port = htons(port()),
                                 .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
                                 .sin_zero = {}};
    connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    thread_.join();
    close(fd);
    close(listener_.fd());
  }
  uint16_t port() const { return listener_.port(); }

 private:
  struct Client {
    event* read;
  };
  static void OnReadable(evutil_socket_t fd, short, void* argument) {
    const std::unique_ptr<Client> client(static_cast<Client*>(argument));
    event_free(client->read);
    close(fd);
  }
  static void OnAccept(evconnlistener*, evutil_socket_t fd, sockaddr*, int, void* base) {
    send(fd, kGreeting, 1, MSG_NOSIGNAL);
    auto* const client = new Client;
    client->read = event_new(static_cast<event_base*>(base), fd, EV_READ, OnReadable, client);
    event_add(client->read, nullptr);
  }

  Listener listener_;
  event_base* const base_ = event_base_new();
  std::atomic<bool> quit_ = false;
  std::thread thread_;
};

class Asio {
 public:
  static constexpr const char* kName = "asio";
  Asio() {
    Accept();
    thread_ = std::thread([this] { context_.run(); });
  }
  ~Asio() {
    context_.stop();
    thread_.join();
  }
  uint16_t port() const { return port_; }

 private:
  struct Session : std::enable_shared_from_this<Session> {
    explicit Session(asio::ip::tcp::socket its_socket) : socket(std::move(its_socket)) {}
    void Start() {
      asio::async_write(socket, asio::buffer(kGreeting, 1),
                        [self = shared_from_this()](std::error_code, size_t) {
                          self->socket.async_read_some(asio::buffer(self->bytes),
                                                       [self](std::error_code, size_t) {});
                        });
    }
    asio::ip::tcp::socket socket;
    char bytes[64];
  };
  void Accept() {
    acceptor_.async_accept([this](std::error_code error, asio::ip::tcp::socket socket) {
      if (!error) std::make_shared<Session>(std::move(socket))->Start();
      Accept();
    });
  }

  Listener listener_;
  const uint16_t port_ = listener_.port();
  asio::io_context context_{1};
  asio::ip::tcp::acceptor acceptor_{context_, asio::ip::tcp::v4(), listener_.fd()};
  std::thread thread_;
};

template <typename Server>
void FirstByte(benchmark::State& state) {
  Server server;
  const sockaddr_in address = {.sin_family = AF_INET,
                               .sin_port = htons(server.port()),
                               .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
                               .sin_zero = {}};
  const linger reset = {.l_onoff = 1, .l_linger = 0};
  for (auto _ : state) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char byte = 0;
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        recv(fd, &byte, 1, 0) != 1) {
      state.SkipWithError("no greeting");
    }
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
  }
  state.SetLabel(Server::kName);
}

BENCHMARK(FirstByte<Ours>)->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(FirstByte<LibUv>)->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(FirstByte<LibEvent>)->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(FirstByte<Asio>)->UseRealTime()->MeasureProcessCPUTime();

}  // namespace
}  // namespace spindle::bench
