"""Self-signed certificates for tests, made by openssl."""
import os
import subprocess
import tempfile


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


def make(folder, name, days=90, key=("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
    """A self-signed certificate with its key in one file."""
    cert, private = os.path.join(folder, "c.pem"), os.path.join(folder, "k.pem")
    openssl("req", "-x509", *key, "-nodes", "-keyout", private, "-out", cert, "-days", str(days), "-subj", f"/CN={name}",
            "-addext", f"subjectAltName=DNS:{name}")
    with open(cert, encoding="ascii") as c, open(private, encoding="ascii") as k:
        return c.read() + k.read()


CA = """[ca]
default_ca = d
[d]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = p
[p]
commonName = supplied
[x]
subjectAltName = DNS:{name}
"""


def make_ended(folder, name):
    """The same with an end in the past."""
    here = tempfile.mkdtemp(dir=folder)
    for file, content in ("ca", CA.format(name=name)), ("index", ""), ("serial", "01"):
        with open(os.path.join(here, file), "w", encoding="ascii") as f:
            f.write(content)
    make(here, name)
    openssl("req", "-new", "-key", os.path.join(here, "k.pem"), "-out", os.path.join(here, "r.pem"), "-subj", f"/CN={name}")
    subprocess.run(["openssl", "ca", "-batch", "-selfsign", "-config", "ca", "-extensions", "x", "-keyfile", "k.pem", "-in", "r.pem", "-notext",
                    "-startdate", "20200101000000Z", "-enddate", "20200201000000Z", "-out", "c.pem"], cwd=here, check=True, capture_output=True)
    with open(os.path.join(here, "c.pem"), encoding="ascii") as c, open(os.path.join(here, "k.pem"), encoding="ascii") as k:
        return c.read() + k.read()
