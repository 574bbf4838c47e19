"""What AsyncAPI 3.0 asks of a document, as far as ours uses it. No validator that is light enough
can be had for Python; `npx @asyncapi/cli validate doc/asyncapi.yaml` says the rest."""

import re

from reference import SCHEMAS, AsyncApi

_ABOUT = {"title", "summary", "description", "tags", "externalDocs", "bindings"}
_TRAIT = _ABOUT | {"headers", "correlationId", "contentType", "name", "examples"}

# Of each kind of object: the fields that it must have, and those that it may have.
_FIELDS = {
    "root": ({"asyncapi", "info"},
             {"id", "servers", "defaultContentType", "channels", "operations", "components"}),
    "info": ({"title", "version"},
             {"description", "termsOfService", "contact", "license", "tags", "externalDocs"}),
    "server": ({"host", "protocol"},
               _ABOUT | {"protocolVersion", "pathname", "variables", "security"}),
    "variable": (set(), {"enum", "default", "description", "examples"}),
    "channel": ({"address"}, _ABOUT | {"messages", "servers", "parameters"}),
    "parameter": (set(), {"enum", "default", "description", "examples", "location"}),
    "operation": ({"action", "channel"}, _ABOUT | {"security", "traits", "messages", "reply"}),
    "message": ({"name", "payload"}, _TRAIT | {"traits"}),
    "trait": (set(), _TRAIT),
    "tag": ({"name"}, {"description", "externalDocs"}),
    "components": (set(), {"parameters", "tags", "channelBindings", "messageTraits", "messages"}),
    "kafka of a channel": ({"bindingVersion"},
                           {"topic", "partitions", "replicas", "topicConfiguration"}),
    "kafka of an operation": ({"bindingVersion"}, {"groupId", "clientId"}),
    "kafka of a message": ({"bindingVersion"}, {"key", "schemaIdLocation",
                                                "schemaIdPayloadEncoding", "schemaLookupStrategy"}),
}


def violations(api: AsyncApi) -> list[str]:
    # Each goes along what the one before has found right.
    return (_wrong_references(api) or _wrong_fields(api)
            or [*_wrong_addresses(api), *_wrong_operations(api), *_wrong_messages(api)])


def _wrong_references(api: AsyncApi) -> list[str]:
    found, named = [], set()
    for path, node in _walk(api.document, "#"):
        if not (isinstance(node, dict) and "$ref" in node):
            continue
        named.add(node["$ref"])
        if len(node) > 1:
            found.append(f"{path}: fields beside a $ref are ignored")
        try:
            api.resolve(node)
        except (KeyError, OSError):
            found.append(f"{path}: nothing is at {node['$ref']}")
    for kind, components in api.document["components"].items():
        found += [f"#/components/{kind}/{name}: nobody refers to it" for name in components
                  if f"#/components/{kind}/{name}" not in named]
    found += [f"schemas/{file.name}: no message refers to it" for file in SCHEMAS.iterdir()
              if f"schemas/{file.name}" not in named]
    return found


def _walk(node, path: str):
    yield path, node
    if isinstance(node, (dict, list)):
        for name, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _walk(child, f"{path}/{name}")


def _objects(api: AsyncApi):
    """(kind, path, object) of all whose fields are known."""
    root = api.document
    yield "root", "#", root
    yield "info", "info", root["info"]
    yield "components", "components", root["components"]
    places = [("server", root["servers"]), ("channel", root["channels"]),
              ("operation", root["operations"])]
    places += [(kind, root["components"][name])
               for kind, name in (("parameter", "parameters"), ("tag", "tags"),
                                  ("trait", "messageTraits"), ("message", "messages"))]
    for kind, objects in places:
        for name, node in objects.items():
            yield kind, f"{kind} {name}", node
            yield from _inner_objects(api, kind, name, node)


def _inner_objects(api: AsyncApi, kind: str, name: str, node: dict):
    for inner, of in (("parameter", "parameters"), ("variable", "variables")):
        for one, value in node.get(of, {}).items():
            yield inner, f"{kind} {name}, {inner} {one}", api.resolve(value)
    bindings = api.resolve(node.get("bindings", {}))
    if bindings:
        of = "message" if kind == "trait" else kind
        article = "an" if of == "operation" else "a"
        yield f"kafka of {article} {of}", f"{kind} {name}, bindings", bindings["kafka"]


def _wrong_fields(api: AsyncApi) -> list[str]:
    found = [] if api.document["asyncapi"] == "3.0.0" else ["asyncapi: is not 3.0.0"]
    for kind, path, node in _objects(api):
        required, optional = _FIELDS[kind]
        found += [f"{path}: has no {name}" for name in sorted(required - set(node))]
        found += [f"{path}: {name} is unknown" for name in sorted(set(node) - required - optional)]
    return found


def _wrong_addresses(api: AsyncApi) -> list[str]:
    places = [(f"channel {name}", one["address"], one.get("parameters", {}))
              for name, one in api.document["channels"].items()]
    places += [(f"server {name}", one["host"], one.get("variables", {}))
               for name, one in api.document["servers"].items()]
    return [f"{path}: {address} names other parameters than {sorted(known)}"
            for path, address, known in places
            if set(re.findall(r"\{([^}]*)\}", address)) != set(known)]


def _wrong_operations(api: AsyncApi) -> list[str]:
    found = []
    for name, operation in api.document["operations"].items():
        if operation["action"] not in ("receive", "send"):
            found.append(f"operation {name}: an application receives or sends")
        channel = operation["channel"]["$ref"]
        if not re.fullmatch("#/channels/[^/]+", channel):
            found.append(f"operation {name}: {channel} is no channel")
        found += [f"operation {name}: {message['$ref']} is no message of its channel"
                  for message in operation["messages"]
                  if not message["$ref"].startswith(f"{channel}/messages/")]
    used = {message["$ref"] for operation in api.document["operations"].values()
            for message in operation["messages"]}
    return found + [f"channel {channel}: no operation has {message}"
                    for channel, spec in api.document["channels"].items()
                    for message in spec.get("messages", {})
                    if f"#/channels/{channel}/messages/{message}" not in used]


def _wrong_messages(api: AsyncApi) -> list[str]:
    """A message with a type is named after it."""
    found = []
    for name, message in api.document["components"]["messages"].items():
        kind = api.resolve(message["payload"]).get("properties", {}).get("type")
        if kind and kind["const"] != message["name"]:
            found.append(f"message {name}: is a {message['name']} with the type {kind['const']}")
    return found
