"""`mentor3ad serve`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ..plumbing.errors import ConfigError

Bundles = Annotated[
    list[Path], typer.Argument(metavar="BUNDLE...", help="Bundles, or folders of bundles.")
]
HistoryFolder = Annotated[
    Path, typer.Option("--history", help="Folder for the results and the scans that are kept.")
]
Token = Annotated[
    str | None,
    typer.Option(
        envvar="MENTOR3AD_TOKEN", help="What clients must show; any address but loopback needs it."
    ),
]
Root = Annotated[
    Path | None, typer.Option(help="Clients may name scans by their paths below this folder.")
]
Watch = Annotated[
    list[str] | None,
    typer.Option(metavar="RECIPE=FOLDER", help="Inspect what arrives in a folder, too."),
]
Webhooks = Annotated[list[str] | None, typer.Option(help="Post each result to this address.")]
WebhookSecret = Annotated[
    str | None,
    typer.Option(envvar="MENTOR3AD_WEBHOOK_SECRET", help="The key that signs what is posted."),
]
MqttBroker = Annotated[
    str | None, typer.Option(help="Publish results: mqtt[s]://[USER:PASSWORD@]HOST[:PORT]/PREFIX.")
]
OpcUaAddress = Annotated[
    str | None, typer.Option(help="Offer the last result to OPC UA: opc.tcp://127.0.0.1:PORT.")
]


def serve(
    bundles: Bundles,
    history: HistoryFolder = Path("history"),
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 is any free one.")] = 8321,
    token: Token = None,
    root: Root = None,
    queue: Annotated[int, typer.Option(min=1, max=1000, help="Scans that may wait.")] = 16,
    deadline: Annotated[float, typer.Option(min=0.1, help="Seconds for a request.")] = 30.0,
    upload_mb: Annotated[float, typer.Option(min=0.1, help="The largest request, in MB.")] = 64.0,
    keep_days: Annotated[float, typer.Option(min=0.01, help="Age of the oldest result.")] = 30.0,
    keep_gb: Annotated[float, typer.Option(min=0.001, help="Size of all results.")] = 20.0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    watch: Watch = None,
    interval: Annotated[
        float, typer.Option(min=0.01, help="Seconds between looks into watched folders.")
    ] = 1.0,
    webhook: Webhooks = None,
    webhook_secret: WebhookSecret = None,
    mqtt: MqttBroker = None,
    opcua: OpcUaAddress = None,
) -> None:
    """Inspect scans over HTTP, with one recipe a bundle; a page shows them at /.

    It runs until SIGINT or SIGTERM ends it; the scans in hand are finished, and the exit code is 0.
    """
    with _needed():
        from ..serving.options import ServiceOptions
        from ..serving.server import serve as run
        from ..serving.service import Attached, Service
        from ..serving.sources import watched

        attached: list[Attached] = [watched(text, interval) for text in watch or []]
        if webhook:
            if len(set(webhook)) < len(webhook):
                raise ConfigError("--webhook names an address twice: name it once")
            from ..serving.line.webhook import Webhook

            attached += [Webhook(url, webhook_secret) for url in webhook]
        if mqtt:
            from ..serving.line.mqtt import Mqtt

            attached.append(Mqtt(mqtt))
        if opcua:
            from ..serving.line.opcua import OpcUa

            attached.append(OpcUa(opcua))
    options = ServiceOptions(
        *(history, host, port, token, root, queue, deadline, upload_mb),
        keep_days=keep_days,
        keep_gb=keep_gb,
        device=device,
    )
    run(Service(bundles, options, attached))


@contextmanager
def _needed() -> Iterator[None]:
    """Say which extra has a package that is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        extra = "line" if error.name in ("httpx", "paho", "asyncua") else "serve"
        raise ConfigError(
            f"serve needs {error.name}: install it with `pip install 'mentor3ad[{extra}]'`"
        ) from None
