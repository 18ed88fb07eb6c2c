"""Waits for the brokers of scripts/brokers, and makes a queue or topic "orders" in each."""

import os
import sys
import time

import boto3
import pika
from confluent_kafka.admin import AdminClient, NewTopic


def rabbitmq():
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"]))
    connection.channel().queue_declare("orders", durable=True)
    connection.close()


def kafka():
    admin = AdminClient({"bootstrap.servers": os.environ["KAFKA_BROKERS"], "log_level": 0})
    admin.list_topics(timeout=2)
    for answer in admin.create_topics([NewTopic("orders", 4, 1)]).values():
        answer.result(10)


def sqs():
    boto3.client("sqs", endpoint_url=os.environ["SQS_ENDPOINT"]).create_queue(QueueName="orders")


deadline = time.monotonic() + 120
for name, prepare in (("RabbitMQ", rabbitmq), ("Kafka", kafka), ("SQS", sqs)):
    while True:
        try:
            prepare()
            break
        except Exception as error:  # Whatever a client raises while its server is not there yet.
            if time.monotonic() > deadline:
                sys.exit(f"{name} did not come up within two minutes: {error!r}")
            time.sleep(0.2)
