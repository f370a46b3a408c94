/* server_answer.c - one answer, its head and its problem. */
#include "http/server_private.h"

#include <string.h>

#include "base/json.h"

#define PROBLEM_PREFIX "urn:payvand:problem:"

void
pv_server_answer(struct pv_server_call *call, unsigned status, const char *type)
{
    call->status = status;
    call->type = type;
}

void
pv_server_problem(struct pv_server_call *call, unsigned status,
                  const char *word, const char *title, const char *title_fa)
{
    char           type[128] = PROBLEM_PREFIX;
    struct pv_json json;

    call->answer.len = 0;
    call->cache = NULL;
    pv_server_answer(call, status, "application/problem+json");
    if (strlen(word) < sizeof(type) - sizeof(PROBLEM_PREFIX)) {
        memcpy(type + sizeof(PROBLEM_PREFIX) - 1, word, strlen(word) + 1);
    }
    pv_json_init(&json, &call->answer);
    pv_json_object(&json, NULL);
    pv_json_u64(&json, "status", status);
    pv_json_text(&json, "title", title);
    pv_json_text(&json, "title_fa", title_fa);
    pv_json_text(&json, "type", type);
    pv_json_end_object(&json);
    if (pv_json_finish(&json) != PV_OK) {
        call->answer.len = 0; /* the status still says it */
    }
}

void
pv_server_wait(struct pv_server_call *call, int64_t until_ms)
{
    call->again_ms = until_ms > 0 ? until_ms : 1;
}

/* A page stands in nobody's frame, and is taken for nothing else. */
static bool
add_page_head(struct MHD_Response *response, const struct pv_server_call *call)
{
    static const char *const head[][2] = {
        {"X-Content-Type-Options", "nosniff"},
        {"Content-Security-Policy", "frame-ancestors 'none'"},
        {"X-Frame-Options", "DENY"},
    };

    if (strncmp(call->type, "text/html", strlen("text/html")) != 0) {
        return true;
    }
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++) {
        if (MHD_add_response_header(response, head[i][0], head[i][1]) !=
            MHD_YES) {
            return false;
        }
    }
    return true;
}

static bool
add_head(struct MHD_Response *response, const struct pv_server_call *call)
{
    char   seconds[16];
    size_t len = 0;

    if (MHD_add_response_header(response, "Content-Type", call->type) !=
            MHD_YES ||
        MHD_add_response_header(response, "Cache-Control",
                                call->cache == NULL ? "no-store"
                                                    : call->cache) != MHD_YES ||
        !add_page_head(response, call)) {
        return false;
    }
    for (size_t i = 0; i < call->more_count; i++) {
        if (MHD_add_response_header(response, call->more[i].name,
                                    call->more[i].value) != MHD_YES) {
            return false;
        }
    }
    if (call->set_cookie[0] != '\0' &&
        MHD_add_response_header(response, "Set-Cookie", call->set_cookie) !=
            MHD_YES) {
        return false;
    }
    if (call->link[0] != '\0' &&
        MHD_add_response_header(response, "Link", call->link) != MHD_YES) {
        return false;
    }
    if (call->location != NULL &&
        MHD_add_response_header(response, "Location", call->location) !=
            MHD_YES) {
        return false;
    }
    if (call->retry_after_s == 0) {
        return true;
    }
    for (unsigned n = call->retry_after_s; n > 0; n /= 10) {
        len++;
    }
    seconds[len] = '\0';
    for (unsigned n = call->retry_after_s; n > 0; n /= 10) {
        seconds[--len] = (char)('0' + n % 10);
    }
    return MHD_add_response_header(response, "Retry-After", seconds) == MHD_YES;
}

enum MHD_Result
pv_server_send(struct request *request)
{
    struct pv_server_call *call = &request->call;
    struct MHD_Response   *response;
    enum MHD_Result        done = MHD_NO;
    bool                   is_empty = call->answer.len == 0;

    response = MHD_create_response_from_buffer(
        call->answer.len, is_empty ? (char *)(uintptr_t) "" : call->answer.ptr,
        is_empty ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        return MHD_NO;
    }
    if (!is_empty) { /* the response frees it now */
        memset(&call->answer, 0, sizeof(call->answer));
    }
    if (add_head(response, call)) {
        done = MHD_queue_response(call->connection, call->status, response);
    }
    MHD_destroy_response(response); /* the connection holds its own */
    return done;
}
