"""As much HTTP/2 as tests need to send what no library would."""
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
END_STREAM, ACK, END_HEADERS = 1, 1, 4


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def block(fields):
    """Fields as literals without indexing (RFC 7541, 6.2.2), each shorter than 127 bytes."""
    return b"".join(b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value for name, value in fields)


def request(stream, path, authority=b"test", more=(), method=b"GET", end=True):
    fields = [(b":method", method), (b":scheme", b"http"), (b":path", path)]
    fields += [(b":authority", authority)] if authority is not None else []
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block(fields + list(more)))


def start():
    return PREFACE + frame(SETTINGS, 0, 0)


def ended(data):
    """Streams that ended in what a server sent, as {stream: kind of the frame that ended it}; 0 if it said goodbye."""
    found, at = {}, 0
    while at + 9 <= len(data):
        size, kind, flags = int.from_bytes(data[at:at + 3], "big"), data[at + 3], data[at + 4]
        stream = int.from_bytes(data[at + 5:at + 9], "big") & 0x7fffffff
        if kind == GOAWAY or kind == RST_STREAM or kind in (DATA, HEADERS) and flags & END_STREAM:
            found[stream] = kind
        at += 9 + size
    return found


def statuses(data):
    """Statuses in the header blocks of nginx, which begin with an indexed or a literal :status."""
    names = {0x88: 200, 0x89: 204, 0x8a: 206, 0x8b: 304, 0x8c: 400, 0x8d: 404, 0x8e: 500}
    found, at = {}, 0
    while at + 9 <= len(data):
        size, kind = int.from_bytes(data[at:at + 3], "big"), data[at + 3]
        payload = data[at + 9:at + 9 + size]
        if kind == HEADERS and payload:
            stream = int.from_bytes(data[at + 5:at + 9], "big")
            # a table size update of nginx may come first
            first = payload[1:] if payload[0] & 0xe0 == 0x20 else payload
            found[stream] = names.get(first[0]) or int(first[2:2 + (first[1] & 0x7f)] or 0)
        at += 9 + size
    return found
