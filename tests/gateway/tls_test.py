#!/usr/bin/python3
"""Certificates: chosen by name, changed without a reload, kept over one, refused when they are bad."""
import calendar
import concurrent.futures
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

from harness import GatewayTest, Instance, document, free_port, owner_of, wait_for

DAY = 86400


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


KEYS = {"ec": ("EC", "ec_paramgen_curve:P-256"), "rsa": ("RSA", "rsa_keygen_bits:2048"), "short": ("RSA", "rsa_keygen_bits:1024"), "ed25519": ("ED25519",)}


def certificate(name, names, days=90, kind="ec", start=None):
    """A self-signed pair as {name, certificate, key}; `start` moves its validity, in days from now."""
    with tempfile.TemporaryDirectory() as folder:
        key, pem = folder + "/key", folder + "/pem"
        algorithm, *options = KEYS[kind]
        openssl("genpkey", "-algorithm", algorithm, "-out", key, *(word for one in options for word in ("-pkeyopt", one)))
        subject = ["-subj", "/CN=" + (names[0] if names else "nobody")]
        if len(names) > 1 or names and names[0].startswith("*"):
            subject += ["-addext", "subjectAltName=" + ",".join("DNS:" + one for one in names)]
        if start is None:
            openssl("req", "-x509", "-new", "-key", key, "-out", pem, "-days", str(days), *subject)
        else:
            openssl("req", "-new", "-key", key, "-out", folder + "/csr", *subject)
            os.mkdir(folder + "/new")
            with open(folder + "/index.txt", "w", encoding="ascii"):
                pass
            with open(folder + "/ca.conf", "w", encoding="ascii") as conf:
                conf.write("[ca]\ndefault_ca=x\n[x]\ndatabase=%s/index.txt\nnew_certs_dir=%s/new\nrand_serial=yes\n"
                           "policy=p\ndefault_md=sha256\n[p]\ncommonName=supplied\n" % (folder, folder))
            times = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + at * DAY)) for at in (start, start + days)]
            openssl("ca", "-batch", "-config", folder + "/ca.conf", "-selfsign", "-keyfile", key, "-notext",
                    "-in", folder + "/csr", "-out", pem, "-startdate", times[0], "-enddate", times[1])
        with open(pem, encoding="ascii") as one, open(key, encoding="ascii") as other:
            return {"name": name, "certificate": one.read(), "key": other.read()}


def fingerprint(pair):
    return ssl.PEM_cert_to_DER_cert(pair["certificate"])


def body(pair):
    return {k: v for k, v in pair.items() if k != "name"}


class Strict(Instance):
    """Serves TLS at one more address of its port, which is not strict, and at another port, strict on all addresses of IPv4."""

    def manifest(self):
        if not hasattr(self, "other_port"):
            self.other_port = free_port()

        def listener(address, port, more):
            return '[[listener]]\naddress = "%s"\nport = %d\nprotocol = "https"\nhttp2 = true\n%s' % (address, port, more)
        text = super().manifest().replace('port = %d\nprotocol = "https"\n' % self.tls_port, 'port = %d\nprotocol = "https"\nhttp2 = true\nstrict_sni = true\n' % self.tls_port)
        at = text.index("[[certificate]]")
        return text[:at] + listener("127.0.0.2", self.tls_port, "") + listener("0.0.0.0", self.other_port, "strict_sni = true\n") \
            + listener("[::1]", self.other_port, "strict_sni = false\n") + text[at:]


class Mixed(Instance):
    """Speaks HTTP/2 at one more port, and at none of the others."""

    def manifest(self):
        if not hasattr(self, "h2_port"):
            self.h2_port = free_port()
        text = super().manifest()
        at = text.index("[[certificate]]")
        return text[:at] + '[[listener]]\naddress = "127.0.0.1"\nport = %d\nprotocol = "https"\nhttp2 = true\n' % self.h2_port + text[at:]


