#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <amqp_ssl_socket.h>
#include <sys/time.h>

// Swift calls no C functions with a variable number of arguments.

static inline amqp_rpc_reply_t nightjar_amqp_login_plain(
    amqp_connection_state_t state, const char *vhost, int frame_max, int heartbeat_seconds,
    const amqp_table_t *properties, const char *user, const char *password) {
    return amqp_login_with_properties(
        state, vhost, AMQP_DEFAULT_MAX_CHANNELS, frame_max, heartbeat_seconds, properties, AMQP_SASL_METHOD_PLAIN, user,
        password);
}

static inline amqp_rpc_reply_t nightjar_amqp_login_external(
    amqp_connection_state_t state, const char *vhost, int frame_max, int heartbeat_seconds,
    const amqp_table_t *properties) {
    return amqp_login_with_properties(
        state, vhost, AMQP_DEFAULT_MAX_CHANNELS, frame_max, heartbeat_seconds, properties, AMQP_SASL_METHOD_EXTERNAL,
        "");
}

// The next frame that is there, without waiting for it.
static inline int nightjar_amqp_next_frame(amqp_connection_state_t state, amqp_frame_t *frame) {
    struct timeval now = {0, 0};
    return amqp_simple_wait_frame_noblock(state, frame, &now);
}
