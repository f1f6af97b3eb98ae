// SQLite's SQL as PostgreSQL's. Pure. Statements and schema steps have one text; what both cannot say alike is marked.
#pragma once

#include <string>
#include <string_view>

namespace nightpost::im::sql {

/// A statement's arguments: ?1 becomes $1. Literals in quotes stay.
std::string postgres_statement(std::string_view sqlite);

// A schema step. A line that begins with /*sqlite*/ or /*postgres*/ is for that store alone.
std::string sqlite_step(std::string_view step);
/// INTEGER is bigint, TEXT is compared by its bytes, AUTOINCREMENT is an identity; STRICT and WITHOUT ROWID go.
/// Comments go, too.
std::string postgres_step(std::string_view step);

}  // namespace nightpost::im::sql
