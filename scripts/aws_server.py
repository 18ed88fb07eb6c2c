"""Runs moto's server, in which SQS is made to keep its own promises.

moto answers requests in threads, but takes and removes a queue's messages without a lock: two receivers get one message, or a
group's second message before its first; a message that is sent while another is deleted is lost; and who waits for messages
never hears that a group has become free again. Here each request of SQS is done alone, and waiting looks again from the start.
"""

import functools
import threading
import time

from moto.server import main
from moto.sqs.models import SQSBackend

turn = threading.RLock()


def alone(method):
    @functools.wraps(method)
    def call(*arguments, **named):
        with turn:
            return method(*arguments, **named)

    return call


receive_now = SQSBackend.receive_message


@functools.wraps(receive_now)
def receive(self, queue_name, count, wait, *rest, **named):
    end = time.monotonic() + wait
    while True:
        with turn:
            messages = receive_now(self, queue_name, count, 0, *rest, **named)
        if messages or time.monotonic() >= end:
            return messages
        time.sleep(0.01)


SQSBackend.receive_message = receive
for name in ("send_message", "delete_message", "change_message_visibility", "purge_queue"):
    setattr(SQSBackend, name, alone(getattr(SQSBackend, name)))

main()
