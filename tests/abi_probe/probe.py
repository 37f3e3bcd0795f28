"""The C ABI as Python sees it, with ctypes alone. Usage: probe.py LIBRARY CONFIG FIELDS"""
import ctypes
import json
import sys
import threading

N = ctypes.c_size_t(-1)  # EREF_NUL_TERMINATED
MESSAGE, DELIVERY, PANIC = 2, 8, 900


class Text(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("len", ctypes.c_size_t)]

    def __str__(self):
        return ctypes.string_at(self.data, self.len).decode() if self.data else ""


eref = ctypes.CDLL(sys.argv[1])  # int32_t, the result of most functions, is what ctypes takes an undeclared function to return
for name in ("eref_status_name", "eref_string_data"):
    getattr(eref, name).restype = ctypes.c_char_p
eref.eref_event_message.restype = ctypes.c_void_p


class Failure(Exception):
    pass


def call(name, *arguments):
    """Calls a function that takes an error last; text goes in as UTF-8 with its length."""
    flat = []
    for argument in arguments:
        if isinstance(argument, (str, bytes)):
            data = argument.encode() if isinstance(argument, str) else argument
            flat += [data, ctypes.c_size_t(len(data))]
        else:
            flat.append(argument)
    error = ctypes.c_void_p()
    status = getattr(eref, name)(*flat, ctypes.byref(error))
    if status:
        why = of("eref_error_message", error)
        eref.eref_error_free(error)
        raise Failure(status, f"{eref.eref_status_name(status).decode()}: {why}")


def made(name, *arguments):
    """Calls a function whose last argument but the error is an output."""
    out = ctypes.c_void_p()
    call(name, *arguments, ctypes.byref(out))
    return out


def of(name, handle):
    text = Text()
    getattr(eref, name)(handle, ctypes.byref(text))
    return str(text)


def field(name, handle, member):
    text = Text()
    call(name, handle, member, ctypes.byref(text))
    return str(text)


def take_message(engine, seen):
    event = made("eref_event_next", engine, ctypes.c_uint32(MESSAGE), ctypes.c_uint32(60000), None)
    message = ctypes.c_void_p(eref.eref_event_message(event))
    seen.append((of("eref_message_event", message), field("eref_message_field", message, "patient.name.given[0]")))
    call("eref_event_done", event)
    eref.eref_event_free(event)


def main():
    assert eref.eref_abi_number() == 1
    config = made("eref_config_new")
    call("eref_config_read_file", config, sys.argv[2])
    engine = made("eref_engine_new", config)
    eref.eref_config_free(config)
    call("eref_engine_start", engine)
    status = made("eref_engine_status_json", engine)
    assert json.loads(eref.eref_string_data(status))["running"]
    eref.eref_string_free(status)

    launch = made("eref_launch_start", engine, json.dumps({"partner": "self", "user": {"id": "u1"}, "patient": "p1", "session": "s1",
        "chart": [{"resourceType": "Patient", "id": "p1", "name": [{"family": "Testpatient"}]}]}))
    assert of("eref_launch_url", launch).startswith("https://pos.test/auth/start/")
    eref.eref_launch_free(launch)

    seen = []
    thread = threading.Thread(target=take_message, args=(engine, seen))
    thread.start()
    draft = made("eref_draft_new", engine, "self", "add-service-request")
    with open(sys.argv[3], encoding="utf-8") as fields:
        for line in fields:
            call("eref_draft_set", draft, *line.rstrip("\n").split("=", 1))
    call("eref_draft_add_attachment", draft, "letter.pdf", "application/pdf", b"%PDF-1.4 \0 test")
    message = made("eref_draft_build", draft)
    delivery = made("eref_send", engine, "self", "probe-1", message)
    for handle, kind in ((draft, "draft"), (message, "message"), (delivery, "delivery")):
        getattr(eref, f"eref_{kind}_free")(handle)
    thread.join()
    assert seen == [("add-service-request", "Renée")], seen
    event = made("eref_event_next", engine, ctypes.c_uint32(DELIVERY), ctypes.c_uint32(60000), None)
    assert field("eref_event_field", event, "state") == "delivered", of("eref_event_json", event)
    call("eref_event_done", event)
    eref.eref_event_free(event)

    try:
        call("eref_test_panic", None)
        raise AssertionError("no panic")
    except Failure as failure:
        assert failure.args[0] == PANIC and "test_panic.rs" in failure.args[1], failure
    call("eref_engine_stop", engine, ctypes.c_uint32(10000))
    eref.eref_engine_free(engine)


main()
print("probe ok")
