# Input: src/README.md, then every header and source, paths from the root. POSIX awk: Debian's is mawk.

# The words a row of the table may use for what comes from outside, and the headers they mean.
BEGIN {
  library["JSON"] = "^nlohmann/"
  library["libcrypto"] = library["OpenSSL"] = "^openssl/"
  library["ICU"] = "^unicode/"
  library["Asio/Beast"] = "^boost/(asio|beast|system)[/.]"
  library["Boost.Intrusive"] = "^boost/intrusive/"
  library["nghttp2"] = "^nghttp2/"
  library["libcurl"] = "^curl/"
  library["c-ares"] = "^ares[.]h$"
  library["librdkafka"] = "^librdkafka/"
  library["sqlite3"] = "^sqlite3[.]h$"
  library["libpq"] = "^libpq-"
  library["hiredis"] = "^hiredis/"
  library["simdjson"] = "^simdjson[.]h$"
  library["zlib"] = "^zlib[.]h$"
  library["spdlog"] = "^spdlog/"
  library["fmt"] = "^fmt/"
  library["prometheus-cpp"] = "^prometheus/"
  library["CLI11"] = "^CLI/"
  library["POSIX"] = "^((sys|net|netinet|arpa)/.*|dirent|fcntl|netdb|poll|pthread|sched|signal|spawn|termios|threads|time|unistd)[.]h$"
  # OpenSSL's functions whose result nobody needs: they have none, give back what was there before, or tidy up after an
  # error. Each other one says by its result that it failed.
  n = split("BIO_clear_retry_flags BIO_set_data BIO_set_init BIO_set_retry_read BIO_set_retry_write ERR_clear_error " \
            "ERR_error_string_n ERR_pop_to_mark ERR_set_mark OPENSSL_cleanse OPENSSL_clear_free OPENSSL_free SSL_CTX_set1_cert_store " \
            "SSL_CTX_set_alpn_select_cb SSL_CTX_set_cert_verify_callback SSL_CTX_set_default_read_buffer_len " \
            "SSL_CTX_set_mode SSL_CTX_set_options SSL_CTX_set_read_ahead SSL_CTX_set_session_cache_mode " \
            "SSL_CTX_set_timeout SSL_CTX_set_verify SSL_get0_alpn_selected SSL_set_accept_state SSL_set_bio " \
            "PKCS12_get0_mac X509_SIG_get0 " \
            "SSL_set_connect_state SSL_shutdown X509V3_set_ctx X509V3_set_ctx_nodb X509_VERIFY_PARAM_set_hostflags", names, " ")
  for (i = 1; i <= n; ++i) cannot_fail[names[i]] = 1
  openssl_call = "(ASN1|BIO|BN|CRYPTO|EC|ECDSA|ERR|EVP|HMAC|MD5|OBJ|OPENSSL|OSSL|PEM|PKCS12|RAND|RSA|SHA256|SSL|X509|X509V3|a2i|d2i|i2d)[A-Za-z0-9_]*[(]"
  lines_max = 600
  for (i = 2; i < ARGC; ++i) file[ARGV[i]] = 1
  files = ARGC - 2
}

function report(where, what) {
  print where ": " what
  ++faults
}

function trimmed(text) {
  gsub(/^[ \t`]+|[ \t`]+$/, "", text)
  return text
}

# --- the table ---

