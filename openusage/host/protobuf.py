"""Protobuf messages of which only some field numbers are known."""

from __future__ import annotations

from attrs import field, frozen

__all__ = ["Message", "read_message"]


@frozen
class Message:
    """The fields of a message in the order in which they came; the last of a number counts."""

    fields: tuple[tuple[int, object], ...] = field(repr=False)

    def data(self, number: int) -> bytes | None:
        """What a length-delimited field holds."""
        value = self._last(number)
        return value if isinstance(value, bytes) else None

    def text(self, number: int) -> str | None:
        """The same as text; `None` also when it is not UTF-8."""
        data = self.data(number)
        try:
            return None if data is None else data.decode()
        except UnicodeDecodeError:
            return None

    def integer(self, number: int) -> int | None:
        """The value of a varint or fixed field, unsigned."""
        value = self._last(number)
        return value if isinstance(value, int) else None

    def message(self, number: int) -> Message | None:
        """The message in a length-delimited field."""
        data = self.data(number)
        return None if data is None else read_message(data)

    def _last(self, number: int) -> object:
        return next((value for known, value in reversed(self.fields) if known == number), None)


def read_message(data: bytes) -> Message | None:
    """The message that `data` is; `None` when it is damaged or none."""
    # Not on top: one provider needs them, and not before it has found something to read.
    from google.protobuf.empty_pb2 import Empty  # noqa: PLC0415
    from google.protobuf.message import DecodeError  # noqa: PLC0415
    from google.protobuf.unknown_fields import UnknownFieldSet  # noqa: PLC0415

    message = Empty()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return None
    found = UnknownFieldSet(message)
    fields = (found[place] for place in range(len(found)))
    return Message(tuple((each.field_number, each.data) for each in fields))
