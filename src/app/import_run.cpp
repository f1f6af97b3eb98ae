#include "app/import_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <unordered_map>
#include <utility>

#include "app/line_reader.h"
#include "app/row_line.h"

namespace nightpost::app {
namespace {

using store::Store;

/// What tells devices from users.
template <class Row>
struct Kind {
  Result<Row> (RowDecoder::*decode)(std::string_view line);
  std::function<Result<void>(const Row&)> check;  // beyond what the store checks
  Result<std::vector<Store::RefusedRow>> (Store::*write)(std::span<const Row>, Store::ImportMode);
};

bool blank(std::string_view line) { return line.find_first_not_of(" \t") == line.npos; }

template <class Row>
class Run {
 public:
  Run(Store& store, const ImportOptions& options, const ImportHooks& hooks, Kind<Row> kind)
      : store_(store), options_(options), hooks_(hooks), kind_(std::move(kind)) {}

  ImportEnd all() {
    std::uint64_t from = options_.from_line;
    for (const std::string& file : options_.files) {
      end_.file = file;
      end_.next_line = from;
      batch_ = {.last_line = from - 1};
      if (const auto done = one(file, from); !done) {
        end_.error = done.error();
        break;
      }
      if (end_.stopped) break;
      from = 1;
    }
    return std::move(end_);
  }

