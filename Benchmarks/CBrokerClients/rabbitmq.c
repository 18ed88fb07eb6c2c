#include "broker_clients.h"

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static amqp_connection_state_t connected(const char *host, int port, const char **error) {
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    if (!socket || amqp_socket_open(socket, host, port) != AMQP_STATUS_OK) {
        *error = "RabbitMQ cannot be reached";
        amqp_destroy_connection(connection);
        return NULL;
    }
    amqp_rpc_reply_t reply = amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
        *error = "RabbitMQ refuses the login";
        amqp_destroy_connection(connection);
        return NULL;
    }
    amqp_channel_open(connection, 1);
    return connection;
}

static void closed(amqp_connection_state_t connection) {
    amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(connection);
}

int raw_rabbitmq_fill(const char *host, int port, const char *queue, int count, int size, const char **error) {
    amqp_connection_state_t connection = connected(host, port, error);
    if (!connection) return -1;
    amqp_queue_declare(connection, 1, amqp_cstring_bytes(queue), 0, 1, 0, 0, amqp_empty_table);
    amqp_queue_purge(connection, 1, amqp_cstring_bytes(queue));
    amqp_confirm_select(connection, 1);
    char *data = malloc((size_t)size);
    memset(data, 'x', (size_t)size);
    amqp_bytes_t body = {(size_t)size, data};
    amqp_basic_properties_t properties;
    memset(&properties, 0, sizeof properties);
    properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
    properties.delivery_mode = 2;
    for (int number = 0; number < count; number++) {
        if (amqp_basic_publish(connection, 1, amqp_empty_bytes, amqp_cstring_bytes(queue), 0, 0, &properties, body)) {
            *error = "RabbitMQ took no message";
            break;
        }
    }
    free(data);
    // All are there when the last is confirmed.
    uint64_t confirmed = 0;
    while (confirmed < (uint64_t)count && !*error) {
        amqp_frame_t frame;
        if (amqp_simple_wait_frame(connection, &frame) != AMQP_STATUS_OK) {
            *error = "RabbitMQ confirmed nothing";
        } else if (frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_BASIC_ACK_METHOD) {
            amqp_basic_ack_t *ack = frame.payload.method.decoded;
            if (ack->delivery_tag > confirmed) confirmed = ack->delivery_tag;
        }
    }
    closed(connection);
    return *error ? -1 : 0;
}

double raw_rabbitmq_consume(const char *host, int port, const char *queue, int count, int ack_every, const char **error) {
    amqp_connection_state_t connection = connected(host, port, error);
    if (!connection) return -1;
    amqp_basic_qos(connection, 1, 0, 1000, 0);
    amqp_basic_consume(connection, 1, amqp_cstring_bytes(queue), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    double began = 0;
    for (int number = 1; number <= count; number++) {
        amqp_envelope_t envelope;
        amqp_maybe_release_buffers(connection);
        amqp_rpc_reply_t reply = amqp_consume_message(connection, &envelope, NULL, 0);
        if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
            *error = "RabbitMQ delivers no more";
            break;
        }
        if (number == 1) began = now();
        uint64_t tag = envelope.delivery_tag;
        amqp_destroy_envelope(&envelope);
        if (number % ack_every == 0 || number == count) amqp_basic_ack(connection, 1, tag, 1);
    }
    double seconds = now() - began;
    closed(connection);
    return *error ? -1 : seconds;
}
