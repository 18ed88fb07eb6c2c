#include "kafka_mock.h"

rd_kafka_resp_err_t nightjar_mock_answer_late(
    rd_kafka_mock_cluster_t *cluster, int32_t broker, int16_t request, int milliseconds) {
    return rd_kafka_mock_broker_push_request_error_rtts(
        cluster, broker, request, 1, RD_KAFKA_RESP_ERR_NO_ERROR, milliseconds);
}
