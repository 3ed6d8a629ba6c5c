"""Uploads and attachments."""

import orjson

from gen import media
from service.http import answers, bodies, request


async def presign(call: request.Call, body: bodies.NewUpload) -> answers.Answer:
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


async def link(call: request.Call, body: bodies.NewAttachment) -> answers.Answer:
    querier = media.AsyncQuerier(await call.connect())
    return answers.created(
        "attachment",
        await querier.attachment_link_json(
            actor=call.actor,
            key=body.key,
            subject_type=body.subject_type,
            subject_id=body.subject_id,
            width=body.width,
            height=body.height,
        ),
    )


async def remove(call: request.Call) -> answers.Answer:
    attachment_id = call.id("attachment_id")
    querier = media.AsyncQuerier(await call.connect())
    await querier.attachment_remove(actor=call.actor, attachment_id=attachment_id)
    return answers.NO_CONTENT
