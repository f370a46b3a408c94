/* test_http.c - lib/http: the strict query, routes, who may connect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/server.h"

#define ROUNDS_MAX 200

static void
test_query(void **state)
{
    static const struct {
        struct pv_slice query;
        enum pv_err     err;
        struct pv_slice from;
        struct pv_slice limit;
        const char     *what;
    } row[] = {
        {PV_SLICE_INIT(""), PV_OK, {NULL, 0}, {NULL, 0}, "takes none"},
        {PV_SLICE_INIT("from=1"),
         PV_OK,
         PV_SLICE_INIT("1"),
         {NULL, 0},
         "takes one"},
        {PV_SLICE_INIT("limit=20&from=2026-11-26T00:00:00Z"), PV_OK,
         PV_SLICE_INIT("2026-11-26T00:00:00Z"), PV_SLICE_INIT("20"),
         "takes both in any order"},
        {PV_SLICE_INIT("from=1&from=2"),
         PV_EINVAL,
         {NULL, 0},
         {NULL, 0},
         "refuses one that comes twice"},
        {PV_SLICE_INIT("when=1"),
         PV_EINVAL,
         {NULL, 0},
         {NULL, 0},
         "refuses an unknown name"},
        {PV_SLICE_INIT("from="),
         PV_EINVAL,
         {NULL, 0},
         {NULL, 0},
         "refuses an empty value"},
        {PV_SLICE_INIT("from"),
         PV_EINVAL,
         {NULL, 0},
         {NULL, 0},
         "refuses a name alone"},
        {PV_SLICE_INIT("from=1&"),
         PV_EINVAL,
         {NULL, 0},
         {NULL, 0},
         "refuses an ampersand at the end"},
        {PV_SLICE_INIT("&from=1"),
         PV_EINVAL,
         {NULL, 0},
         {NULL, 0},
         "refuses an ampersand at the start"},
        {PV_SLICE_INIT("from=%31"),
         PV_EINVAL,
         {NULL, 0},
         {NULL, 0},
         "refuses an escape"},
        {PV_SLICE_INIT("from=1=2"),
         PV_EINVAL,
         {NULL, 0},
         {NULL, 0},
         "refuses a second equals sign"},
        {PV_SLICE_INIT("limit=1&when=1"),
         PV_EINVAL,
         {NULL, 0},
         {NULL, 0},
         "changes nothing when a later one is wrong"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct pv_server_param param[] = {
            {PV_SLICE_INIT("from"), {NULL, 0}},
            {PV_SLICE_INIT("limit"), {NULL, 0}},
        };
        enum pv_err err = pv_server_query(row[i].query, param, 2);

        if (err != row[i].err || !pv_slice_eq(param[0].value, row[i].from) ||
            !pv_slice_eq(param[1].value, row[i].limit)) {
            fail_msg("query %s", row[i].what);
        }
    }
}

/* ---- a server and its client ------------------------------------------- */

static void
say_hello(struct pv_server_call *call)
{
    struct pv_slice name = {NULL, 0};

    if (pv_server_header(call, "X-Name", &name) == PV_EINVAL) {
        pv_server_problem(call, 400, "header", "Twice", "دو بار");
        return;
    }
    if (pv_buf_addf(&call->answer, "hello %.*s uid %d rest %.*s", PV_FMT(name),
                    call->uid == geteuid(), PV_FMT(call->rest)) == PV_OK) {
        pv_server_answer(call, 200, "text/plain");
    }
}

static void
say_body(struct pv_server_call *call)
{
    if (pv_buf_add(&call->answer, call->body) == PV_OK) {
        pv_server_answer(call, 200, "text/plain");
    }
}

static void
say_nothing(struct pv_server_call *call)
{
    (void)call; /* forgot to answer */
}

static unsigned later_calls;
static unsigned forgotten;

static void
forget(void *state)
{
    (void)state; /* nothing is held */
    forgotten++;
}

/* Answers when it is asked for the third time, or when the time is over. */
static void
say_later(struct pv_server_call *call)
{
    call->state = &later_calls;
    later_calls++;
    if (later_calls < 3 && call->query.len == 0) {
        pv_server_wait(call, call->begun_ms + 60000);
        return;
    }
    if (call->query.len > 0 && later_calls < 2) {
        pv_server_wait(call, call->begun_ms + 5);
        return;
    }
    if (pv_buf_add(&call->answer, PV_LIT("now")) == PV_OK) {
        pv_server_answer(call, 200, "text/plain");
    }
}

