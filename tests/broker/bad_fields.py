"""Events that are JSON objects with a `type` but are none of ours: (what is wrong, the code, the
text), one table for each event. A schema can say no to nearly all of them."""

from events import cancel, create, done, update

_CREATE = '{"type":"EventGroupCollectorCreate"'
_DONE = '{"type":"EventGroupCollectorEntityDone"'
_UPDATE = '{"type":"EventGroupCollectorUpdate"'
_CANCEL = '{"type":"EventGroupCollectorCancel"'
_HALF = r'"\ud83d"'  # of a surrogate pair: valid JSON, but no text


def _ids(count: int) -> str:
    return "[" + ",".join(f'"{number}"' for number in range(count)) + "]"


TYPE = [
    ("no type", "type", '{"id":"g","expected":["a"]}'),
    ("empty object", "type", "{}"),
    ("type is a number", "type", '{"type":1}'),
    ("type is null", "type", '{"type":null}'),
    ("type is an object", "type", '{"type":{"type":"EventGroupCollectorCreate"}}'),
    ("type is an array", "type", '{"type":["EventGroupCollectorCreate"]}'),
    ("type is true", "type", '{"type":true}'),
    ("type twice", "field", create("g", '["a"]')[:-1] + ',"type":"EventGroupCollectorCreate"}'),
    ("type of others twice", "field", '{"type":"OrderPlaced","type":"OrderPlaced"}'),
    ("type is half a character", "field", '{"type":' + _HALF + "}"),
]

CREATE = [
    ("create without id", "field", _CREATE + ',"expected":["a"]}'),
    ("create without expected", "field", _CREATE + ',"id":"g"}'),
    ("id is a number", "field", _CREATE + ',"id":1,"expected":["a"]}'),
    ("id is null", "field", _CREATE + ',"id":null,"expected":["a"]}'),
    ("id is empty", "field", create("", '["a"]')),
    ("id is half a character", "field", _CREATE + f',"id":{_HALF},"expected":["a"]}}'),
    ("id twice", "field", _CREATE + ',"id":"g","expected":["a"],"id":"h"}'),
    ("id twice by an escape", "field", _CREATE + r',"id":"g","expected":["a"],"\u0069d":"h"}'),
    ("expected is an object", "field", create("g", '{"a":1}')),
    ("expected is a string", "field", create("g", '"a"')),
    ("expected is null", "field", create("g", "null")),
    ("expected holds a number", "field", create("g", '["a",1]')),
    ("expected holds null", "field", create("g", '["a",null]')),
    ("expected holds true", "field", create("g", '["a",true]')),
    ("expected holds an array", "field", create("g", '["a",["b"]]')),
    ("expected holds an empty id", "field", create("g", '["a",""]')),
    ("expected holds half a character", "field", create("g", f'["a",{_HALF}]')),
    ("expected twice", "field", create("g", '["a"]')[:-1] + ',"expected":["a"]}'),
    ("expected id twice", "field", create("g", '["a","b","a"]')),
    ("expected id twice by an escape", "field", create("g", r'["a","b","\u0061"]')),
    ("expected id twice of many", "field", create("g", _ids(100)[:-1] + ',"7"]')),
    ("expected id as text and as object", "field", create("g", '["a",{"id":"a"}]')),
    ("expected id with two ttls", "field", create("g", '[{"id":"a","ttl":1},{"id":"a","ttl":2}]')),
    ("entity without id", "field", create("g", '[{"ttl":1}]')),
    ("entity whose id is a number", "field", create("g", '[{"id":1}]')),
    ("entity whose id is null", "field", create("g", '[{"id":null,"ttl":1}]')),
    ("entity whose id is empty", "field", create("g", '[{"id":"","ttl":1}]')),
    ("entity whose id is there twice", "field", create("g", '[{"id":"a","id":"b"}]')),
    ("entity whose ttl is a string", "field", create("g", '[{"id":"a","ttl":"1"}]')),
    ("entity whose ttl is true", "field", create("g", '[{"id":"a","ttl":true}]')),
    ("entity whose ttl is there twice", "field", create("g", '[{"id":"a","ttl":1,"ttl":1}]')),
    ("entity whose ttl is over the maximum", "ttl", create("g", '[{"id":"a","ttl":604800.001}]')),
    ("entity whose ttl is beyond numbers", "ttl", create("g", '["b",{"id":"a","ttl":1e999}]')),
    ("ttl is a string", "field", create("g", '["a"]', ttl='"10"')),
    ("ttl is an array", "field", create("g", '["a"]', ttl="[10]")),
    ("ttl is false", "field", create("g", '["a"]', ttl="false")),
    ("ttl twice", "field", create("g", '["a"]', ttl="1")[:-1] + ',"ttl":1}'),
    ("ttl over the maximum", "ttl", create("g", '["a"]', ttl="604801")),
    ("ttl over the maximum by a digit", "ttl", create("g", '["a"]', ttl="604800.00000000001")),
    ("ttl beyond numbers", "ttl", create("g", '["a"]', ttl="1e300")),
    ("payload twice", "field", create("g", '["a"]', payload="1")[:-1] + ',"payload":1}'),
    ("sender is a number", "field", create("g", '["a"]', sender="1")),
    ("sender twice", "field", create("g", '["a"]', sender='"s"')[:-1] + ',"sender":"s"}'),
    ("description is an array", "field", create("g", '["a"]', description='["x"]')),
    ("description twice", "field",
     create("g", '["a"]', description="null")[:-1] + ',"description":null}'),
]


