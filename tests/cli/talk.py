#!/usr/bin/python3
"""Small ends of a wire for the scripts.

talk.py tcp PORT        sends a line and prints what comes back      talk.py udp PORT   the same with one datagram
talk.py echo-udp PORT WORD    answers every datagram with WORD, until it is ended
talk.py pair NAME HOST [DAYS [START]]   makes NAME.pem and NAME.key, self-signed; START in days from now
talk.py served PORT [HOST [TIMES]]      SHA-256 of the certificate that is served for HOST, and its CN
"""
import hashlib
import socket
import ssl
import subprocess
import sys

import ca


def pair(name, host, days="90", start="0"):
    ca.make(name, host, start=start, days=days)


def served(port, host=None, times="1"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    found = set()
    for _ in range(int(times)):
        with socket.create_connection(("127.0.0.1", int(port)), timeout=5) as raw:
            with context.wrap_socket(raw, server_hostname=host) as connection:
                found.add(connection.getpeercert(binary_form=True))
    for der in found:
        text = subprocess.run(["openssl", "x509", "-inform", "der", "-noout", "-subject", "-nameopt", "RFC2253"], input=der,
                              capture_output=True, check=True).stdout.decode().strip()
        print(hashlib.sha256(der).hexdigest(), text)


def tcp(port):
    with socket.create_connection(("127.0.0.1", int(port)), timeout=5) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        data = b""
        while part := s.recv(4096):
            data += part
    print(data.decode().splitlines()[-1])


def udp(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect(("127.0.0.1", int(port)))
        s.send(b"hello")
        print(s.recv(4096).decode())


def echo_udp(port, word):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", int(port)))
        while True:
            _, sender = s.recvfrom(4096)
            s.sendto(word.encode(), sender)


{"tcp": tcp, "udp": udp, "echo-udp": echo_udp, "pair": pair, "served": served}[sys.argv[1]](*sys.argv[2:])
