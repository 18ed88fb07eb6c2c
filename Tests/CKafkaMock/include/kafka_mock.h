#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/// Lets a mock broker carry out the next request of this kind at once and answer it so much later. librdkafka's own function has
/// variable arguments, which Swift can't pass.
rd_kafka_resp_err_t nightjar_mock_answer_late(
    rd_kafka_mock_cluster_t *cluster, int32_t broker, int16_t request, int milliseconds);
