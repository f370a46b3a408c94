/* What the main process takes as an answer of its keeper. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connectord/keeper_link.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define NO_WORD UINT32_MAX

static uint32_t heard;

static void
on_answer(struct pv_keeping *keeping, uint32_t word)
{
    (void)keeping;
    heard = word;
}

/* The keeper says something, and the loop hears it. */
static void
say(int keeper, int epoll, const struct pv_keeper_message *message)
{
    struct epoll_event event;
    struct pv_watch   *watch;
    struct pv_buf      packet;

    pv_buf_init(&packet, PV_KEEPER_PACKET_MAX);
    assert_int_equal(pv_keeper_pack(message, &packet), PV_OK);
    assert_int_equal(send(keeper, packet.ptr, packet.len, 0), packet.len);
    pv_buf_clear(&packet);
    assert_int_equal(epoll_wait(epoll, &event, 1, -1), 1);
    watch = event.data.ptr;
    watch->ready(watch, event.events);
}

static void
an_answer_to_another_message_is_none(void **state)
{
    static const struct {
        enum pv_keeper_type asked;
        enum pv_keeper_type said;
        uint32_t            word;
        uint32_t            heard;
    } row[] = {
        {PV_KEEPER_ASK, PV_KEEPER_SAID, PV_CONSENT_OK, PV_CONSENT_OK},
        {PV_KEEPER_ASK, PV_KEEPER_SAID, PV_CONSENT_EXPIRED, PV_CONSENT_EXPIRED},
        {PV_KEEPER_END, PV_KEEPER_KEPT, 1, 1},
        {PV_KEEPER_END, PV_KEEPER_KEPT, 0, 0},
        {PV_KEEPER_END, PV_KEEPER_SAID, PV_CONSENT_OK, 0}, /* a late one */
        {PV_KEEPER_ASK, PV_KEEPER_KEPT, 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(row); i++) {
        struct pv_keeping        keeping = {.done = on_answer};
        struct pv_keeper_link   *link = NULL;
        struct pv_keeper_message message = {.type = row[i].asked, .call = 7};
        int                      epoll = epoll_create1(EPOLL_CLOEXEC);
        int                      pair[2];

        assert_int_not_equal(epoll, -1);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        assert_int_equal(pv_keeper_link_new(pair[0], epoll, &link), PV_OK);
        assert_int_equal(pv_keeper_link_send(link, &message, &keeping), PV_OK);
        pv_keeper_link_flush(link);
        heard = NO_WORD;
        say(pair[1], epoll,
            &(struct pv_keeper_message){
                .type = row[i].said, .call = 8, .as.word = row[i].word});
        assert_int_equal(heard, NO_WORD); /* of another call */
        say(pair[1], epoll,
            &(struct pv_keeper_message){
                .type = row[i].said, .call = 7, .as.word = row[i].word});
        assert_int_equal(heard, row[i].heard);
        assert_true(pv_keeper_link_is_alive(link));
        pv_keeper_link_free(link);
        (void)close(pair[1]); /* nothing to lose */
        (void)close(epoll);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_to_another_message_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
