#include "mock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"
#include "contract/example.h"
#include "contract/fault.h"
#include "contract/request.h"
#include "daemon/signals.h"
#include "http/server.h"
#include "policy/outcome.h"

#define CONNECTIONS_MAX 16
#define BACKLOG 16
#define CONSENT_DIGITS 16
#define WAIT_MS 500
#define PROBLEM_TYPE "application/problem+json"

static volatile sig_atomic_t stopped;

static void
on_signal(int number)
{
    (void)number;
    stopped = 1;
}

/* ---- an answer ---------------------------------------------------------- */

static void
mark(struct pv_server_call *call, enum pv_outcome outcome)
{
    call->more[0] = (struct pv_server_more){"Payvand-Mock", "1"};
    call->more[1] = (struct pv_server_more){"Payvand-Outcome",
                                            pv_outcome_word(outcome).ptr};
    call->more_count = 2;
}

static void
say_broken(struct pv_server_call *call)
{
    pv_server_problem(call, 500, "mock", "The mock has no memory left",
                      "حافظه برای پاسخ آزمایشی نمانده است");
}

static void
say_fault(struct pv_server_call *call, const struct pv_fault *fault)
{
    call->answer.len = 0;
    if (pv_fault_problem(fault, PV_LIT(""), &call->answer) != PV_OK) {
        say_broken(call);
        return;
    }
    pv_server_answer(call, (unsigned)pv_outcome_status(PV_OUTCOME_INVALID),
                     PROBLEM_TYPE);
    mark(call, PV_OUTCOME_INVALID);
}

static void
say(struct pv_server_call *call, enum pv_outcome outcome, const char *word,
    const char *title, const char *title_fa)
{
    pv_server_problem(call, (unsigned)pv_outcome_status(outcome), word, title,
                      title_fa);
    mark(call, outcome);
}

static void
say_example(struct pv_server_call           *call,
            const struct pv_contract_method *method)
{
    json_t *answer = NULL;
    char   *text = NULL;

    call->answer.len = 0;
    if (pv_example_answer(method, pv_time_wall_ms(), &answer) == PV_OK) {
        text = json_dumps(answer, JSON_COMPACT | JSON_SORT_KEYS);
    }
    if (text == NULL ||
        pv_buf_add(&call->answer, pv_slice_from(text)) != PV_OK) {
        say_broken(call);
    } else {
        pv_server_answer(call, 200, "application/json");
        mark(call, PV_OUTCOME_ANSWERED);
    }
    free(text);
    json_decref(answer);
}

/* ---- a call ------------------------------------------------------------- */

/* 16 digits, in one piece or in groups; the mock takes any. */
static bool
is_consent(struct pv_slice text)
{
    size_t digits = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] >= '0' && text.ptr[i] <= '9') {
            digits++;
        } else if (text.ptr[i] != ' ') {
            return false;
        }
    }
    return digits == CONSENT_DIGITS;
}

/* What stands in headers; false: an answer stands. */
static bool
take_headers(struct pv_server_call           *call,
             const struct pv_contract_method *method)
{
    struct pv_slice value = {NULL, 0};

    if (method->pattern == PV_CALL_COMMAND &&
        (pv_server_header(call, "Idempotency-Key", &value) != PV_OK ||
         value.len == 0)) {
        say(call, PV_OUTCOME_INVALID, "idempotency-key-missing",
            "A command needs one Idempotency-Key: repeated with it, it acts "
            "once",
            "این فرمان یک Idempotency-Key می‌خواهد: تکرار با همان کلید، تنها یک "
            "بار اجرا می‌شود");
        return false;
    }
    if (method->consent.is_set &&
        (pv_server_header(call, "Payvand-Consent", &value) != PV_OK ||
         !is_consent(value))) {
        say(call, PV_OUTCOME_FAILED, "consent-missing",
            "This method needs the person's consent number of 16 digits in "
            "Payvand-Consent",
            "این متد شماره رضایت ۱۶ رقمی شخص را در Payvand-Consent می‌خواهد");
        return false;
    }
    return true;
}

static const struct pv_contract_method *
find(const struct pv_contract *contract, struct pv_slice path)
{
    for (size_t i = 0; i < contract->method_count; i++) {
        if (pv_slice_eq(pv_slice_from(contract->method[i].path), path)) {
            return &contract->method[i];
        }
    }
    return NULL;
}

static void
on_call(struct pv_server_call *call)
{
    const struct pv_contract_method *method = find(call->context, call->path);
    struct pv_fault                  fault = {PV_FAULT_NONE, ""};
    struct pv_request                request;
    enum pv_err                      err;

    if (method == NULL) {
        say(call, PV_OUTCOME_REFUSED, "method-unknown",
            "The contract has no method at this path",
            "این قرارداد در این نشانی متدی ندارد");
        return;
    }
    if (!take_headers(call, method)) {
        return;
    }
    err = pv_request_parse(method, call->body, pv_time_wall_ms(), &request,
                           &fault);
    if (err == PV_EINVAL) {
        say_fault(call, &fault);
    } else if (err != PV_OK) {
        say_broken(call);
    } else {
        pv_request_clear(&request);
        say_example(call, method);
    }
}

/* ---- the server --------------------------------------------------------- */

static enum pv_err
listen_on_loopback(uint16_t *port, int *ret_fd, struct pv_why *why)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(*port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t          len = sizeof(address);
    int                on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd == -1 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (const struct sockaddr *)&address, len) != 0 ||
        listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        pv_why_set(why, "cannot listen at 127.0.0.1:%u: %s", (unsigned)*port,
                   strerror(errno));
        if (fd != -1) {
            (void)close(fd); /* nobody has used it */
        }
        return PV_ESYS;
    }
    *port = ntohs(address.sin_port);
    *ret_fd = fd;
    return PV_OK;
}

static enum pv_err
say_where(const struct pv_contract *contract, uint16_t port, bool json)
{
    int n = printf(json ? "{\"url\":\"http://127.0.0.1:%u\",\"path\":\"%s\"}\n"
                        : "http://127.0.0.1:%u%s\n",
                   (unsigned)port, contract->method[0].path);

    return n > 0 && fflush(stdout) == 0 ? PV_OK : PV_ESYS;
}

enum pv_err
pv_mock_serve(const struct pv_contract *contract, uint16_t port, bool json,
              struct pv_why *why)
{
    static const struct pv_server_route route[] = {
        {"POST", "/x/", PV_BODY_MAX, on_call}};
    struct pv_server_config config = {.listenfd = -1,
                                      .is_tcp = true,
                                      .connections_max = CONNECTIONS_MAX,
                                      .route = route,
                                      .route_count = 1};
    struct pv_server       *server = NULL;
    enum pv_err             err = pv_signals_catch(on_signal, why);

    /* the routes' functions only read it */
    config.context = (void *)(uintptr_t)contract;
    if (err == PV_OK) {
        err = listen_on_loopback(&port, &config.listenfd, why);
    }
    if (err == PV_OK) {
        err = pv_server_open(&config, &server);
    }
    if (err == PV_OK) {
        err = say_where(contract, port, json);
    }
    while (err == PV_OK && stopped == 0) {
        err = pv_server_run(server, WAIT_MS);
    }
    pv_server_close(server);
    return err;
}
