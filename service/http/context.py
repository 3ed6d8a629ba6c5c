"""Request context: the parts of the service that handlers and middleware use."""

from dataclasses import dataclass

from starlette.types import Scope

from common import database, s3, settings, telemetry
from service.http import authentication, idempotency, rate_limit
from service.media import signed_urls
from service.operations import health, request_metrics
from service.search import candidates


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Parts of a server process. `tracer` and `limiter` are None when they are off."""

    pool: database.Pool
    authenticator: authentication.Authenticator
    answer_cache: idempotency.AnswerCache
    limiter: rate_limit.Limiter | None
    signer: signed_urls.Signer
    bucket: s3.Bucket
    search: candidates.Search
    metrics: request_metrics.Metrics
    health: health.Health
    tracer: telemetry.Tracer | None
    settings: settings.ServiceSettings


def of(scope: Scope) -> Context:
    """Returns the context of a request."""
    context: Context = scope["state"]["context"]
    return context
