"""A TLS endpoint before a plain one, and programs that trust it although their roots are compiled in."""

import os
import pathlib
import socket
import ssl
import subprocess
import tempfile
import threading

# One of Mozilla's roots, as Debian's ca-certificates has it. Its place among the roots of a program is taken by the key made here.
ROOT = "/etc/ssl/certs/ISRG_Root_X2.pem"

# The root's name, byte for byte: an issuer is found by it.
SETTINGS = """[req]
distinguished_name = name
string_mask = default
prompt = no
[name]
C = US
O = Internet Security Research Group
CN = ISRG Root X2
[ca]
basicConstraints = critical, CA:TRUE
[leaf]
subjectAltName = DNS:localhost
"""


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


def point(certificate):
    """The public key of a certificate on P-384: the last 96 bytes of its form in DER."""
    pem = openssl("x509", "-in", certificate, "-noout", "-pubkey")
    return subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem, check=True, capture_output=True).stdout[-96:]


class Authority:
    """A certificate authority of this run's, with one certificate for `localhost`."""

    def __init__(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.scratch.name)
        settings, self.ca, self.chain, self.key = (str(self.folder / name) for name in ("settings", "ca.pem", "leaf.pem", "leaf.key"))
        pathlib.Path(settings).write_text(SETTINGS)
        made = ["-config", settings, "-nodes", "-newkey", "ec", "-days", "2"]
        openssl("req", "-x509", *made, "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384", "-extensions", "ca", "-keyout", f"{self.ca}.key", "-out", self.ca)
        request = str(self.folder / "request")
        openssl("req", *made[:-2], "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=localhost", "-keyout", self.key, "-out", request)
        issued = ["-CA", self.ca, "-CAkey", f"{self.ca}.key", "-CAcreateserial", "-sha384", "-days", "2", "-extfile", settings, "-extensions", "leaf"]
        openssl("x509", "-req", "-in", request, *issued, "-out", self.chain)

    def trusting(self, program):
        """A copy of a program with the 96 bytes of one root's public key exchanged, wherever they stand; not another byte differs."""
        code, theirs, ours = pathlib.Path(program).read_bytes(), point(ROOT), point(self.ca)
        if theirs not in code:
            raise SystemExit(f"{program} does not have the key of {ROOT} in it")
        copy = self.folder / f"{pathlib.Path(program).name}-{len(list(self.folder.iterdir()))}"
        copy.write_bytes(code.replace(theirs, ours))
        copy.chmod(0o755)
        return str(copy)

    def bundle(self):
        """The machine's certificates with this authority's, for programs that read a file."""
        path = self.folder / "bundle.pem"
        path.write_text(pathlib.Path("/etc/ssl/certs/ca-certificates.crt").read_text() + pathlib.Path(self.ca).read_text())
        return str(path)


class Endpoint:
    """Ends TLS on a port of localhost and hands what it gets to `behind`, host and port."""

    def __init__(self, authority, behind):
        self.behind = behind
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(authority.chain, authority.key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with self.context.wrap_socket(connection, server_side=True) as secure, socket.create_connection(self.behind) as plain:
                for end in (secure, plain):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=pump, args=(plain, secure), daemon=True).start()
                pump(secure, plain)
        except OSError as error:
            if os.environ.get("SHOW_TLS"):
                print(f"TLS: {error}")


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except (OSError, ValueError):
        pass  # The other side is gone.
