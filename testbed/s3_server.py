"""An S3 server on the loopback for tests: moto's, whose data lie in the server's memory.

    python -m testbed.s3_server

prints its address and serves until it is ended. It has one thread: with several, moto has let two
conditional writes win.
"""

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server


def main() -> None:
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=False)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
