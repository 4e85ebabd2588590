#pragma once

#include <string>

#include <base/json.hpp>

namespace tenon::tenant {

/// Checks a document against a JSON Schema (2020-12) made of: type, properties, required, additionalProperties, maxProperties,
/// items, minItems, maxItems, uniqueItems, enum, minimum, maximum, minLength, maxLength and format; title, description and default
/// say something to readers alone. Formats: word, slug, language, event, colour, url, email, clock, css_value.
///
/// Throws    InvalidArgument that says what does not fit, subject: its path, "workflows/0/name". InternalError for a schema with
///           anything else in it.
void check_schema(const base::Json& schema, const base::Json& value, const std::string& path);

}  // namespace tenon::tenant
