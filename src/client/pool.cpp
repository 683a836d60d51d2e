#include "client/pool.h"

#include "client/answers.h"

namespace blindai::client {
namespace {

std::unexpected<Failure> cancelled(PublicText message) {
  return std::unexpected(Failure{Error{Code::cancelled, std::move(message)}});
}

}  // namespace

// What can be lost here is lost before any byte of the request was sent, so an idle connection that died is replaced
// without counting as a repetition.
Outcome<SessionPool::Session> SessionPool::take_once(const Bounds& bounds) {
  while (true) {
    if (bounds.interrupted && bounds.interrupted()) {
      return cancelled({"the call was interrupted"});
    }
    Session session;
    {
      const std::scoped_lock lock(mutex_);
      if (closed_) {
        return cancelled({"the connection was closed: connect again"});
      }
      if (idle_.empty()) {
        break;
      }
      session = std::move(idle_.back());
      idle_.pop_back();
    }
    if (!session->alive()) {
      continue;
    }
    auto ready = session->begin(bounds);
    if (ready) {
      return session;
    }
    // The server may have closed the idle connection; a new one says what is the matter. All else is the answer.
    if (ready.error().error.code != Code::unavailable) {
      return std::unexpected(std::move(ready).error());
    }
  }
  return VerifiedSession::open(settings_, bounds);
}

Outcome<SessionPool::Session> SessionPool::take(const Bounds& bounds, unsigned retries) {
  Attempts attempts(retries, bounds);
  while (true) {
    auto session = take_once(bounds);
    if (session || !attempts.again(session.error(), http::Reached::nothing, Repeatable::no)) {
      return session;
    }
  }
}

void SessionPool::give_back(Session session) {
  session->end();
  const std::scoped_lock lock(mutex_);
  report_ = session->report();
  if (!closed_ && session->usable() && idle_.size() < max_idle_) {
    idle_.push_back(std::move(session));
  }
}

Outcome<http::ClientResponse> SessionPool::exchange_once(http::ClientRequest& request, std::size_t max_answer_bytes,
                                                         const Bounds& bounds, http::Reached& reached) {
  auto session = take_once(bounds);
  if (!session) {
    return std::unexpected(std::move(session).error());
  }
  auto response = (*session)->send(request, max_answer_bytes, &reached);
  give_back(std::move(*session));
  if (!response) {
    return std::unexpected(Failure{std::move(response).error()});
  }
  if (response->status < 200 || response->status >= 300) {
    return std::unexpected(failure_of(*response));
  }
  return std::move(*response);
}

Outcome<http::ClientResponse> SessionPool::exchange(http::ClientRequest& request, std::size_t max_answer_bytes,
                                                    const Bounds& bounds, unsigned retries, Repeatable repeatable) {
  Attempts attempts(retries, bounds);
  while (true) {
    http::Reached reached{};
    auto response = exchange_once(request, max_answer_bytes, bounds, reached);
    if (response || !attempts.again(response.error(), reached, repeatable)) {
      return response;
    }
  }
}

evidence::Report SessionPool::report() const {
  const std::scoped_lock lock(mutex_);
  return report_;
}

void SessionPool::close() {
  std::vector<Session> dropped;
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  dropped.swap(idle_);
}

}  // namespace blindai::client
