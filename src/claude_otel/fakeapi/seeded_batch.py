"""The batch that every fake API holds from the start, so that its results can be read without making one."""

from __future__ import annotations

from .jsontypes import JSON

SEEDED_BATCH_ID = "msgbatch_seeded"


def seeded_rows() -> list[JSON]:
    """The results of the seeded batch: four messages of two models, an error, an expired request and a canceled one."""
    return [
        _succeeded("summary-1", "claude-opus-5-5", 1_200, 0, 0, 4_000, 350),
        _succeeded("summary-2", "claude-opus-5-5", 800, 4_000, 0, 0, 275),
        _succeeded("label-1", "claude-haiku-5-5", 640, 0, 2_048, 0, 12),
        _succeeded("label-2", "claude-haiku-5-5", 655, 2_048, 0, 0, 9),
        {"custom_id": "label-3", "result": {"type": "errored", "error": _error()}},
        {"custom_id": "label-4", "result": {"type": "expired"}},
        {"custom_id": "label-5", "result": {"type": "canceled"}},
    ]


def _succeeded(custom_id: str, model: str, tokens: int, read: int, made_5m: int, made_1h: int, output: int) -> JSON:
    message = {
        "model": model,
        "id": f"msg_seeded_{custom_id.replace('-', '_')}",
        "type": "message",
        "role": "assistant",
        "content": [{"citations": None, "type": "text", "text": f"The result of {custom_id}."}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "stop_details": None,
        "usage": {
            "input_tokens": tokens,
            "cache_creation_input_tokens": made_5m + made_1h,
            "cache_read_input_tokens": read,
            "cache_creation": {"ephemeral_5m_input_tokens": made_5m, "ephemeral_1h_input_tokens": made_1h},
            "output_tokens": output,
            "service_tier": "batch",
            "inference_geo": "global",
            "speed": "standard",
        },
    }
    return {"custom_id": custom_id, "result": {"type": "succeeded", "message": message}}


def _error() -> JSON:
    error = {"type": "invalid_request_error", "message": "max_tokens: Field required"}
    return {"type": "error", "error": error, "request_id": "req_seeded_label_3"}
