"""The ways to receivers of notifications, built in one place."""

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.request import getproxies_environment

from stagewright.adapters.cloudevents import CloudEvents
from stagewright.adapters.outbound import Outbound
from stagewright.adapters.slack import Slack
from stagewright.errors import UsageError
from stagewright.model.custom_resource import Notification, Places

MAX_BYTES = 8_192


def outbound(places: Places, proxies: Mapping[str, str] | None = None) -> Outbound:
    """How to get out, as far as the operator allows; `proxies` None leaves them to the environment."""
    found = getproxies_environment() if proxies is None else proxies
    return Outbound(insecure=places.insecure_urls, cluster=places.cluster_addresses, proxies=found)


def channel_of(target: Notification, out: Outbound) -> CloudEvents | Slack:
    """The way to a receiver. Its files are read for each delivery: a rotated one needs no restart."""
    url = _url(target)
    if target.type == "slack":
        return Slack(out, url)
    signing = target.signing_secret_file
    return CloudEvents(out, url, None if signing is None else lambda: _secret(signing, "the signing secret"))


def _url(target: Notification) -> Callable[[], str]:
    def read() -> str:
        if target.url is not None:
            return target.url
        data = _secret(str(target.url_file), "the receiver's URL")
        try:
            return data.decode("ascii")
        except UnicodeDecodeError:
            # the error's text would quote it
            raise UsageError("the receiver's URL is not ASCII", hint="give it percent-encoded") from None

    return read


def _secret(file: str, what: str) -> bytes:
    try:
        with Path(file).open("rb") as opened:
            data = opened.read(MAX_BYTES)
    except OSError as error:
        raise UsageError(f"{what} cannot be read: {error.strerror}", hint="see that its Secret is there") from error
    return data.strip()
