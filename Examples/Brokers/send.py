"""Sends an order to each broker of `make brokers`, with the clients that Python programs use."""

import json
import os

import boto3
import pika
from confluent_kafka import Producer

order = json.dumps({"id": 17, "total": 120})

connection = pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"]))
channel = connection.channel()
channel.confirm_delivery()
properties = pika.BasicProperties(content_type="application/json", delivery_mode=2)
channel.basic_publish("", "orders", order, properties=properties)
connection.close()

producer = Producer({"bootstrap.servers": os.environ["KAFKA_BROKERS"]})
producer.produce("orders", order, key="customer-4", headers={"content-type": "application/json"})
producer.flush()

sqs = boto3.client("sqs", endpoint_url=os.environ["SQS_ENDPOINT"])
sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="orders")["QueueUrl"], MessageBody=order)

print("sent an order to RabbitMQ, Kafka and SQS")
