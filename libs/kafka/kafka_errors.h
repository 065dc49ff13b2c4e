#pragma once

#include <string>
#include <string_view>

#include <librdkafka/rdkafka.h>

#include "base/result.h"

namespace penstock::kafka {

/// The table of librdkafka's codes: what the caller does about each, and in which words. `what` was
/// attempted ("commit offsets of group g"), `detail` is librdkafka's text, if there is one.
Error FromKafka(rd_kafka_resp_err_t code, std::string_view what, std::string_view detail = {});

}  // namespace penstock::kafka
