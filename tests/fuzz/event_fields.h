// Whether the decoder has understood a record, judged by what another parser reads in it.
#pragma once

#include <string_view>

#include "collector/event.h"
#include "collector/options.h"
#include "json_oracle.h"

namespace muster::fuzz {

// An accepted event says what `fields`, the record under this substitute, says.
void check_fields(std::string_view record, const boost::json::object& fields,
                  const collector::Decoded& event, std::string_view substitute);

// There is a reason to refuse `fields` with this code; but half of a surrogate pair in a text is not
// seen.
bool is_reason(collector::RejectCode code, const boost::json::object& fields,
               std::string_view record, const collector::Options& options);

// A field that counts is there twice.
bool has_field_twice(const boost::json::object& fields, std::string_view record);

}  // namespace muster::fuzz