  /// `text` whole.
  ImportEnd lines(std::string_view text) {
    end_.tally.bytes = text.size();
    for (std::uint64_t number = options_.from_line; !text.empty(); ++number) {
      const std::size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      text = end == text.npos ? std::string_view() : text.substr(end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      const bool too_long = line.size() > kRowLineBytesMax;
      take({.number = number, .text = too_long ? std::string_view() : line, .too_long = too_long});
    }
    if (auto done = took(batch_, write(batch_)); !done) end_.error = done.error();
    return std::move(end_);
  }

 private:
  struct Bad {
    std::uint64_t line;
    std::string why;
  };
  /// Lines of one commit.
  struct Batch {
    std::vector<Row> rows;
    std::vector<std::uint64_t> numbers;  // of the rows' lines
    std::vector<Bad> bad;
    std::size_t bytes = 0;
    std::uint64_t last_line = 0;  // looked at by then
  };
  using Refused = Result<std::vector<Store::RefusedRow>>;

  Result<void> one(const std::string& file, std::uint64_t from) {
    auto lines = LineReader::open(file, kRowLineBytesMax, hooks_.stopped);
    if (!lines) return std::unexpected(std::move(lines.error()));
    const std::uint64_t bytes_before = end_.tally.bytes;
    for (;;) {
      const auto line = lines->next();
      if (!line) {
        if (auto done = settle(); !done) return done;
        hand_over();  // what was read is whole
        if (auto done = settle(); !done) return done;
        return std::unexpected(line.error());
      }
      if (*line) {
        if ((*line)->number >= from) take(**line);
      }
      end_.tally.bytes = bytes_before + lines->bytes_read();
      const bool full =
          batch_.rows.size() + batch_.bad.size() >= options_.batch_lines || batch_.bytes >= kImportBatchBytes;
      if (*line && !full) continue;
      if (auto done = settle(); !done) return done;
      hand_over();
      const bool stopped = hooks_.stopped();
      if (stopped || !*line)
        if (auto done = settle(); !done) return done;
      hooks_.progress(end_.tally);
      end_.stopped = stopped;
      if (stopped || !*line) return {};
    }
  }

  void take(const LineReader::Line& line) {
    batch_.last_line = line.number;
    if (line.too_long) return refuse(line.number, fmt::format("longer than {} bytes", kRowLineBytesMax));
    if (blank(line.text)) return;
    batch_.bytes += line.text.size();
    auto row = (decoder_.*kind_.decode)(line.text);
    if (!row) return refuse(line.number, std::move(row.error().detail));
    if (auto ok = kind_.check(*row); !ok) return refuse(line.number, std::move(ok.error().detail));
    ++end_.tally.lines;
    batch_.rows.push_back(*std::move(row));
    batch_.numbers.push_back(line.number);
  }

  void refuse(std::uint64_t line, std::string why) {
    ++end_.tally.lines;
    batch_.bad.push_back({line, std::move(why)});
  }

  /// The batch in hand is written while the next one is read. REQUIRED: the one before is settled.
  void hand_over() {
    going_ = std::exchange(batch_, {.last_line = batch_.last_line});
    writing_ = std::async(std::launch::async, [this] { return write(going_); });
  }
  /// Waits for the batch that is being written, if there is one.
  Result<void> settle() {
    if (!writing_.valid()) return {};
    return took(going_, writing_.get());
  }
  Refused write(const Batch& batch) {
    if (batch.rows.empty()) return {};
    return (store_.*kind_.write)(batch.rows, options_.dry_run ? Store::ImportMode::Check : Store::ImportMode::Write);
  }
  /// The store's answer to it.
  Result<void> took(Batch& batch, Refused refused) {
    if (!refused) return std::unexpected(std::move(refused.error()));
    end_.tally.written += batch.rows.size() - refused->size();
    for (Store::RefusedRow& row : *refused) batch.bad.push_back({batch.numbers[row.row], std::move(row.why)});
    end_.next_line = batch.last_line + 1;
    end_.tally.left_out += batch.bad.size();
    std::ranges::sort(batch.bad, {}, &Bad::line);
    for (const Bad& bad : batch.bad) hooks_.bad_line(end_.file, bad.line, bad.why);
    return {};
  }

  Store& store_;
  const ImportOptions& options_;
  const ImportHooks& hooks_;
  const Kind<Row> kind_;
  RowDecoder decoder_;
  ImportEnd end_;
  Batch batch_, going_;           // in hand; being written, or it was
  std::future<Refused> writing_;  // the only one that uses the store meanwhile
};

struct Owner {
  AppId app;
  Vendor vendor;
};

Result<void> check_certificate(const Store::DeviceRow& row, const std::unordered_map<std::int64_t, Owner>& owners) {
  const CertificateId id = row.device.certificate;
  if (id.value == 0) return {};  // the store knows which devices need one
  const auto owner = owners.find(id.value);
  if (owner == owners.end() || owner->second.app != row.app)
    return fail(Errc::Malformed,
                fmt::format("$.certificate_id: app {} has no such certificate: {}", row.app.value, id.value));
  if (row.device.token.kind() == TokenKind::Fid && owner->second.vendor != Vendor::Fcm)
    return fail(Errc::Malformed, fmt::format("$.token_kind: only fcm has fid, not {}", name_of(owner->second.vendor)));
  if (row.device.token.kind() == TokenKind::Voip && owner->second.vendor != Vendor::Apns)
    return fail(Errc::Malformed,
                fmt::format("$.token_kind: only apns has voip, not {}", name_of(owner->second.vendor)));
  return {};
}

Result<void> check_app(AppId app, const ImportOptions& options) {
  if (!options.may_write || options.may_write(app)) return {};
  return fail(Errc::Malformed, fmt::format("$.app_id: app {} is none of this token's", app.value));
}

/// What a run of devices needs; `work` runs it.
template <class Work>
ImportEnd with_devices(Store& store, const ImportOptions& options, const ImportHooks& hooks, Work work) {
  const auto certificates = store.certificates(std::nullopt);
  if (!certificates)
    return {.tally = {},
            .error = certificates.error(),
            .file = options.files.empty() ? "" : options.files.front(),
            .next_line = options.from_line};
  std::unordered_map<std::int64_t, Owner> owners;
  for (const Certificate& certificate : *certificates)
    owners.emplace(certificate.id.value, Owner{certificate.app, certificate.vendor});
  const auto check = [&](const Store::DeviceRow& row) {
    auto ours = check_app(row.app, options);
    return ours ? check_certificate(row, owners) : ours;
  };
  return work(Run<Store::DeviceRow>(store, options, hooks, {&RowDecoder::device, check, &Store::import_devices}));
}

template <class Work>
ImportEnd with_users(Store& store, const ImportOptions& options, const ImportHooks& hooks, Work work) {
  const auto check = [&](const Store::UserRow& row) { return check_app(row.app, options); };
  return work(Run<Store::UserRow>(store, options, hooks, {&RowDecoder::user, check, &Store::import_users}));
}

}  // namespace

ImportEnd import_devices(Store& store, const ImportOptions& options, const ImportHooks& hooks) {
  return with_devices(store, options, hooks, [](auto run) { return run.all(); });
}

ImportEnd import_users(Store& store, const ImportOptions& options, const ImportHooks& hooks) {
  return with_users(store, options, hooks, [](auto run) { return run.all(); });
}

ImportEnd import_device_lines(Store& store, std::string_view lines, const ImportOptions& options,
                              const ImportHooks& hooks) {
  return with_devices(store, options, hooks, [lines](auto run) { return run.lines(lines); });
}

ImportEnd import_user_lines(Store& store, std::string_view lines, const ImportOptions& options,
                            const ImportHooks& hooks) {
  return with_users(store, options, hooks, [lines](auto run) { return run.lines(lines); });
}

}  // namespace nightpost::app