class Http2Test(GatewayTest):
    def test_http2_is_of_its_listener_alone_and_nginx_warns_of_nothing(self):
        instance = Mixed(document([self.backend("A").address]), certs=[certificate("one", ["one.test"])])
        self.addCleanup(instance.close)
        instance.start()

        def version(url, *more):
            return subprocess.run(["curl", "-sk", "-m", "20", "-o", "/dev/null", "-w", "%{http_version}", *more, url], capture_output=True, text=True).stdout
        self.assertEqual(version("https://127.0.0.1:%d/" % instance.h2_port, "--http2"), "2")
        self.assertEqual(version("https://127.0.0.1:%d/" % instance.tls_port, "--http2"), "1.1")
        self.assertEqual(version("http://127.0.0.1:%d/" % instance.port), "1.1")
        self.assertNotEqual(version("http://127.0.0.1:%d/" % instance.port, "--http2-prior-knowledge"), "2")
        self.assertEqual([line for line in instance.errors().splitlines() if "[warn]" in line], [])


class StrictTest(GatewayTest):
    @classmethod
    def setUpClass(cls):
        cls.shop, cls.pay = certificate("shop", ["shop.test", "www.shop.test"]), certificate("pay", ["*.pay.test"])
        cls.first = certificate("first", ["first.test"])

    def ask(self, port, name, host, address="127.0.0.1", h2=False, path="/", more=()):
        """Status of a request for `host` on a connection that was made for `name`."""
        url = "https://%s:%d%s" % (name or ("[%s]" % address if ":" in address else address), port, path)
        resolve = ["--resolve", "%s:%d:%s" % (name, port, address)] if name else []
        got = subprocess.run(["curl", "-sk", "-m", "20", "-o", "-", "-w", "\n%{http_code} %{http_version}", "--http2" if h2 else "--http1.1", *resolve, "-H", "Host: " + host, *more, url],
                             capture_output=True, timeout=30, text=True)
        self.body, _, last = got.stdout.rpartition("\n")
        self.assertEqual(got.returncode, 0, got)
        code, version = last.split()
        self.assertEqual(version, "2" if h2 else "1.1")
        return int(code)

    def strict(self, **options):
        backend = self.backend("A")
        instance = Strict(document([backend.address]), certs=[self.first, self.shop, self.pay], workers=1, **options)
        self.addCleanup(instance.close)
        return instance.start()

    SAME = [("shop.test", "shop.test"), ("shop.test", "SHOP.test.:81"), ("shop.test", "www.shop.test"), ("www.shop.test", "shop.test"), ("a.pay.test", "b.pay.test"),
            ("first.test", "nobody.test"), ("nobody.test", "first.test"), ("nobody.test", "else.test"), ("SHOP.test", "shop.test"), (None, "first.test"), (None, "nobody.test"), (None, "127.0.0.1"), (None, "[::1]:8")]
    OTHER = [("shop.test", "a.pay.test"), ("a.pay.test", "shop.test"), ("shop.test", "nobody.test"), ("nobody.test", "shop.test"), ("shop.test", "first.test"),
             ("shop.test", "x.www.shop.test"), (None, "shop.test"), (None, "A.PAY.test."), ("shop.test", "127.0.0.1"), ("a.pay.test", "pay.test"), ("a.pay.test", "b.a.pay.test")]

    def test_a_request_for_another_certificate_is_misdirected(self):
        for instance in (self.strict(), self.strict(policy={"limit": 1 << 20, "cap": 1 << 20})):
            for h2 in (False, True):
                for name, host in self.SAME:
                    self.assertEqual(self.ask(instance.tls_port, name, host, h2=h2), 200, (name, host))
                for name, host in self.OTHER:
                    self.assertEqual(self.ask(instance.tls_port, name, host, h2=h2), 421, (name, host))
                    self.assertEqual(json.loads(self.body)["title"], "Misdirected Request")
            for more in (["-H", "Connection: X-A"], ["-H", "Upgrade: h2c", "-H", "Connection: upgrade"], ["-d", "body"]):
                self.assertEqual((self.ask(instance.tls_port, "shop.test", "a.pay.test", more=more), self.ask(instance.tls_port, "shop.test", "shop.test", more=more)), (421, 200))
            self.assertEqual(self.ask(instance.tls_port, "shop.test", "shop.test", more=["--request-target", "https://a.pay.test/"]), 421)
            self.assertEqual(self.ask(instance.tls_port, "shop.test", "a.pay.test", more=["--request-target", "https://shop.test/"]), 200)
            with open(os.path.join(instance.log, "access.log"), encoding="utf-8") as log:
                self.assertIn('"error":"421"', log.read())
            self.assertNotIn("[error]", instance.errors())

    def test_only_where_the_listener_says_so(self):
        instance = self.strict()
        for port, address, wanted in ((instance.tls_port, "127.0.0.1", 421), (instance.tls_port, "127.0.0.2", 200), (instance.other_port, "127.0.0.1", 421),
                                      (instance.other_port, "127.0.0.9", 421), (instance.other_port, "::1", 200)):
            self.assertEqual(self.ask(port, "shop.test", "a.pay.test", address=address), wanted, (port, address))
            self.assertEqual(self.ask(port, "shop.test", "shop.test", address=address), 200)
        self.assertEqual(instance.get(host="shop.test").status, 200)

    def test_a_certificate_that_comes_later_counts(self):
        instance = self.strict()
        self.assertEqual(self.ask(instance.tls_port, "shop.test", "new.test"), 421)
        both = certificate("shop", ["shop.test", "new.test"])
        self.assertEqual(instance.admin("PUT", "/v1/certs/shop", body(both)).status, 200)
        self.assertEqual(self.ask(instance.tls_port, "shop.test", "new.test"), 200)


