"""Presigned uploads and attachments."""

import orjson
from starlette.routing import Route

from gen.http import media
from service.http import answers, bodies, errors, request
from service.http.endpoints import route, writes
from service.media import uploads
from service.reference import shapes


async def presign_upload(call: request.Call, body: bodies.NewUpload) -> answers.Answer:
    """Presigns an upload.

    The key is bound to the caller, purpose, type and size, and expires after minutes.
    """
    querier = media.AsyncQuerier(await call.connect())
    upload = answers.found(
        await querier.upload_presign(
            actor=call.actor,
            purpose=body.purpose,
            mime=body.mime,
            size_bytes=body.size_bytes,
            filename=body.filename,
        )
    )
    answer = {
        "key": upload.key,
        "url": call.bucket.upload_url(upload.key, upload.expires_at),
        "method": "PUT",
        "headers": {"Content-Type": upload.mime},
        "expires_at": upload.expires_at,
    }
    return answers.created("presign", orjson.dumps(answer))


async def link_attachment(call: request.Call, body: bodies.NewAttachment) -> answers.Answer:
    """Attaches an upload to a post or comment of the caller, or makes it a group's picture."""
    querier = media.AsyncQuerier(await call.connect())
    return answers.created(
        "attachment",
        await querier.attachment_link(
            actor=call.actor,
            key=body.key,
            subject_type=body.subject_type,
            subject_id=body.subject_id,
            width=body.width,
            height=body.height,
        ),
    )


async def remove_attachment(call: request.Call) -> answers.Answer:
    """Removes an attachment. The caller must be the author of its subject or a moderator."""
    attachment_id = call.id("attachment_id")
    querier = media.AsyncQuerier(await call.connect())
    await querier.attachment_remove(actor=call.actor, attachment_id=attachment_id)
    return answers.NO_CONTENT


def routes() -> list[Route]:
    """Returns the routes of uploads and attachments."""
    return [
        route(
            "/uploads/presign",
            POST=writes(
                presign_upload,
                shapes.Upload,
                status=201,
                body=bodies.NewUpload,
                errors={"mime_not_allowed", "too_many_uploads"},
            ),
        ),
        route(
            "/attachments",
            POST=writes(
                link_attachment,
                shapes.Media,
                status=201,
                body=bodies.NewAttachment,
                errors=errors.WRITE | {"attachment_limit", "attachment_mismatch"},
                preparation=uploads.preparation,
            ),
        ),
        route(
            "/attachments/{attachment_id}",
            DELETE=writes(remove_attachment, errors=errors.RANK),
        ),
    ]