static const struct pv_server_route route[] = {
    {"GET", "/hello", 0, say_hello}, {"GET", "/tree/", 0, say_hello},
    {"POST", "/body", 8, say_body},  {"GET", "/forgot", 0, say_nothing},
    {"GET", "/later", 0, say_later}, {"GET", "/raw/*", 0, say_hello},
};

struct scene {
    char              folder[64];
    char              path[96];
    struct pv_server *server;
};

static int
open_scene(struct scene *scene, uid_t uid)
{
    struct pv_server_config config = {.listenfd = -1,
                                      .uid = &uid,
                                      .uid_count = 1,
                                      .connections_max = 4,
                                      .forget = forget,
                                      .route = route,
                                      .route_count =
                                          sizeof(route) / sizeof(route[0])};
    struct pv_why           why;

    (void)snprintf(scene->folder, sizeof(scene->folder),
                   "/tmp/pv-http-XXXXXX"); /* it fits */
    assert_non_null(mkdtemp(scene->folder));
    (void)snprintf(scene->path, sizeof(scene->path), "%s/s",
                   scene->folder); /* it fits */
    assert_int_equal(
        pv_server_listen(scene->path, 0600, &config.listenfd, &why), PV_OK);
    assert_int_equal(pv_server_open(&config, &scene->server), PV_OK);
    return 0;
}

static void
close_scene(struct scene *scene)
{
    pv_server_close(scene->server);
    assert_int_equal(unlink(scene->path), 0);
    assert_int_equal(rmdir(scene->folder), 0);
}

/* What comes back for the bytes sent, until the server closes. */
static void
ask(struct scene *scene, const char *request, char *answer, size_t room)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t             len = 0;
    int                fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    memcpy(address.sun_path, scene->path, strlen(scene->path) + 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)),
                     0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL),
                     strlen(request));
    for (int i = 0; i < ROUNDS_MAX; i++) {
        ssize_t n;

        assert_int_equal(pv_server_run(scene->server, 10), PV_OK);
        pv_server_wake(scene->server); /* only what waits is asked again */
        n = recv(fd, answer + len, room - 1 - len, 0);
        if (n == 0) {
            break;
        }
        len += n > 0 ? (size_t)n : 0;
    }
    answer[len] = '\0';
    (void)close(fd); /* read to its end */
}

static void
test_server(void **state)
{
    static const struct {
        const char *request;
        const char *status;
        const char *part;
        const char *what;
    } row[] = {
        {"GET /hello HTTP/1.1\r\nHost: h\r\nX-Name: you\r\nConnection: "
         "close\r\n\r\n",
         "HTTP/1.1 200 ", "hello you uid 1 rest ", "answers a route"},
        {"GET /tree/a/b?x=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
         "HTTP/1.1 200 ", "rest a/b", "answers below a route's slash"},
        {"GET /tree/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
         "HTTP/1.1 200 ", "rest ", "answers the slash itself"},
        {"GET /hello HTTP/1.1\r\nHost: h\r\nX-Name: a\r\nX-Name: "
         "b\r\nConnection: close\r\n\r\n",
         "HTTP/1.1 400 ", "urn:payvand:problem:header",
         "tells a header that came twice"},
        {"GET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
         "HTTP/1.1 404 ", "urn:payvand:problem:not-found",
         "has a problem for no route"},
        {"GET /tree/../hello HTTP/1.1\r\nHost: h\r\nConnection: "
         "close\r\n\r\n",
         "HTTP/1.1 404 ", "not-found", "refuses a dot segment"},
        {"GET /raw/a%2F//../b HTTP/1.1\r\nHost: h\r\nConnection: "
         "close\r\n\r\n",
         "HTTP/1.1 200 ", "rest a%2F//../b",
         "gives a route that asks for it all below it as it was sent"},
        {"GET /tree/../raw/b HTTP/1.1\r\nHost: h\r\nConnection: "
         "close\r\n\r\n",
         "HTTP/1.1 404 ", "not-found", "comes to it by no dot segment"},
        {"GET /h%65llo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
         "HTTP/1.1 404 ", "not-found", "refuses an escape"},
        {"POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: "
         "0\r\nConnection: close\r\n\r\n",
         "HTTP/1.1 405 ", "http-method", "refuses another method"},
        {"POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\nConnection: "
         "close\r\n\r\n12345678",
         "HTTP/1.1 200 ", "12345678", "takes a body of the maximum"},
        {"POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nConnection: "
         "close\r\n\r\n123456789",
         "HTTP/1.1 413 ", "too-large", "refuses a byte more"},
        {"GET /later HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
         "HTTP/1.1 200 ", "now", "asks again until there is an answer"},
        {"GET /forgot HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
         "HTTP/1.1 500 ", "internal", "never leaves an answer out"},
    };
    struct scene scene;
    char         answer[4096];

    (void)state;
    assert_int_equal(open_scene(&scene, geteuid()), 0);
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        ask(&scene, row[i].request, answer, sizeof(answer));
        if (strncmp(answer, row[i].status, strlen(row[i].status)) != 0 ||
            strstr(answer, row[i].part) == NULL ||
            strstr(answer, "Cache-Control: no-store") == NULL) {
            fail_msg("server %s: %s", row[i].what, answer);
        }
    }
    close_scene(&scene);
}

