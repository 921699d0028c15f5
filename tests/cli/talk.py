#!/usr/bin/python3
"""Small ends of a wire for the scripts.

talk.py tcp PORT        sends a line and prints what comes back      talk.py udp PORT   the same with one datagram
talk.py echo-udp PORT WORD    answers every datagram with WORD, until it is ended
talk.py pair NAME HOST [DAYS [START]]   makes NAME.pem and NAME.key, self-signed; START in days from now
talk.py served PORT [HOST [TIMES]]      SHA-256 of the certificate that is served for HOST, and its CN
"""
import hashlib
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


def pair(name, host, days="90", start="0"):
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", name + ".key")
    stamps = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + 86400 * at - 60))
              for at in (float(start), float(start) + float(days))]
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(folder + "/new")
        open(folder + "/index.txt", "w", encoding="ascii").close()
        with open(folder + "/conf", "w", encoding="ascii") as conf:
            conf.write(f"[ca]\ndefault_ca=x\n[x]\ndatabase={folder}/index.txt\nnew_certs_dir={folder}/new\nrand_serial=yes\n"
                       "policy=p\ndefault_md=sha256\n[p]\ncommonName=supplied\n")
        openssl("req", "-new", "-key", name + ".key", "-out", folder + "/csr", "-subj", "/CN=" + host)
        openssl("ca", "-batch", "-config", folder + "/conf", "-selfsign", "-keyfile", name + ".key", "-notext", "-in",
                folder + "/csr", "-out", name + ".pem", "-startdate", stamps[0], "-enddate", stamps[1])


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
