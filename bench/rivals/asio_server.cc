// On Asio: a session for each connection, kept alive by its handlers; async_read_some, async_write.
//
//   asio_server [--loops=N] [--mode=MODE] [--upstream=PORT] HOST PORT

#include <array>
#include <asio.hpp>
#include <deque>

#include "bench/rivals/server.h"

namespace {

using asio::ip::tcp;
using rivals::Message;
using rivals::Mode;

// A buffer of its own for each connection, as the library wants one for as long as it reads.
constexpr size_t kBufferBytes = 16 * 1024;

// What comes on one socket goes to another one, or the same; the next read after the write.
template <typename Owner>
class Pipe {
 public:
  void Start(std::shared_ptr<Owner> owner, tcp::socket& from, tcp::socket& to) {
    from.async_read_some(asio::buffer(buffer_), [this, owner = std::move(owner), &from, &to](
                                                    std::error_code error, size_t size) mutable {
      if (error) return owner->Close();
      asio::async_write(
          to, asio::buffer(buffer_, size),
          [this, owner = std::move(owner), &from, &to](std::error_code error, size_t) mutable {
            if (error) return owner->Close();
            Start(std::move(owner), from, to);
          });
    });
  }

 private:
  std::array<char, kBufferBytes> buffer_;
};

class EchoSession : public std::enable_shared_from_this<EchoSession> {
 public:
  explicit EchoSession(tcp::socket socket) : socket_(std::move(socket)) {}

  void Start() { pipe_.Start(shared_from_this(), socket_, socket_); }
  void Close() {}  // By the destructor.

 private:
  tcp::socket socket_;
  Pipe<EchoSession> pipe_;
};

class RelaySession : public std::enable_shared_from_this<RelaySession> {
 public:
  explicit RelaySession(tcp::socket socket)
      : client_(std::move(socket)), server_(client_.get_executor()) {}

  void Start(const sockaddr_in& upstream) {
    const tcp::endpoint endpoint(asio::ip::address_v4(ntohl(upstream.sin_addr.s_addr)),
                                 ntohs(upstream.sin_port));
    server_.async_connect(endpoint, [self = shared_from_this()](std::error_code error) {
      if (error) return;
      self->server_.set_option(tcp::no_delay(true));
      self->forth_.Start(self, self->client_, self->server_);
      self->back_.Start(self, self->server_, self->client_);
    });
  }
  void Close() {
    std::error_code ignored;
    client_.close(ignored);
    server_.close(ignored);
  }

 private:
  tcp::socket client_;
  tcp::socket server_;
  Pipe<RelaySession> forth_;
  Pipe<RelaySession> back_;
};

class SinkSession : public std::enable_shared_from_this<SinkSession> {
 public:
  explicit SinkSession(tcp::socket socket) : socket_(std::move(socket)) {}

  void Start() {
    socket_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](std::error_code error, size_t) {
                              if (!error) self->Start();
                            });
  }

 private:
  tcp::socket socket_;
  std::array<char, rivals::kReadBytes> buffer_;
};

class Room;

class Member : public std::enable_shared_from_this<Member> {
 public:
  Member(tcp::socket socket, Room& room) : socket_(std::move(socket)), room_(room) {}

  void Start();
  void Deliver(const Message& message) {
    queue_.push_back(message);
    if (queue_.size() == 1) WriteNext();
  }

 private:
  void WriteNext() {
    asio::async_write(socket_, asio::buffer(*queue_.front()),
                      [self = shared_from_this()](std::error_code error, size_t) {
                        if (error) return self->queue_.clear();
                        self->queue_.pop_front();
                        if (!self->queue_.empty()) self->WriteNext();
                      });
  }

  tcp::socket socket_;
  Room& room_;
  size_t place_ = 0;
  std::array<char, kBufferBytes> buffer_;
  std::deque<Message> queue_;
  friend class Room;
};

class Room {
 public:
  explicit Room(asio::io_context& context)
      : mailbox_([this, &context] { asio::post(context, [this] { OnMail(); }); }) {
    rivals::Loops::Join(&mailbox_);
  }

  void Join(std::shared_ptr<Member> member) {
    member->place_ = members_.size();
    members_.push_back(std::move(member));
  }
  void Leave(const Member& member) {
    std::swap(members_[member.place_], members_.back());
    members_[member.place_]->place_ = member.place_;
    members_.pop_back();
  }
  void Say(std::string_view text) {
    Deliver(std::make_shared<const std::string>(text));
    rivals::Loops::PostToOthers(&mailbox_, text);
  }

 private:
  void Deliver(const Message& message) {
    for (const std::shared_ptr<Member>& member : members_) member->Deliver(message);
  }
  void OnMail() {
    for (const Message& message : mailbox_.Take()) Deliver(message);
  }

  rivals::Mailbox mailbox_;
  std::vector<std::shared_ptr<Member>> members_;
};

void Member::Start() {
  socket_.async_read_some(asio::buffer(buffer_),
                          [self = shared_from_this()](std::error_code error, size_t size) {
                            if (error) return self->room_.Leave(*self);
                            self->room_.Say({self->buffer_.data(), size});
                            self->Start();
                          });
}

class Server {
 public:
  Server(asio::io_context& context, const rivals::Options& options, int listener)
      : options_(options), acceptor_(context, tcp::v4(), listener), room_(context) {}

  void Accept() {
    acceptor_.async_accept([this](std::error_code error, tcp::socket socket) {
      if (!error) Open(std::move(socket));
      Accept();
    });
  }

 private:
  void Open(tcp::socket socket) {
    switch (options_.mode) {
      case Mode::kEcho:
        return std::make_shared<EchoSession>(std::move(socket))->Start();
      case Mode::kSink:
        return std::make_shared<SinkSession>(std::move(socket))->Start();
      case Mode::kRelay:
        return std::make_shared<RelaySession>(std::move(socket))->Start(options_.upstream);
      case Mode::kRoom: {
        auto member = std::make_shared<Member>(std::move(socket), room_);
        room_.Join(member);
        return member->Start();
      }
    }
  }

  const rivals::Options options_;
  tcp::acceptor acceptor_;
  Room room_;
};

void Serve(const rivals::Options& options, int listener) {
  asio::io_context context(1);  // One thread runs it.
  Server server(context, options, listener);
  server.Accept();
  context.run();
}

}  // namespace

int main(int argc, char** argv) { return rivals::Main(argc, argv, Serve); }