FILENAME == "src/README.md" {
  if (split($0, cell, "|") == 5 && cell[2] ~ /`/) read_row(trimmed(cell[2]), cell[4])
  next
}

function read_row(room, may, word, words, n, i) {
  sub(/^[.][.]\//, "", room)
  place[room] = ++rooms
  n = split(may, words, /[,;]/)
  for (i = 1; i <= n; ++i) {
    word = trimmed(words[i])
    if (word == "everything") all[room] = 1
    else if (word == "providers/*.h") see(room, "providers")
    else if (word in library) uses[room, word] = 1
    else if (word in place) see(room, word)
    else if (word != "std" && word != "own ports" && word !~ /^(never|nothing) /)
      report("src/README.md:" FNR, "the row of " room " names \"" word "\", which is no library known to tests/tidy and no room above")
  }
}

function see(room, other) { sees[room, other] = 1 }

# --- the files ---

{ length_of[FILENAME] = FNR }
/^[ \t]*#[ \t]*pragma[ \t]+once/ { once[FILENAME] = 1 }
/^[ \t]*using[ \t]+namespace[ \t]/ && FILENAME ~ /^(src|providers)\/.*[.]h$/ { report(FILENAME ":" FNR, "a header must not say \"using namespace\"") }
/^[ \t]*#[ \t]*include/ {
  what = $0
  sub(/^[ \t]*#[ \t]*include[ \t]*/, "", what)
  if (what !~ /^("[^"]+"|<[^>]+>)/) {
    report(FILENAME ":" FNR, "an include must name its file")
    next
  }
  ++includes
  from[includes] = FILENAME
  at[includes] = FILENAME ":" FNR
  quoted[includes] = what ~ /^"/
  sub(/^["<]/, "", what)
  sub(/[">].*$/, "", what)
  header[includes] = what
}

# A text that is not in the tree cannot be looked up by who reads of it.
/[A-Za-z0-9_*-][.]md/ {
  rest = $0
  while (match(rest, /[A-Za-z0-9_*-]+[.]md/)) {
    name = substr(rest, RSTART, RLENGTH)
    if (name != "README.md" && name != "PROTOCOL.md") report(FILENAME ":" FNR, "names " name ", which is not in the tree")
    rest = substr(rest, RSTART + RLENGTH)
  }
}
# The sources of a room are compiled together (the sandbox's are not): a constant of one that has the name of a header's
# would be taken by all.
/^(inline )?constexpr / && FILENAME ~ /^(src|providers)\// && FILENAME !~ /^src\/sandbox\// && match($0, / k[A-Z][A-Za-z0-9]*( =|[{[])/) {
  name = substr($0, RSTART + 1, RLENGTH - 1)
  sub(/[^A-Za-z0-9].*/, "", name)
  if (FILENAME ~ /[.]h$/) public[folder_of(FILENAME), name] = FILENAME
  else private[folder_of(FILENAME), name] = FILENAME ":" FNR
}
# A call of OpenSSL's that is a whole statement drops its result; a PEM reader without a passphrase asks for one.
FNR == 1 { begins = 1 }
FILENAME ~ /^(src|providers)\// { look_at_calls($0) }

function look_at_calls(line, name, opened, closed) {
  sub(/[ \t]*\/\/.*$/, "", line)
  line = trimmed(line)
  if (line == "" || line ~ /^#/) return
  if (line ~ /PEM_read_bio_[A-Za-z0-9_]+[(].*, nullptr[)]/)
    report(FILENAME ":" FNR, "a PEM reader without a passphrase asks on the terminal: kNoPassphrase")
  if (begins) {
    depth = 0
    conditional = line ~ /^(} )?(else|if|for|while)[^A-Za-z0-9_]/
  }
  opened = closed = line
  depth += gsub(/[(]/, "", opened) - gsub(/[)]/, "", closed)
  name = line
  if (begins) name = "; " name
  begins = line ~ /[;{}:]$/ || (conditional && (line ~ /else$/ || (depth == 0 && line ~ /[)]$/)))
  while (match(name, "[;{})] +" openssl_call)) {
    name = substr(name, RSTART + 1)
    sub(/^ +/, "", name)
    match(name, /^[A-Za-z0-9_]+/)
    if (!(substr(name, 1, RLENGTH) in cannot_fail))
      report(FILENAME ":" FNR, "nobody looks whether " substr(name, 1, RLENGTH) " failed")
    name = substr(name, RLENGTH)
  }
}

# The row of the table a file falls under; "" outside of src and providers.
function row_of(path, part) {
  split(path, part, "/")
  if (part[1] == "src" && part[2] == "im" && part[4] != "") return "im/" part[3]
  if (part[1] == "src") return part[2] ~ /[.]/ ? "src" : part[2]
  if (part[1] == "providers") return part[2] ~ /[.]/ ? "providers" : "providers/<vendor>"
  return ""
}

function folder_of(path) {
  sub(/\/[^\/]*$/, "", path)
  return path
}

# Where a quoted include leads, by the include folders of CMake; "" if nowhere.
function found(path, by) {
  if (("src/" path) in file) return "src/" path
  if (path in file) return path
  if (by !~ /^tests\//) return ""
  if (("tests/" path) in file) return "tests/" path
  return (folder_of(by) "/" path) in file ? folder_of(by) "/" path : ""
}

function check_own(i, row, target, other) {
  target = found(header[i], from[i])
  if (target == "") report(at[i], "\"" header[i] "\" is no file from src/ or the root" (from[i] ~ /^tests\// ? ", tests/ or beside it" : ""))
  else if (row != "" && !(row in all)) {
    other = row_of(target)
    if (other == "app") report(at[i], "nothing includes app")
    else if (other == "") report(at[i], row " must not include tests")
    else if (other == "providers/<vendor>") {
      if (folder_of(target) != folder_of(from[i]))
        report(at[i], row " must not include " folder_of(target) (row == other ? ", its sister" : ""))
    } else if (other != row && !((row, other) in sees)) report(at[i], row " must not include " other)
  }
}

function check_foreign(i, row, word) {
  if (row == "" || (row in all) || header[i] ~ /^[a-z0-9_]+$/) return
  for (word in library)
    if (((row, word) in uses) && header[i] ~ library[word]) return
  report(at[i], row " must not include <" header[i] ">")
}

END {
  if (!rooms || !files) {
    print "tidy: " (rooms ? "no headers or sources" : "no include table in src/README.md")
    exit 1
  }
  for (name in file) {
    row = row_of(name)
    if (row != "" && !(row in place)) report(name, "no row for this room in src/README.md")
    if (name ~ /[.]h$/ && !(name in once)) report(name, "a header must say #pragma once")
    if (length_of[name] > lines_max) report(name, length_of[name] " lines, more than " lines_max ": is it one idea?")
  }
  for (pair in private) {
    split(pair, part, SUBSEP)
    other = (part[1], part[2]) in public ? part[1] : "providers"
    if ((other, part[2]) in public && (other == part[1] || part[1] ~ /^providers\//))
      report(private[pair], part[2] " is a constant of " public[other, part[2]] " too")
  }
  for (i = 1; i <= includes; ++i) {
    row = row_of(from[i])
    if (row != "" && !(row in place)) continue
    if (quoted[i]) check_own(i, row)
    else check_foreign(i, row)
  }
  if (faults) print "tidy: " faults " faults in " files " files" > "/dev/stderr"
  else print "tidy: " files " files and " includes " includes agree with src/README.md"
  exit faults > 0
}
