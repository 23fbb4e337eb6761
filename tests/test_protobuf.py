"""Tests for `openusage.host.protobuf`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.host.protobuf import Message, read_message


def varint(value: int) -> bytes:
    """`value`, which is not negative, as a varint."""
    low, high = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(high) if high else bytes([low])


def integer(number: int, value: int) -> bytes:
    """A field of wire type 0."""
    return varint(number << 3) + varint(value)


def data(number: int, value: bytes) -> bytes:
    """A field of wire type 2."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def read(encoded: bytes) -> Message:
    """The message, which must be one."""
    message = read_message(encoded)
    assert message is not None
    return message


class ReadMessageTests(SynchronousTestCase):
    """`read_message`."""

    def test_fields(self) -> None:
        """Fields of all wire types are read in the order in which they came."""
        encoded = (
            integer(1, 300)
            + data(2, b"ada")
            + varint(3 << 3 | 5)
            + (7).to_bytes(4, "little")
            + varint(4 << 3 | 1)
            + (8).to_bytes(8, "little")
        )

        self.assertEqual(read(encoded).fields, ((1, 300), (2, b"ada"), (3, 7), (4, 8)))

    def test_empty(self) -> None:
        """No bytes are a message without fields."""
        self.assertEqual(read(b"").fields, ())

    def test_damaged(self) -> None:
        """A message that ends within a field, or has one of a kind that is not, is none."""
        whole = data(1, b"a token")
        for broken in (
            whole[:-1],
            b"\x08",  # a number without value
            b"\x0f",  # wire type 7
            b"\x08" + b"\xff" * 11,  # a number that has no end
            b"\x0b",  # a group that is not closed
            b"\x0c",  # one that was not opened
        ):
            self.assertIsNone(read_message(broken), broken)

    def test_nested_without_end(self) -> None:
        """Groups within groups do not take the process down."""
        deep = 100_000
        self.assertIsNone(read_message(b"\x0b" * deep + b"\x0c" * deep))

    def test_private(self) -> None:
        """What a message holds is not in its `repr`."""
        self.assertNotIn("PLANTED", repr(read(data(1, b"PLANTED"))))

    @settings(deadline=None, max_examples=300)
    @given(st.binary(max_size=200))
    def test_anything(self, encoded: bytes) -> None:
        """Any bytes are a message, of which everything can be asked, or none."""
        message = read_message(encoded)
        for number in range(20) if message else ():
            self.assertIsInstance(message, Message)
            assert message is not None
            self.assertIsInstance(message.data(number), (bytes, type(None)))
            self.assertIsInstance(message.text(number), (str, type(None)))
            self.assertIsInstance(message.integer(number), (int, type(None)))
            self.assertIsInstance(message.message(number), (Message, type(None)))

    @settings(deadline=None, max_examples=100)
    @given(
        st.lists(
            st.tuples(st.integers(1, 2**29 - 1), st.integers(0, 2**64 - 1) | st.binary(max_size=50))
        )
    )
    def test_round(self, fields: list[tuple[int, int | bytes]]) -> None:
        """What was written is read, whatever the numbers of the fields."""
        encoded = b"".join(
            integer(number, value) if isinstance(value, int) else data(number, value)
            for number, value in fields
        )

        self.assertEqual(read(encoded).fields, tuple(fields))


class MessageTests(SynchronousTestCase):
    """`Message`."""

    def test_kinds(self) -> None:
        """A field is had as what it is, and not as anything else."""
        message = read(integer(1, 5) + data(2, "Zoë".encode()))

        self.assertEqual((message.integer(1), message.data(1), message.text(1)), (5, None, None))
        self.assertEqual(message.data(2), "Zoë".encode())
        self.assertEqual(message.text(2), "Zoë")
        self.assertIsNone(message.integer(2))
        self.assertIsNone(message.integer(3))
        self.assertIsNone(message.message(3))

    def test_not_utf8(self) -> None:
        """Bytes that are no text are none."""
        message = read(data(1, b"\xff\xfe"))

        self.assertIsNone(message.text(1))
        self.assertEqual(message.data(1), b"\xff\xfe")

    def test_last(self) -> None:
        """Of a field that comes twice the last counts, as protobuf has it."""
        message = read(data(1, b"old") + data(1, b"new"))

        self.assertEqual(message.text(1), "new")

    def test_message(self) -> None:
        """A message in a field is read in turn; a damaged one is none."""
        inner = read(data(1, data(4, integer(1, 1_798_761_600)))).message(1)
        assert inner is not None
        instant = inner.message(4)
        assert instant is not None

        self.assertEqual(instant.integer(1), 1_798_761_600)
        self.assertIsNone(read(data(1, b"\x08")).message(1))
