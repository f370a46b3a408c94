/*
 * page.h - the pages on which a person gives consent, sees and withdraws it,
 * and sees who asked. HTML without scripts, Persian (right to left) or English.
 *
 *   GET  /mine                      the person's numbers, and who asked
 *   GET  /consent?agency=A&service=S&purpose=P
 *                                   the question: who asks, what, until when,
 *                                   how often
 *   POST /consent?...               yes to it: a number, shown once
 *   POST /withdraw?id=N
 *
 * `lang=en` asks for English. The body of a POST is csrf=TOKEN, which only a
 * page of the same person's session of this process has. Who the person is
 * says nginx, in Payvand-Peer-Person; without it there is no page.
 */
#ifndef PV_CONSENT_PAGE_H
#define PV_CONSENT_PAGE_H

#include "http/server.h"

#define PAGE_KEY_LEN 32

struct pages {
    const char *desk;              /* the keeper's socket */
    uint8_t     key[PAGE_KEY_LEN]; /* of the tokens; for this process's life */
};

extern const struct pv_server_route page_route[];
extern const size_t                 page_route_count;

#endif
