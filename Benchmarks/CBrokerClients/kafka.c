#include "broker_clients.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char failure[512];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf, const char **error) {
    rd_kafka_t *handle = rd_kafka_new(type, conf, failure, sizeof failure);
    if (!handle) *error = failure;
    return handle;
}

static rd_kafka_conf_t *configuration(const char *brokers) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers, NULL, 0);
    return conf;
}

int raw_kafka_fill(const char *brokers, const char *topic, int partitions, int count, int size, const char **error) {
    rd_kafka_conf_t *conf = configuration(brokers);
    rd_kafka_conf_set(conf, "linger.ms", "20", NULL, 0);
    rd_kafka_conf_set(conf, "queue.buffering.max.messages", "1000000", NULL, 0);
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, conf, error);
    if (!producer) return -1;

    rd_kafka_queue_t *answers = rd_kafka_queue_new(producer);
    rd_kafka_NewTopic_t *topics[] = {rd_kafka_NewTopic_new(topic, partitions, 1, failure, sizeof failure)};
    rd_kafka_CreateTopics(producer, topics, 1, NULL, answers);
    rd_kafka_event_t *answer = rd_kafka_queue_poll(answers, 10000);
    if (!answer || rd_kafka_event_error(answer)) *error = "the topic cannot be created";
    if (answer) rd_kafka_event_destroy(answer);
    rd_kafka_NewTopic_destroy(topics[0]);
    rd_kafka_queue_destroy(answers);

    char *data = malloc((size_t)size);
    memset(data, 'x', (size_t)size);
    for (int number = 0; number < count && !*error; number++) {
        char key[16];
        int length = snprintf(key, sizeof key, "%d", number % 1000);
        rd_kafka_resp_err_t code;
        do {
            code = rd_kafka_producev(
                producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(key, (size_t)length),
                RD_KAFKA_V_VALUE(data, (size_t)size), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
            if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) rd_kafka_poll(producer, 100);
        } while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL);
        if (code) *error = rd_kafka_err2str(code);
        rd_kafka_poll(producer, 0);
    }
    free(data);
    if (rd_kafka_flush(producer, 120000)) *error = "not all messages were taken";
    rd_kafka_destroy(producer);
    return *error ? -1 : 0;
}

double raw_kafka_consume(const char *brokers, const char *topic, const char *group, int count, const char **error) {
    rd_kafka_conf_t *conf = configuration(brokers);
    rd_kafka_conf_set(conf, "group.id", group, NULL, 0);
    rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", NULL, 0);
    rd_kafka_conf_set(conf, "session.timeout.ms", "6000", NULL, 0);
    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, conf, error);
    if (!consumer) return -1;
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(consumer, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);

    enum { most = 1000 };
    rd_kafka_message_t *messages[most];
    double began = 0, deadline = now() + 120;
    int received = 0;
    while (received < count && !*error) {
        ssize_t found = rd_kafka_consume_batch_queue(queue, 1000, messages, most);
        for (ssize_t index = 0; index < found; index++) {
            if (!messages[index]->err) received++;
            rd_kafka_message_destroy(messages[index]);
        }
        if (received > 0 && began == 0) began = now();
        if (now() > deadline) *error = "Kafka delivered too few messages in two minutes";
    }
    double seconds = now() - began;
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return *error ? -1 : seconds;
}
