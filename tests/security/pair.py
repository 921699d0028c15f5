"""A certificate and its key, made for one test."""
import os
import subprocess

HTTPS = ('[[listener]]\naddress = "127.0.0.1"\nport = %d\nprotocol = "https"\n'
         '[[certificate]]\nname = "site"\nhosts = ["a.test"]\ncertificate = "certs/site.pem"\nkey = "certs/site.key"\n')


def make_pair(folder, name):
    """Texts of a certificate for a.test and of its key."""
    made = os.path.join(folder, name)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", "/CN=a.test",
                    "-keyout", made + ".key", "-out", made + ".pem"], check=True, capture_output=True)
    with open(made + ".pem") as pem, open(made + ".key") as key:
        return pem.read(), key.read()