class TlsTest(GatewayTest):
    @classmethod
    def setUpClass(cls):
        cls.a = certificate("a", ["a.test"])
        cls.a2 = certificate("a", ["a.test"], kind="rsa")
        cls.wild = certificate("wild", ["*.test", "other.example"])
        cls.a3 = certificate("a3", ["dotted.example.", "second.example"])
        cls.old = certificate("old", ["old.test"], start=-20, days=10)
        cls.future = certificate("future", ["future.test"], start=5, days=10)
        cls.short = certificate("short", ["short.test"], days=3)

    def gateway(self, *certs, **options):
        backend = self.backend("A")
        return self.instance(document([backend.address]), certs=list(certs), **options)

    def connect(self, instance, name=None, context=None, session=None):
        context = context or self.context()
        raw = socket.create_connection(("127.0.0.1", instance.tls_port), timeout=10)
        self.addCleanup(raw.close)
        wrapped = context.wrap_socket(raw, server_hostname=name, session=session)
        self.addCleanup(wrapped.close)
        return wrapped

    @staticmethod
    def context():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def served(self, instance, name=None):
        connection = self.connect(instance, name)
        try:
            return connection.getpeercert(binary_form=True)
        finally:
            connection.close()

    @staticmethod
    def served_raw(instance, name):
        """The same; Python takes a dot off the end of a name, openssl sends it."""
        asked = ["-noservername"] if name is None else ["-servername", name]
        got = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % instance.tls_port, *asked], stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
        return ssl.PEM_cert_to_DER_cert(re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", got.stdout.decode(), re.S).group(0))

    def served_by_all(self, instance, name=None):
        """{pid: certificate}, of every worker."""
        found = {}

        def look():
            connection = self.connect(instance, name)
            pid = wait_for(lambda: owner_of(instance.workers(), instance.tls_port, connection.getsockname()[1]))
            found[pid] = connection.getpeercert(binary_form=True)
            held.append(connection)
            return set(found) == set(instance.workers())
        held = []
        wait_for(look, what="every worker has answered")
        for connection in held:
            connection.close()
        return found

    def items(self, instance):
        return {one["name"]: one for one in instance.admin("GET", "/v1/certs").json()["items"]}

    def digests(self, instance):
        return {worker["certs"] for worker in instance.status()["workers"]}

    def test_a_name_of_the_root_and_any_case_are_the_same_name(self):
        instance = self.gateway(self.a2, self.wild, self.a3)
        instance.start() if instance.master is None else None
        for names, pair in ((["a.test", "a.test.", "A.TEST.", "A.test"], self.a2), (["b.test", "B.test.", "OTHER.example.", "other.example"], self.wild),
                            (["dotted.example", "Dotted.EXAMPLE."], self.a3), (["x.example.", "test.", ".", "a.test..", "..", None], self.a2)):
            for name in names:
                self.assertEqual(self.served_raw(instance, name), fingerprint(pair), name)

    def test_the_name_chooses_exact_before_wildcard_before_the_first(self):
        instance = self.gateway(self.wild, self.a)
        expected = {"a.test": self.a, "A.TEST": self.a, "b.test": self.wild, "other.example": self.wild,
                    "nobody.example": self.wild, "x.a.test": self.wild, None: self.wild}
        for name, pair in expected.items():
            self.assertEqual(self.served(instance, name), fingerprint(pair), name)

    def offered(self, instance, name, *more):
        """What openssl s_client gets with some of its settings: a certificate, or None."""
        asked = ["-noservername"] if name is None else ["-servername", name]
        got = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % instance.tls_port, *asked, *more], stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
        found = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", got.stdout.decode(), re.S)
        return found and ssl.PEM_cert_to_DER_cert(found.group(0))

    RSA_ONLY = [["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], ["-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256"], ["-tls1_2", "-sigalgs", "RSA+SHA256"]]
    EC_ONLY = [["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], ["-tls1_3", "-sigalgs", "ecdsa_secp256r1_sha256"]]
    ED_ONLY = [["-tls1_3", "-sigalgs", "ed25519"]]

    def test_each_client_gets_the_certificate_that_it_can_use(self):
        rsa, ec = certificate("rsa", ["shop.test", "www.shop.test", "*.wild.test"], kind="rsa"), certificate("ec", ["shop.test", "*.wild.test"])
        ed, late = certificate("ed", ["shop.test"], kind="ed25519"), certificate("late", ["shop.test", "late.test"], kind="rsa")
        for order, names in (([rsa, ec, ed, late], None), ([ec, ed, rsa, late], ("shop.test", None))):
            instance = self.gateway(*order)
            wild = {"RSA": rsa, "EC": ec}
            for name, has in (("shop.test", {"RSA": rsa, "EC": ec, "ED": ed}), ("SHOP.test.", {"RSA": rsa, "EC": ec, "ED": ed}), ("www.shop.test", {"RSA": rsa}),
                              ("late.test", {"RSA": late}), ("a.wild.test", wild), (None, {"RSA": rsa, "EC": ec, "ED": ed}), ("nobody.test", {"RSA": rsa, "EC": ec, "ED": ed})):
                if names and name not in names:
                    continue
                for kind, clients in (("RSA", self.RSA_ONLY), ("EC", self.EC_ONLY), ("ED", self.ED_ONLY)):
                    for client in clients:
                        wanted = fingerprint(has[kind]) if kind in has else None
                        self.assertEqual(self.offered(instance, name, *client), wanted, (name, client))
        # the second one is served as soon as it is sent, and as long as it is there
        lone = self.gateway(rsa)
        self.assertIsNone(self.offered(lone, "shop.test", *self.EC_ONLY[1]))
        self.assertEqual(lone.admin("PUT", "/v1/certs/ec", body(ec)).status, 200)
        self.assertEqual(self.offered(lone, "shop.test", *self.EC_ONLY[1]), fingerprint(ec))
        self.assertEqual(self.offered(lone, "shop.test", *self.RSA_ONLY[1]), fingerprint(rsa))
        self.assertEqual([one["key_type"] for one in lone.admin("GET", "/v1/certs").json()["items"]], ["RSA", "ECDSA"])

    def test_an_exact_name_of_one_type_goes_before_a_wildcard_of_another(self):
        instance = self.gateway(self.wild, self.a2)
        self.assertIsNone(self.offered(instance, "a.test", *self.EC_ONLY[1]))
        self.assertEqual(self.offered(instance, "a.test"), fingerprint(self.a2))

    def test_given_hosts_replace_those_of_the_certificate(self):
        instance = self.gateway(self.a, dict(self.wild, hosts=["*.given.example", "given.example"]))
        for name, pair in {"given.example": self.wild, "x.given.example": self.wild, "b.test": self.a}.items():
            self.assertEqual(self.served(instance, name), fingerprint(pair), name)

    def test_a_request_goes_through_and_the_server_knows_the_scheme(self):
        seen = {}

        def behave(handler, head):
            seen.update(head)
            handler.answer(200, "over tls")
            return True
        backend = self.backend(behave=behave)
        instance = self.instance(document([backend.address]), certs=[self.a])
        connection = http.client.HTTPSConnection("127.0.0.1", instance.tls_port, timeout=10, context=self.context())
        self.addCleanup(connection.close)
        connection.request("GET", "/", headers={"Host": "a.test"})
        self.assertEqual(connection.getresponse().read(), b"over tls")
        self.assertEqual(seen["x-forwarded-proto"], "https")

    def test_a_new_certificate_is_served_by_the_next_handshake_of_every_worker(self):
        instance = self.gateway(self.a)
        workers = instance.workers()
        self.assertEqual(set(self.served_by_all(instance, "a.test").values()), {fingerprint(self.a)})
        for pair in (self.a2, self.a) * 10:
            self.assertEqual(instance.admin("PUT", "/v1/certs/a", body(pair)).status, 200)
            for _ in range(4):
                self.assertEqual(self.served(instance, "a.test"), fingerprint(pair))
        self.assertEqual(set(self.served_by_all(instance, "a.test").values()), {fingerprint(self.a)})
        self.assertEqual(instance.workers(), workers)

    def test_workers_report_what_they_serve(self):
        instance = self.gateway(self.a)
        (before,) = self.digests(instance)
        self.assertRegex(before, "^[0-9a-f]{64}$")
        instance.admin("PUT", "/v1/certs/a", body(self.a2))
        wait_for(lambda: len(self.digests(instance)) == 1 and self.digests(instance) != {before})
        instance.admin("PUT", "/v1/certs/a", body(self.a))
        wait_for(lambda: self.digests(instance) == {before})

    def test_what_was_put_lives_through_a_reload_and_a_worker_that_dies(self):
        instance = self.gateway(self.a)
        instance.admin("PUT", "/v1/certs/a", body(self.a2))
        instance.hup()
        self.assertEqual(set(self.served_by_all(instance, "a.test").values()), {fingerprint(self.a2)})
        old = instance.workers()
        os.kill(old[0], signal.SIGKILL)
        wait_for(lambda: len(instance.workers()) == 2 and old[0] not in instance.workers())
        self.assertEqual(set(self.served_by_all(instance, "a.test").values()), {fingerprint(self.a2)})

    def test_the_trees_set_comes_with_the_reload_that_brings_it(self):
        instance = self.gateway(self.a)
        instance.admin("PUT", "/v1/certs/wild", body(self.wild))
        self.assertEqual(self.served(instance, "b.test"), fingerprint(self.wild))
        instance.write_tree(certs=[self.a2])
        instance.hup()
        self.assertEqual(self.served(instance, "a.test"), fingerprint(self.a2))
        self.assertEqual(self.served(instance, "b.test"), fingerprint(self.a2))
        self.assertEqual(list(self.items(instance)), ["a"])

    def test_a_set_that_was_put_as_the_trees_own_is_not_undone_by_a_worker_that_dies(self):
        instance = self.gateway(self.a)
        self.assertEqual(instance.admin("PUT", "/v1/certs", {"items": [self.a2]}, {"X-Tree": "1"}).status, 200)
        instance.write_certs([self.a2])
        old = instance.workers()
        os.kill(old[0], signal.SIGKILL)
        wait_for(lambda: len(instance.workers()) == 2 and old[0] not in instance.workers())
        self.assertEqual(set(self.served_by_all(instance, "a.test").values()), {fingerprint(self.a2)})
        instance.admin("PUT", "/v1/certs/a", body(self.a))
        instance.hup()  # the tree brings nothing new, so what is hotter stays
        self.assertEqual(self.served(instance, "a.test"), fingerprint(self.a))

    def test_a_whole_set_replaces_all(self):
        instance = self.gateway(self.a, self.wild)
        answer = instance.admin("PUT", "/v1/certs", {"items": [self.wild, self.short]})
        self.assertEqual(answer.status, 200, answer.text())
        self.assertEqual(list(self.items(instance)), ["wild", "short"])
        self.assertEqual(self.served(instance, "a.test"), fingerprint(self.wild))
        self.assertEqual(self.served(instance, "short.test"), fingerprint(self.short))

    def test_what_is_told_has_everything_but_the_key(self):
        instance = self.gateway(self.wild, self.short)
        answer = instance.admin("GET", "/v1/certs")
        self.assertNotIn("PRIVATE", answer.text())
        items = {one["name"]: one for one in answer.json()["items"]}
        self.assertEqual(items["wild"]["hosts"], ["*.test", "other.example"])
        self.assertEqual((items["short"]["days"], items["wild"]["days"]), (2, 89))
        self.assertRegex(items["short"]["not_after"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        end = time.strptime(items["short"]["not_after"], "%Y-%m-%dT%H:%M:%SZ")
        self.assertEqual(time.strftime("%b %e %H:%M:%S %Y GMT", end), self.end_of(self.short))
        self.assertRegex(items["wild"]["sha256"], "^[0-9a-f]{64}$")
        self.assertIn('openresty_certificate_not_after_timestamp_seconds{server="short"} %d\n'
                      % calendar.timegm(end), instance.admin("GET", "/metrics").text())

    def end_of(self, pair):
        done = subprocess.run(["openssl", "x509", "-noout", "-enddate"], input=pair["certificate"], text=True,
                              capture_output=True, check=True)
        return done.stdout.strip().split("=")[1]

    def test_bad_certificates_are_refused_and_change_nothing(self):
        instance = self.gateway(self.a)
        encrypted = subprocess.run(["openssl", "ec", "-aes128", "-passout", "pass:x"], input=self.a["key"],
                                   text=True, capture_output=True, check=True).stdout
        cases = [
            (dict(body(self.a), key=self.wild["key"]), "/key", "does not belong to the certificate"),
            (body(self.old), "/certificate", "the certificate ended on "),
            (body(self.future), "/certificate", "the certificate begins on "),
            (dict(body(self.a), certificate="none"), "/certificate", "is no certificate in PEM"),
            (dict(body(self.a), key="none"), "/key", "is no private key in PEM"),
            (dict(body(self.a), key=encrypted), "/key", "is encrypted"),
            (dict(body(self.a), certificate=7), "/certificate", "PEM is wanted"),
            ({"certificate": self.a["certificate"]}, "/key", "PEM is wanted"),
            (dict(body(self.a), hosts="a"), "/hosts", "a list of at most"),
            (dict(body(self.a), hosts=["a b"]), "/hosts/0", "no host name"),
            (dict(body(self.a), extra=1), "/extra", "not known"),
            ([], "", "an object is wanted"),
        ]
        for sent, pointer, reason in cases:
            answer = instance.admin("PUT", "/v1/certs/a", sent)
            self.assert_problem(answer, 422, pointer)
            self.assertIn(reason, answer.text())
            self.assertNotIn("PRIVATE", answer.text())
        for sent, pointer in ((7, "/items"), ({"items": [self.a, self.a]}, "/items/1/name"),
                              ({"items": [body(self.a)]}, "/items/0/name"),
                              ({"items": [self.a, self.old]}, "/items/1/certificate")):
            self.assert_problem(instance.admin("PUT", "/v1/certs", sent), 422, pointer)
        self.assert_problem(instance.admin("PUT", "/v1/certs/a", b"{"), 400)
        self.assert_problem(instance.admin("PUT", "/v1/certs/A", body(self.a)), 422)
        self.assert_problem(instance.admin("PUT", "/v1/certs/a", body(self.a), {"Content-Type": "text/plain"}), 415)
        self.assert_problem(instance.admin("GET", "/v1/certs/a"), 405)
        self.assertEqual(self.served(instance, "a.test"), fingerprint(self.a))
        self.assertEqual(list(self.items(instance)), ["a"])
        self.assertNotIn("PRIVATE", instance.errors())

    def test_one_that_has_ended_while_it_is_served_stays_beside_a_new_one(self):
        instance = self.gateway(self.old, self.a)
        new = dict(self.a2, name="a")
        for headers in ({}, {"X-Tree": "1"}):
            self.assertEqual(instance.admin("PUT", "/v1/certs", {"items": [self.old, new]}, headers).status, 200)
            self.assertEqual((self.served(instance, "old.test"), self.served(instance, "a.test")), (fingerprint(self.old), fingerprint(new)))
            new = self.a
        self.assertEqual(instance.admin("PUT", "/v1/certs/old", body(self.old)).status, 200)
        self.assert_problem(instance.admin("PUT", "/v1/certs", {"items": [self.old, dict(self.old, name="b")]}), 422, "/items/1/certificate")
        self.assert_problem(instance.admin("PUT", "/v1/certs", {"items": [dict(self.old, hosts=["b.test"])]}), 422, "/items/0/certificate")

    def test_what_no_handshake_could_use_is_refused(self):
        instance = self.gateway(self.a)
        answer = instance.admin("PUT", "/v1/certs/short", body(certificate("short", ["short.test"], kind="short")))
        self.assert_problem(answer, 422, "/certificate")
        self.assertIn("cannot be served by this nginx", answer.text())

    def test_a_set_that_does_not_fit_changes_nothing(self):
        instance = self.gateway(self.a, dict_size="256k")
        many = [dict(self.a2, name="n%d" % i) for i in range(200)]
        self.assert_problem(instance.admin("PUT", "/v1/certs", {"items": many}), 507)
        self.assertEqual(list(self.items(instance)), ["a"])
        self.assertEqual(instance.admin("PUT", "/v1/certs/a", body(self.a2)).status, 200)
        self.assertEqual(self.served(instance, "a.test"), fingerprint(self.a2))

    def test_keys_that_are_sent_never_reach_the_disk(self):
        instance = self.gateway(self.a)
        many = [dict(self.a2, name="n%d" % i) for i in range(100)]
        self.assertGreater(len(json.dumps({"items": many})), 200000)
        self.assertEqual(instance.admin("PUT", "/v1/certs", {"items": many}).status, 200)
        self.assertEqual(len(self.items(instance)), 100)
        self.assertNotIn("buffered to a temporary file", instance.errors())

    def test_no_put_is_lost_when_many_come_at_once(self):
        instance = self.gateway(self.a)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda i: instance.admin("PUT", "/v1/certs/n%d" % i, body(self.wild)).status,
                                    range(40)))
        self.assertEqual(set(answers), {200})
        self.assertEqual(len(self.items(instance)), 41)

    def test_a_certificate_that_ended_serves_after_a_restart_and_one_without_its_key_does_not(self):
        instance = self.gateway(self.old)
        self.assertEqual(self.served(instance, "old.test"), fingerprint(self.old))
        self.assertIn("certs/old.pem: the certificate ended on ", instance.errors())
        broken = self.gateway(self.a, start=False)
        with open(os.path.join(broken.tree, "certs/a.key"), "w", encoding="ascii") as key:
            key.write(self.wild["key"])
        with self.assertRaisesRegex(AssertionError, "certs/a.key"):
            broken.start()

    def test_sessions_are_resumed(self):
        instance = self.gateway(self.a)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.context()
            context.minimum_version = context.maximum_version = version
            first = self.connect(instance, "a.test", context)
            first.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
            while first.recv(4096):
                pass
            self.assertFalse(first.session_reused)
            self.assertTrue(self.connect(instance, "a.test", context, first.session).session_reused)


if __name__ == "__main__":
    unittest.main()