def _with_policy(raw: str, expected: str = '["a"]') -> str:
    return create("g", expected, policy=raw)


POLICY = [
    ("policy of an unknown name", "field", _with_policy('"best-effort"')),
    ("policy in capitals", "field", _with_policy('"Fail-Fast"')),
    ("policy is empty", "field", _with_policy('""')),
    ("policy is half a character", "field", _with_policy(_HALF)),
    ("policy is a number", "field", _with_policy("1")),
    ("policy is true", "field", _with_policy("true")),
    ("policy is an array", "field", _with_policy('["fail-fast"]')),
    ("policy is an empty object", "field", _with_policy("{}")),
    ("policy of an unknown kind", "field", _with_policy('{"majority":1}')),
    ("policy of two kinds", "field", _with_policy('{"quorum":1,"tolerate":1}')),
    ("policy with something more", "field", _with_policy('{"quorum":1,"why":"x"}')),
    ("policy twice", "field", _with_policy("null")[:-1] + ',"policy":"fail-fast"}'),
    ("quorum of none", "field", _with_policy('{"quorum":0}')),
    ("quorum below none", "field", _with_policy('{"quorum":-1}')),
    ("quorum of more than there are", "field", _with_policy('{"quorum":3}', '["a","b"]')),
    ("quorum where nobody is expected", "field", _with_policy('{"quorum":1}', "[]")),
    ("quorum is a fraction", "field", _with_policy('{"quorum":1.5}', '["a","b"]')),
    ("quorum written as a fraction", "field", _with_policy('{"quorum":1.0}')),
    ("quorum is a string", "field", _with_policy('{"quorum":"1"}')),
    ("quorum is null", "field", _with_policy('{"quorum":null}')),
    ("quorum twice", "field", _with_policy('{"quorum":1,"quorum":1}')),
    ("tolerate below none", "field", _with_policy('{"tolerate":-1}')),
    ("tolerate written as minus none", "field", _with_policy('{"tolerate":-0}')),
    ("tolerate written with an exponent", "field", _with_policy('{"tolerate":1e1}')),
    ("tolerate of 33 bits", "field", _with_policy('{"tolerate":4294967296}')),
    ("tolerate is true", "field", _with_policy('{"tolerate":true}')),
    ("tolerate is an array", "field", _with_policy('{"tolerate":[1]}')),
]


def _with_parent(raw: str) -> str:
    return create("g", '["a"]', parent=raw)


def _with_handler(raw: str) -> str:
    return create("g", '["a"]', handler=raw)


TARGETS = [
    ("parent is a string", "field", _with_parent('"p"')),
    ("parent is a number", "field", _with_parent("1")),
    ("parent is an array", "field", _with_parent('["p","x"]')),
    ("parent is empty", "field", _with_parent("{}")),
    ("parent without group", "field", _with_parent('{"id":"x"}')),
    ("parent without id", "field", _with_parent('{"group":"p"}')),
    ("parent whose group is a number", "field", _with_parent('{"group":1,"id":"x"}')),
    ("parent whose group is empty", "field", _with_parent('{"group":"","id":"x"}')),
    ("parent whose group is there twice", "field",
     _with_parent('{"group":"p","group":"p","id":"x"}')),
    ("parent whose group is half a character", "field",
     _with_parent(f'{{"group":{_HALF},"id":"x"}}')),
    ("parent whose id is null", "field", _with_parent('{"group":"p","id":null}')),
    ("parent whose id is empty", "field", _with_parent('{"group":"p","id":""}')),
    ("parent twice", "field", _with_parent("null")[:-1] + ',"parent":null}'),
    ("handler is a string", "field", _with_handler('"topic"')),
    ("handler is an array", "field", _with_handler('[{"topic":"t"}]')),
    ("handler twice", "field", _with_handler("null")[:-1] + ',"handler":null}'),
    ("onsuccess is a string", "field", _with_handler('{"onsuccess":"t"}')),
    ("onsuccess without topic", "field", _with_handler('{"onsuccess":{"payload":1}}')),
    ("onsuccess twice", "field", _with_handler('{"onsuccess":null,"onsuccess":{"topic":"t"}}')),
    ("onfailure is true", "field", _with_handler('{"onfailure":true}')),
    ("onfailure is an empty object", "field", _with_handler('{"onfailure":{}}')),
    ("topic is a number", "field", _with_handler('{"onfailure":{"topic":1}}')),
    ("topic is null", "field", _with_handler('{"onfailure":{"topic":null}}')),
    ("topic is empty", "field", _with_handler('{"onsuccess":{"topic":""}}')),
    ("topic is half a character", "field", _with_handler(f'{{"onsuccess":{{"topic":{_HALF}}}}}')),
    ("topic twice", "field", _with_handler('{"onsuccess":{"topic":"t","topic":"t"}}')),
    ("payload of a handler twice", "field",
     _with_handler('{"onsuccess":{"topic":"t","payload":1,"payload":1}}')),
]

