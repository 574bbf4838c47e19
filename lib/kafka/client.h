// Makes librdkafka clients: our defaults, then the user's properties, then what our promises stand
// on and nobody may change. Client messages go to our log, a repeated one at most once a minute.
#pragma once

#include "kafka/handles.h"
#include "kafka/settings.h"

#include <optional>
#include <string>
#include <string_view>

namespace muster::kafka {

enum class ClientRole {
  kGroupConsumer,  // member of the group, reads the input
  kReader,         // committed records outside of the group; the group's committed offsets
  kEnds,           // high watermarks: sees open transactions too
  kProducer,       // transactional
  kAdmin,          // topics
  kOperator,       // events of operators, without transactions; who owns what
};

// Wrong names or values of properties, in words; empty if there are none.
std::vector<std::string> check_properties(const Settings& settings);

// How much a log's queue of fetched records may hold: as the settings say, or the user's properties.
size_t read_ahead_bytes(const Settings& settings);

// `opaque` is handed to the callbacks that the caller has set on the conf.
ConfHandle make_conf(const Settings& settings, ClientRole role);
// Takes the conf. Fails only for reasons that no retry mends: the message says which.
struct MadeClient {
  ClientHandle client;
  std::string error;
};
MadeClient make_client(ConfHandle conf, ClientRole role);

// A client's complaint that it may repeat at every attempt: logged at most once a minute and kind.
void log_complaint(const std::string& kind, const std::string& text);

// librdkafka's version in use, e.g. 0x020002ff.
int library_version();
std::string library_version_text();
// What is wrong with that version and its user has to know; empty if nothing is.
std::string library_warning(int version, const std::string& version_text);

}  // namespace muster::kafka
