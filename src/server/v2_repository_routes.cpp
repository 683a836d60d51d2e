// The routes of V2's repository: index, load and unload.
#include "server/repository.h"
#include "server/routes.h"

namespace blindai::server {
namespace {

constexpr std::size_t max_body_bytes = 64 * 1024;

}  // namespace

http::Task<Result<void>> Routes::repository(http::Exchange& exchange, const Target& target,
                                            const Principal& principal) {
  const auto& path = target.path;
  const bool index = path.size() == 3 && path[2] == "index";
  const bool loads = path.size() == 5 && path[2] == "models" && path[4] == "load";
  const bool unloads = path.size() == 5 && path[2] == "models" && path[4] == "unload";
  if (!index && !loads && !unloads) {
    co_return fail(Code::not_found, {"there is nothing at this path"});
  }
  if (!takes(posting, exchange)) {
    co_return co_await refuse_method(exchange, posting);
  }
  if (index) {
    co_return co_await repository_index(exchange, principal);
  }
  BLINDAI_CO_CHECK(may_load(principal));
  BLINDAI_CO_TRY(const Bytes body, co_await read_small_body(exchange, max_body_bytes));
  BLINDAI_CO_CHECK(check_parameters(body, unloads ? "unload_dependents" : ""));
  if (unloads) {
    BLINDAI_CO_CHECK(models_.unload(principal, path[3]));
  } else {
    BLINDAI_CO_CHECK(co_await models_.load(principal, path[3]));
  }
  co_return co_await answer_nothing(exchange);
}

http::Task<Result<void>> Routes::repository_index(http::Exchange& exchange, const Principal& principal) {
  BLINDAI_CO_TRY(const Bytes body, co_await read_small_body(exchange, max_body_bytes));
  BLINDAI_CO_TRY(const bool ready, ready_alone(body));
  co_return co_await answer_json(exchange, 200, index_document(models_.index(principal), ready));
}

}  // namespace blindai::server
