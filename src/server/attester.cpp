#include "server/attester.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/events.h"

namespace blindai::server {
namespace {

namespace asio = boost::asio;
constexpr auto longest_wait = std::chrono::seconds(5);
constexpr std::size_t max_waiting = 4096;

std::unexpected<Error> no_evidence() {
  return fail(Code::unavailable, {"no evidence could be made in time; try again later"});
}

}  // namespace

struct Attester::Waiter {
  Waiter(const asio::any_io_executor& executor, const channel::AttestRequest& asked)
      : timer(executor, longest_wait), request(asked) {}
  asio::steady_timer timer;
  const channel::AttestRequest request;
  Result<Attested> result = no_evidence();  // written before the timer is cancelled, read after
  bool done = false;                        // on the waiter's executor
};

Attester::Attester(Keysets& keysets, tee::Platform& platform)
    : keysets_(keysets), platform_(platform), thread_([this] { work(); }) {}

Attester::~Attester() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

asio::awaitable<Result<Attested>> Attester::attest(asio::any_io_executor executor,
                                                   const channel::AttestRequest& request) {
  auto waiter = std::make_shared<Waiter>(executor, request);
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_ || waiting_.size() >= max_waiting) {
      co_return no_evidence();
    }
    waiting_.push_back(waiter);
  }
  wake_.notify_one();
  boost::system::error_code ignored;
  co_await waiter->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (!waiter->done) {
    co_return no_evidence();
  }
  co_return std::move(waiter->result);
}

void Attester::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (stopping_) {
      return;
    }
    auto batch = std::exchange(waiting_, {});
    lock.unlock();
    serve(std::move(batch));
    lock.lock();
  }
}

Result<evidence::Item> Attester::standing(const LiveKeyset& keyset) {
  if (const auto found = standing_.find(keyset.id); found != standing_.end()) {
    return found->second;
  }
  const auto live = keysets_.live_ids();
  std::erase_if(standing_, [&](const auto& entry) { return std::ranges::find(live, entry.first) == live.end(); });
  const Digest nothing;
  BLINDAI_TRY(auto item, platform_.quote(report_data(channel::EvidenceKind::standing, keyset.id, nothing.view())));
  return standing_.emplace(keyset.id, std::move(item)).first->second;
}

void Attester::serve(std::vector<std::shared_ptr<Waiter>> batch) {
  const auto keyset = keysets_.current();
  std::vector<Bytes> nonces;
  for (const auto& waiter : batch) {
    if (waiter->request.fresh) {
      nonces.push_back(copy(waiter->request.nonce));
    }
  }
  Result<evidence::Item> fresh = no_evidence();
  const channel::MerkleTree tree(nonces);
  if (!nonces.empty()) {
    fresh = platform_.quote(report_data(channel::EvidenceKind::fresh, keyset->id, tree.root().view()));
  }
  std::uint64_t index = 0;
  for (auto& waiter : batch) {
    const bool is_fresh = waiter->request.fresh;
    Result<evidence::Item> item = is_fresh ? fresh : standing(*keyset);
    if (item) {
      waiter->result = Attested{keyset, std::move(*item), is_fresh ? std::optional(tree.path(index)) : std::nullopt};
    } else {
      log(Event::evidence_failed, item.error());
      waiter->result = no_evidence();
    }
    index += is_fresh ? 1 : 0;
    const auto executor = waiter->timer.get_executor();
    asio::post(executor, [waiter = std::move(waiter)] {
      waiter->done = true;
      waiter->timer.cancel();
    });
  }
}

}  // namespace blindai::server
