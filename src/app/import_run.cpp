#include "app/import_run.h"

#include <fmt/format.h>

#include <algorithm>
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
      last_line_ = from - 1;
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
    if (auto done = write_batch(); !done) end_.error = done.error();
    return std::move(end_);
  }

 private:
  struct Bad {
    std::uint64_t line;
    std::string why;
  };

  Result<void> one(const std::string& file, std::uint64_t from) {
    auto lines = LineReader::open(file, kRowLineBytesMax, hooks_.stopped);
    if (!lines) return std::unexpected(std::move(lines.error()));
    const std::uint64_t bytes_before = end_.tally.bytes;
    for (;;) {
      const auto line = lines->next();
      if (!line) {
        if (auto done = write_batch(); !done) return done;  // what was read is whole
        return std::unexpected(line.error());
      }
      if (*line) {
        if ((*line)->number >= from) take(**line);
      }
      end_.tally.bytes = bytes_before + lines->bytes_read();
      const bool full = rows_.size() + bad_.size() >= options_.batch_lines || bytes_ >= kImportBatchBytes;
      if (*line && !full) continue;
      if (auto done = write_batch(); !done) return done;
      hooks_.progress(end_.tally);
      if (hooks_.stopped()) {
        end_.stopped = true;
        return {};
      }
      if (!*line) return {};
    }
  }

  void take(const LineReader::Line& line) {
    last_line_ = line.number;
    if (line.too_long) return refuse(line.number, fmt::format("longer than {} bytes", kRowLineBytesMax));
    if (blank(line.text)) return;
    bytes_ += line.text.size();
    auto row = (decoder_.*kind_.decode)(line.text);
    if (!row) return refuse(line.number, std::move(row.error().detail));
    if (auto ok = kind_.check(*row); !ok) return refuse(line.number, std::move(ok.error().detail));
    ++end_.tally.lines;
    rows_.push_back(*std::move(row));
    numbers_.push_back(line.number);
  }

  void refuse(std::uint64_t line, std::string why) {
    ++end_.tally.lines;
    bad_.push_back({line, std::move(why)});
  }

  Result<void> write_batch() {
    if (!rows_.empty()) {
      auto refused =
          (store_.*kind_.write)(rows_, options_.dry_run ? Store::ImportMode::Check : Store::ImportMode::Write);
      if (!refused) return std::unexpected(std::move(refused.error()));
      end_.tally.written += rows_.size() - refused->size();
      for (Store::RefusedRow& row : *refused) bad_.push_back({numbers_[row.row], std::move(row.why)});
    }
    end_.next_line = last_line_ + 1;
    end_.tally.left_out += bad_.size();
    std::ranges::sort(bad_, {}, &Bad::line);
    for (const Bad& bad : bad_) hooks_.bad_line(end_.file, bad.line, bad.why);
    rows_.clear();
    numbers_.clear();
    bad_.clear();
    bytes_ = 0;
    return {};
  }

  Store& store_;
  const ImportOptions& options_;
  const ImportHooks& hooks_;
  const Kind<Row> kind_;
  RowDecoder decoder_;
  ImportEnd end_;
  std::uint64_t last_line_ = 0;  // taken of this file
  // The batch in hand.
  std::vector<Row> rows_;
  std::vector<std::uint64_t> numbers_;  // of the rows' lines
  std::vector<Bad> bad_;
  std::size_t bytes_ = 0;
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
