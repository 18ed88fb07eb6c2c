// Clients in plain C, as fast as the libraries allow: what Nightjar's sources are measured beside.
#ifndef BROKER_CLIENTS_H
#define BROKER_CLIENTS_H

#include <stdint.h>

// Declares a durable queue and fills it with `count` persistent messages of `size` bytes. Returns 0, or -1 with a message.
int raw_rabbitmq_fill(const char *host, int port, const char *queue, int count, int size, const char **error);

// Consumes `count` messages, acknowledging every `ack_every`-th with all before it. Returns the seconds it took from the first
// message to the last acknowledgement, or -1.
double raw_rabbitmq_consume(const char *host, int port, const char *queue, int count, int ack_every, const char **error);

// Creates a topic with that many partitions and fills it with `count` messages of `size` bytes, keys 0 to 999.
int raw_kafka_fill(const char *brokers, const char *topic, int partitions, int count, int size, const char **error);

// Reads `count` messages from the beginning as a member of a consumer group. Returns the seconds from the first to the last.
double raw_kafka_consume(const char *brokers, const char *topic, const char *group, int count, const char **error);

#endif
