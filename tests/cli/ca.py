#!/usr/bin/python3
"""An authority for the scripts.

ca.py NAME SUBJECT [WORD=VALUE]…   makes NAME.key and NAME.pem
  by=NAME      the pair that signs it (default: itself)     key=ec|rsa|rsa1024|ed25519|p384   of=NAME   another's key
  names=A,B    DNS names, or IP:ADDRESS                     start=DAYS days=DAYS  from now on, from then on
  ca=1         an authority                                 use=clientAuth       its extended key usage
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time


def openssl(*args):
    done = subprocess.run(["openssl", *args], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit("openssl %s: %s" % (" ".join(args), done.stderr))


KEYS = {"ec": ("EC", "ec_paramgen_curve:P-256"), "p384": ("EC", "ec_paramgen_curve:P-384"), "rsa": ("RSA", "rsa_keygen_bits:2048"),
        "rsa1024": ("RSA", "rsa_keygen_bits:1024"), "ed25519": ("ED25519", None)}


def make(name, subject, by=None, key="ec", of=None, names="", start="0", days="90", ca="", use=""):
    if of:
        shutil.copy(of + ".key", name + ".key")
    else:
        kind, option = KEYS[key]
        openssl("genpkey", "-algorithm", kind, *(["-pkeyopt", option] if option else []), "-out", name + ".key")
    stamps = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + 86400 * at - 60))
              for at in (float(start), float(start) + float(days))]
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(folder + "/new")
        open(folder + "/index.txt", "w", encoding="ascii").close()
        with open(folder + "/conf", "w", encoding="ascii") as conf:
            conf.write(f"[ca]\ndefault_ca=x\n[x]\ndatabase={folder}/index.txt\nnew_certs_dir={folder}/new\nrand_serial=yes\n"
                       "policy=p\ndefault_md=default\n[p]\ncommonName=supplied\n[e]\nsubjectKeyIdentifier=hash\n"
                       "authorityKeyIdentifier=keyid\n")
            conf.write("basicConstraints=critical,CA:%s\n" % ("true" if ca else "false"))
            if names:
                conf.write("subjectAltName=%s\n" % ",".join(one if ":" in one else "DNS:" + one for one in names.split(",")))
            if use:
                conf.write("extendedKeyUsage=%s\n" % use)
        openssl("req", "-new", "-key", name + ".key", "-out", folder + "/csr", "-subj", "/CN=" + subject)
        signer = ["-selfsign", "-keyfile", name + ".key"] if by is None else ["-cert", by + ".pem", "-keyfile", by + ".key"]
        openssl("ca", "-batch", "-config", folder + "/conf", *signer, "-notext", "-in", folder + "/csr", "-out", name + ".pem",
                "-extensions", "e", "-startdate", stamps[0], "-enddate", stamps[1])


if __name__ == "__main__":
    make(*sys.argv[1:3], **dict(word.split("=", 1) for word in sys.argv[3:]))