/* Connect and say something; the answer is not read. */
static int
say(struct scene *scene, const char *request)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int                fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    memcpy(address.sun_path, scene->path, strlen(scene->path) + 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)),
                     0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL),
                     strlen(request));
    return fd;
}

static void
test_waiting(void **state)
{
    struct scene scene;
    char         answer[4096] = "";
    int          fd;
    int          other;

    (void)state;
    assert_int_equal(open_scene(&scene, geteuid()), 0);
    later_calls = 0;
    fd = say(&scene, "GET /later?x=1 HTTP/1.1\r\nHost: h\r\nConnection: "
                     "close\r\n\r\n");
    for (int i = 0; i < ROUNDS_MAX && later_calls < 2; i++) {
        assert_int_equal(pv_server_run(scene.server, 10), PV_OK);
    }
    assert_int_equal(pv_server_run(scene.server, 10), PV_OK);
    assert_true(recv(fd, answer, sizeof(answer) - 1, 0) > 0);
    assert_non_null(strstr(answer, "now")); /* its time was over */
    (void)close(fd);                        /* read */

    later_calls = 0; /* one that leaves */
    forgotten = 0;
    fd = say(&scene, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    for (int i = 0; i < ROUNDS_MAX && later_calls < 1; i++) {
        assert_int_equal(pv_server_run(scene.server, 10), PV_OK);
    }
    (void)close(fd); /* nobody waits any more */
    for (int i = 0; i < ROUNDS_MAX && forgotten == 0; i++) {
        pv_server_wake(scene.server);
        assert_int_equal(pv_server_run(scene.server, 10), PV_OK);
    }
    assert_int_equal(forgotten, 1);
    assert_int_equal(later_calls, 1); /* it was not asked again */

    later_calls = 0; /* two that wait for a minute */
    fd = say(&scene, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    other = say(&scene, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    for (int i = 0; i < ROUNDS_MAX && later_calls < 2; i++) {
        assert_int_equal(pv_server_run(scene.server, 10), PV_OK);
    }
    assert_int_equal(later_calls, 2);
    close_scene(&scene); /* both still wait */
    (void)close(fd);     /* never answered */
    (void)close(other);  /* as above */
}

static void
test_stranger(void **state)
{
    struct scene scene;
    char         answer[64];

    (void)state;
    assert_int_equal(open_scene(&scene, geteuid() + 1), 0);
    ask(&scene, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n", answer,
        sizeof(answer));
    assert_string_equal(answer, ""); /* closed without a word */
    close_scene(&scene);
}

static void
test_second(void **state)
{
    struct scene  scene;
    struct pv_why why;
    int           fd = -1;

    (void)state;
    assert_int_equal(open_scene(&scene, geteuid()), 0);
    assert_int_equal(pv_server_listen(scene.path, 0600, &fd, &why), PV_EEXIST);
    assert_int_equal(fd, -1);
    close_scene(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query),   cmocka_unit_test(test_server),
        cmocka_unit_test(test_waiting), cmocka_unit_test(test_stranger),
        cmocka_unit_test(test_second),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