DONE = [
    ("done without id", "field", _DONE + ',"group":"g","result":1}'),
    ("done without group", "field", _DONE + ',"id":"a","result":1}'),
    ("done whose id is an array", "field", _DONE + ',"id":["a"],"group":"g"}'),
    ("done whose id is empty", "field", done("g", "")),
    ("done whose id is half a character", "field", _DONE + f',"id":{_HALF},"group":"g"}}'),
    ("group is a number", "field", _DONE + ',"id":"a","group":1}'),
    ("group is null", "field", _DONE + ',"id":"a","group":null}'),
    ("group is empty", "field", done("", "a")),
    ("group twice", "field", done("g", "a")[:-1] + ',"group":"g"}'),
    ("error is a number", "field", done("g", "a", error="1")),
    ("error is an object", "field", done("g", "a", error='{"text":"x"}')),
    ("error is false", "field", done("g", "a", error="false")),
    ("error is half a character", "field", done("g", "a", error=_HALF)),
    ("error twice", "field", done("g", "a", error='"x"')[:-1] + ',"error":"x"}'),
    ("result twice", "field", done("g", "a", result="1")[:-1] + ',"result":2}'),
    ("sender of a done is true", "field", done("g", "a", sender="true")),
]

UPDATE = [
    ("update without id", "field", _UPDATE + ',"ttl":1}'),
    ("update whose id is a number", "field", _UPDATE + ',"id":1,"ttl":1}'),
    ("update whose id is empty", "field", update("", ttl="1")),
    ("update of nothing", "field", update("g")),
    ("update of nothing but null", "field", update("g", add="null", remove="null", ttl="null")),
    ("add is a string", "field", update("g", add='"a"')),
    ("add is an object", "field", update("g", add='{"id":"a"}')),
    ("add holds a number", "field", update("g", add="[1]")),
    ("add holds an empty id", "field", update("g", add='[""]')),
    ("add holds an object without id", "field", update("g", add='[{"ttl":1}]')),
    ("add holds a ttl over the maximum", "ttl", update("g", add='[{"id":"a","ttl":604801}]')),
    ("add holds an id twice", "field", update("g", add='["a","a"]')),
    ("add twice", "field", update("g", add='["a"]')[:-1] + ',"add":["b"]}'),
    ("add of more than max-expected", "limit", update("g", add=_ids(10_001))),
    ("remove is a string", "field", update("g", remove='"a"')),
    ("remove holds an object", "field", update("g", remove='[{"id":"a"}]')),
    ("remove holds null", "field", update("g", remove="[null]")),
    ("remove holds an empty id", "field", update("g", add='["a"]', remove='[""]')),
    ("remove holds an id twice", "field", update("g", remove='["a","b","a"]')),
    ("remove twice", "field", update("g", remove="[]")[:-1] + ',"remove":[]}'),
    ("remove of more than max-expected", "limit", update("g", remove=_ids(10_001))),
    ("ttl of an update is a string", "field", update("g", ttl='"1"')),
    ("ttl of an update is true", "field", update("g", add='["a"]', ttl="true")),
    ("ttl of an update twice", "field", update("g", ttl="1")[:-1] + ',"ttl":2}'),
    ("ttl of an update over the maximum", "ttl", update("g", ttl="604801")),
    ("sender of an update twice", "field", update("g", ttl="1", sender="1")[:-1] + ',"sender":1}'),
]

CANCEL = [
    ("cancel without id", "field", _CANCEL + ',"reason":"x"}'),
    ("cancel whose id is an object", "field", _CANCEL + ',"id":{"id":"g"}}'),
    ("cancel whose id is empty", "field", cancel("", reason='"x"')),
    ("cancel whose id is there twice", "field", cancel("g")[:-1] + ',"id":"g"}'),
    ("reason is a number", "field", cancel("g", reason="1")),
    ("reason is an object", "field", cancel("g", reason='{"text":"x"}')),
    ("reason is true", "field", cancel("g", reason="true")),
    ("reason is half a character", "field", cancel("g", reason=_HALF)),
    ("reason twice", "field", cancel("g", reason='"x"')[:-1] + ',"reason":"x"}'),
]

ALL = TYPE + CREATE + POLICY + TARGETS + DONE + UPDATE + CANCEL
