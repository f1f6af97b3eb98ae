#include "store/postgres_reader.h"

#include <poll.h>

#include <algorithm>
#include <utility>

#include "store/postgres_queries.h"
#include "store/postgres_store.h"

namespace nightpost::store {
namespace {

/// The server gives a slow statement up; only a server that is gone is waited for so much longer.
constexpr milliseconds kReaderGrace{1'000};

const PostgresQuery kSettings = {"reader_settings", "store server",
                                 "SELECT set_config('lock_timeout', $1, false), set_config('statement_timeout', $2, "
                                 "false), set_config('default_transaction_isolation', 'read committed', false), "
                                 "set_config('jit', 'off', false)"};

}  // namespace

PostgresReader::PostgresReader(std::string url, StoreOptions options, PostgresReaderOptions limits)
    : url_(std::move(url)), options_(std::move(options)), limits_(limits) {}

PostgresReader::~PostgresReader() = default;

void PostgresReader::receivers(std::span<const ReceiverKey> keys, MonoTime deadline, Found found) {
  ReceiversQuestion question(keys);
  std::vector<std::string> arguments{question.apps.literal(), question.users.literal()};
  ask({.query = &postgres::kReceivers,
       .arguments = std::move(arguments),
       .deadline = deadline,
       .answer = [question = std::move(question), found = std::move(found)](Result<PostgresRows> rows) mutable {
         found(rows ? question.answer(*rows) : std::unexpected(std::move(rows.error())));
       }});
}

void PostgresReader::app_known(AppId app, MonoTime deadline, Known known) {
  ask({.query = &postgres::kAppKnown,
       .arguments = {std::to_string(app.value)},
       .deadline = deadline,
       .answer = [known = std::move(known)](Result<PostgresRows> rows) mutable {
         known(rows ? Result<bool>(rows->next() && rows->flag(0)) : std::unexpected(std::move(rows.error())));
       }});
}

void PostgresReader::ask(Question question) {
  if (waiting_.size() + sent_.size() >= limits_.questions_max)
    return question.answer(
        fail(Errc::Overloaded, std::string(question.query->table) + ": too many questions to the server are open"));
  waiting_.push_back(std::move(question));
  if (state_ == State::Ready) fill_pipeline();
}

MonoTime PostgresReader::wake_at() const noexcept {
  MonoTime at = state_ == State::Idle ? next_try_ : state_ == State::Connecting ? connect_until_ : MonoTime::max();
  if (silent_since_) at = *silent_since_ + options_.statement_timeout + kReaderGrace;
  for (const auto* questions : {&waiting_, &sent_})
    for (const Question& question : *questions)
      if (question.answer) at = std::min(at, question.deadline);
  return at;
}

void PostgresReader::on_ready(MonoTime now) {
  if (state_ == State::Idle && now >= next_try_) connect(now);
  if (state_ == State::Connecting) go_on_connecting(now);
  if (state_ == State::Ready) {
    if (auto read = read_answers(now); !read)
      lose(std::move(read.error().detail), now);
    else if (silent_since_ && now >= *silent_since_ + options_.statement_timeout + kReaderGrace)
      lose("no answer within store.statement_timeout_ms", now);
    else
      fill_pipeline();
  }
  if (state_ == State::Ready && !sent_.empty() && !silent_since_) silent_since_ = now;
  expire(now);
}

// --- the connection ---

void PostgresReader::connect(MonoTime now) {
  auto begun = begin_connection(url_, options_, addresses_);
  if (!begun) return lose(begun.error().detail, now);
  handle_ = *std::move(begun);
  state_ = State::Connecting;
  connect_until_ = now + options_.connect_timeout;
  wants_write_ = true;
}

void PostgresReader::go_on_connecting(MonoTime now) {
  pollfd socket{.fd = PQsocket(handle_.get()), .events = 0, .revents = 0};
  socket.events = wants_write_ ? POLLOUT : POLLIN;
  const bool is_ready = ::poll(&socket, 1, 0) > 0;  // PQconnectPoll takes a socket that is not for one that is
  switch (is_ready ? PQconnectPoll(handle_.get()) : PGRES_POLLING_ACTIVE) {
    case PGRES_POLLING_OK:
      return set_up(now);
    case PGRES_POLLING_FAILED:
      return lose(connect_error(handle_.get()).detail, now);
    case PGRES_POLLING_WRITING:
      wants_write_ = true;
      break;
    case PGRES_POLLING_READING:
      wants_write_ = false;
      break;
    default:
      break;
  }
  if (now >= connect_until_) lose("store server: no connection within store.connect_timeout_ms", now);
}

void PostgresReader::set_up(MonoTime now) {
  if (auto good = check_connected(handle_.get()); !good) return lose(good.error().detail, now);
  state_ = State::Ready;
  if (PQsetnonblocking(handle_.get(), 1) != 0 || PQenterPipelineMode(handle_.get()) == 0)
    return lose("the connection to the server was lost", now);
  for (const PostgresQuery* query : {&kSettings, &postgres::kReceivers, &postgres::kAppKnown}) {
    if (PQsendPrepare(handle_.get(), query->name, query->sql, 0, nullptr) == 0 || PQpipelineSync(handle_.get()) == 0)
      return lose("the connection to the server was lost", now);
    sent_.push_back({query, {}, MonoTime::max(), {}});
  }
  Question settings{&kSettings,
                    {std::to_string(options_.busy_timeout.count()), std::to_string(options_.statement_timeout.count())},
                    MonoTime::max(),
                    {}};
  if (!send(settings)) return lose("the connection to the server was lost", now);
  sent_.push_back(std::move(settings));
  fill_pipeline();
}

void PostgresReader::lose(std::string trouble, MonoTime now) {
  handle_.reset();
  first_.reset();
  silent_since_.reset();
  state_ = State::Idle;
  wants_write_ = false;
  trouble_ = std::move(trouble);
  backoff_ = backoff_.count() == 0 ? limits_.reconnect_first : std::min(2 * backoff_, limits_.reconnect_max);
  next_try_ = now + backoff_;
  std::deque<Question> sent = std::exchange(sent_, {});
  for (auto question = sent.rbegin(); question != sent.rend(); ++question)
    if (question->answer) waiting_.push_front(std::move(*question));
}

// --- questions and answers ---

bool PostgresReader::send(const Question& question) {
  std::vector<const char*> values;
  for (const std::string& argument : question.arguments) values.push_back(argument.c_str());
  return PQsendQueryPrepared(handle_.get(), question.query->name, static_cast<int>(values.size()), values.data(),
                             nullptr, nullptr, 0) == 1 &&
         PQpipelineSync(handle_.get()) == 1;  // one a question: an error then spoils no other
}

void PostgresReader::fill_pipeline() {
  while (!waiting_.empty() && sent_.size() < limits_.in_pipeline_max) {
    if (!send(waiting_.front())) break;  // its end is read next
    sent_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  wants_write_ = PQflush(handle_.get()) == 1;
}

/// Reads what is there. An error: the connection is no more, or of no use.
Result<void> PostgresReader::read_answers(MonoTime now) {
  const auto lost = [] { return fail(Errc::Io, "the connection to the server was lost"); };
  if (PQconsumeInput(handle_.get()) == 0) return lost();
  while (!sent_.empty() && PQisBusy(handle_.get()) == 0) {
    Handle<PGresult, PQclear> result(PQgetResult(handle_.get()));
    if (!result) {  // the end of one question's rows; its sync follows
      if (PQstatus(handle_.get()) != CONNECTION_OK) return lost();
      continue;
    }
    silent_since_ = now;
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_PIPELINE_SYNC) {
      if (status == PGRES_FATAL_ERROR && ends_connection(result.get())) return lost();
      if (!first_) first_ = std::move(result);
      continue;
    }
    Question question = std::move(sent_.front());
    sent_.pop_front();
    Handle<PGresult, PQclear> first = std::move(first_);
    const bool good =
        first && (PQresultStatus(first.get()) == PGRES_TUPLES_OK || PQresultStatus(first.get()) == PGRES_COMMAND_OK);
    const auto refused = [&] {
      return first ? std::unexpected(error_of(first.get(), question.query->table)) : std::unexpected(lost().error());
    };
    if (!good && question.deadline == MonoTime::max()) return refused();  // of set_up(): of no use without
    if (question.query == &kSettings && good) {
      backoff_ = milliseconds(0);
      trouble_.clear();
    }
    if (!question.answer) continue;
    if (good)
      question.answer(PostgresRows(first.release()));
    else
      question.answer(refused());
  }
  if (sent_.empty()) silent_since_.reset();
  if (PQstatus(handle_.get()) != CONNECTION_OK) return lost();
  return {};
}

void PostgresReader::expire(MonoTime now) {
  std::vector<Question> late;
  for (auto* questions : {&sent_, &waiting_})
    for (Question& question : *questions)
      if (question.answer && now >= question.deadline) {
        late.push_back({question.query, {}, question.deadline, std::move(question.answer)});
        question.answer = nullptr;
      }
  std::erase_if(waiting_, [](const Question& question) { return !question.answer; });
  for (Question& question : late)  // last: an answer may ask again
    question.answer(fail(Errc::Timeout, std::string(question.query->table) + ": no answer from the server in time" +
                                            (trouble_.empty() ? "" : " (" + trouble_ + ")")));
}

}  // namespace nightpost::store
